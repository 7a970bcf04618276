// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/fp.h"

namespace tandem::numerics {

void fp16_to_float(const std::uint16_t* __restrict from, float* __restrict to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = fp16_to_float(from[i]);
}

void float_to_fp16(const float* __restrict from, std::uint16_t* __restrict to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = float_to_fp16(from[i]);
}

void bf16_to_float(const std::uint16_t* __restrict from, float* __restrict to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = bf16_to_float(from[i]);
}

void float_to_bf16(const float* __restrict from, std::uint16_t* __restrict to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = float_to_bf16(from[i]);
}

}  // namespace tandem::numerics
