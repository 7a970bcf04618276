// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/random.h"

#include "tandem/numerics/math.h"

namespace tandem::numerics {
namespace {

std::array<std::uint32_t, 4> block(const RandomKey& key, std::uint32_t index) {
  return philox4x32_10(
      {index, key.position, key.request, static_cast<std::uint32_t>(key.purpose)},
      {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)});
}

float uniform_of(std::uint32_t word) {
  return static_cast<float>((word >> 9) * 2 + 1) * 0x1p-24f;
}

float gumbel_of(std::uint32_t word) {
  return -log(-log(uniform_of(word)));
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
        static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

std::uint32_t random_word(const RandomKey& key, std::uint32_t index) {
  return block(key, index / 4)[index % 4];
}

float uniform(const RandomKey& key, std::uint32_t index) {
  return uniform_of(random_word(key, index));
}

float gumbel(const RandomKey& key, std::uint32_t index) {
  return gumbel_of(random_word(key, index));
}

void gumbel(const RandomKey& key, std::size_t n, float* noise) {
  for (std::size_t begin = 0; begin < n; begin += 4) {
    const auto words = block(key, static_cast<std::uint32_t>(begin / 4));
    for (std::size_t i = begin; i < n && i < begin + 4; ++i) noise[i] = gumbel_of(words[i - begin]);
  }
}

}  // namespace tandem::numerics
