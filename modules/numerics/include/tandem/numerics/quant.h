// SPDX-License-Identifier: Apache-2.0
// Symmetric low-bit weight formats with storage of their own and FP16 scales:
//   INT8  q in -127..127      scale = absmax / 127
//   INT4  q in -7..7          scale = absmax / 7
//   E2M1  0, .5, 1, 1.5, 2, 3, 4, 6 and sign   scale = absmax / 6
//   E3M0  2^0 .. 2^-7 and sign, no zero        scale = absmax
// One scale per group of 128 along a row (a last group may be shorter), per row or per tensor.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tandem/numerics/weights.h"

namespace tandem::numerics {

// The codes of `absmax` come from the exact scale, those of the other rules from the scale as
// stored in FP16.
enum class ScaleRule : std::uint8_t {
  kAbsmax,  // the largest magnitude maps to the format's largest value
  kMse,   // of absmax scale x 2^(k/16), k = -16..8, the one of least squared error; lowest on ties
  kPow2,  // the power of two nearest to the absmax scale (nearest in its logarithm)
};

struct QuantTensor {
  TensorLayout layout;
  std::vector<std::uint8_t> stream;
  std::vector<std::uint8_t> scales;  // FP16, little endian
};

// weights: FP16 [rows][cols]. Values go to the nearest code: INT8 and INT4 round ties to even, E2M1
// and E3M0 to the smaller magnitude; what lies beyond the largest code is clamped. Throws
// std::invalid_argument for another format, Grouping::kNone or a weight that is infinite or NaN.
QuantTensor quantize(const std::uint16_t* weights, std::uint32_t rows, std::uint32_t cols,
                     abi::Format format, abi::Grouping grouping, ScaleRule rule);

// FP16 scales of a group-scaled draft: weights ~ scale x draft[i], with draft the unscaled values
// (row major, as draft_values() of a BSFP tensor gives them). kAbsmax: largest weight over largest
// draft magnitude; kMse: the exact least-squares scale; kPow2: the power of two nearest to that.
// Throws like quantize().
std::vector<std::uint8_t> fit_draft_scales(const std::uint16_t* weights, const float* draft,
                                           std::uint32_t rows, std::uint32_t cols,
                                           abi::Grouping grouping, ScaleRule rule);

// Value times scale of every element, row major.
std::vector<float> dequantize(const QuantTensor& tensor);

}  // namespace tandem::numerics
