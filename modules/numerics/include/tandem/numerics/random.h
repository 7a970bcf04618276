// SPDX-License-Identifier: Apache-2.0
// Random numbers as a function of a counter: Philox4x32-10 (Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC'11). No state: the same key and index give the same number
// anywhere.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::numerics {

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key);

// What a random number is for; different purposes never share numbers.
enum class Purpose : std::uint32_t {
  kDraftToken = 1,   // sampling a drafted token
  kAccept = 2,       // accepting or rejecting a drafted token
  kResidual = 3,     // resampling after a rejection
  kTargetToken = 4,  // sampling from the target (plain decoding, or after full acceptance)
  kGumbel = 5,       // noise per vocabulary entry, shared by draft and target (coupled)
  kArrival = 6,      // workload generation
  kWeights = 7,      // random models
  kOracle = 8,       // decisions in timing-only runs
};

struct RandomKey {
  std::uint64_t seed = 0;
  std::uint32_t request = 0;
  std::uint32_t position = 0;
  Purpose purpose = Purpose::kDraftToken;
};

std::uint32_t random_word(const RandomKey& key, std::uint32_t index);

// In (0, 1): odd multiples of 2^-24, so neither 0 nor 1 occurs.
float uniform(const RandomKey& key, std::uint32_t index);

// -log(-log(uniform)): adding it to logits and taking the largest samples their softmax.
float gumbel(const RandomKey& key, std::uint32_t index);
void gumbel(const RandomKey& key, std::size_t n, float* noise);  // noise[i] = gumbel(key, i)

}  // namespace tandem::numerics
