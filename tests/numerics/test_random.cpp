// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/numerics/random.h"
#include "test_support.h"

using namespace tandem;

TEST_CASE("philox4x32-10 gives the known answers of its authors") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(numerics::philox4x32_10({0, 0, 0, 0}, {0, 0}) ==
        Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(numerics::philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(numerics::philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                                {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("uniform numbers lie inside (0, 1) and depend on every part of the key") {
  const numerics::RandomKey key{7, 1, 2, numerics::Purpose::kAccept};
  double sum = 0, squares = 0;
  constexpr std::uint32_t kDraws = 100000;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const float u = numerics::uniform(key, i);
    REQUIRE(u > 0.0f);
    REQUIRE(u < 1.0f);
    sum += u;
    squares += static_cast<double>(u) * u;
  }
  // Standard deviation of the mean is 0.0009, of the mean square 0.0009: bounds at five of them.
  CHECK(std::fabs(sum / kDraws - 1.0 / 2) < 0.0046);
  CHECK(std::fabs(squares / kDraws - 1.0 / 3) < 0.0047);

  const std::uint32_t word = numerics::random_word(key, 5);
  auto other = key;
  other.seed = 7 + (std::uint64_t{1} << 32);
  CHECK(numerics::random_word(other, 5) != word);
  other = key;
  other.request = 2;
  CHECK(numerics::random_word(other, 5) != word);
  other = key;
  other.position = 3;
  CHECK(numerics::random_word(other, 5) != word);
  other = key;
  other.purpose = numerics::Purpose::kResidual;
  CHECK(numerics::random_word(other, 5) != word);
  CHECK(numerics::random_word(key, 6) != word);
}

TEST_CASE("Gumbel noise by array equals the noise by index and has the Gumbel mean") {
  const numerics::RandomKey key{1, 2, 3, numerics::Purpose::kGumbel};
  std::vector<float> noise(50001);
  numerics::gumbel(key, noise.size(), noise.data());
  double sum = 0;
  for (std::uint32_t i = 0; i < noise.size(); ++i) {
    REQUIRE(noise[i] == numerics::gumbel(key, i));
    sum += noise[i];
  }
  // Euler's constant; standard deviation of the mean pi / sqrt(6 n) = 0.0057.
  CHECK(std::fabs(sum / static_cast<double>(noise.size()) - 0.57722) < 0.029);
}
