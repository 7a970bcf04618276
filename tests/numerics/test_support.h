// SPDX-License-Identifier: Apache-2.0
// Reference conversions and random data of fixed seed for the tests of the arithmetic.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "tandem/numerics/fp.h"

namespace tandem::test {

// The value of an FP16 pattern straight from the definition of the format.
inline double reference_fp16(std::uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const int mantissa = h & 1023;
  double value;
  if (exponent == 31) {
    value = mantissa != 0 ? std::nan("") : INFINITY;
  } else if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else {
    value = std::ldexp(1024 + mantissa, exponent - 25);
  }
  return (h & 0x8000) != 0 ? -value : value;
}

// Random finite FP16 patterns: every exponent equally often, so subnormals and zeros are common.
inline std::vector<std::uint16_t> random_patterns(std::size_t n, unsigned seed,
                                                  unsigned lowest_exponent = 0,
                                                  unsigned highest_exponent = 30) {
  std::mt19937 engine(seed);
  std::vector<std::uint16_t> patterns(n);
  for (auto& p : patterns) {
    const auto exponent = lowest_exponent + engine() % (highest_exponent - lowest_exponent + 1);
    const auto mantissa = engine() % 8 == 0 ? 0 : engine() % 1024;
    p = static_cast<std::uint16_t>((engine() & 1u) << 15 | exponent << 10 | mantissa);
  }
  return patterns;
}

inline std::vector<std::uint16_t> gaussian_weights(std::size_t n, double sigma, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> gauss(0, sigma);
  std::vector<std::uint16_t> weights(n);
  for (auto& w : weights) w = numerics::float_to_fp16(static_cast<float>(gauss(engine)));
  return weights;
}

// Signal to quantisation noise in dB.
inline double sqnr_db(const std::vector<std::uint16_t>& weights, const std::vector<float>& draft) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double w = reference_fp16(weights[i]);
    signal += w * w;
    noise += (w - draft[i]) * (w - draft[i]);
  }
  return 10 * std::log10(signal / noise);
}

}  // namespace tandem::test
