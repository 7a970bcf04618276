// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/quant.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "tandem/numerics/decode.h"
#include "tandem/numerics/fp.h"

namespace tandem::numerics {
namespace {

constexpr double kSmallestNormal = 0x1p-14;  // of FP16

using abi::Format;
using abi::Grouping;

struct Code {
  std::uint8_t bits;
  double value;  // without scale
};

// Magnitudes of the eight codes, ascending, in units of the scale.
using Magnitudes = std::array<double, 8>;
constexpr Magnitudes kE2m1 = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
constexpr Magnitudes kE3m0 = {0x1p-7, 0x1p-6, 0x1p-5, 0x1p-4, 0x1p-3, 0x1p-2, 0x1p-1, 1};

double largest_value(Format format) {
  switch (format) {
    case Format::kInt8:
      return 127;
    case Format::kInt4:
      return 7;
    case Format::kE2m1:
      return 6;
    case Format::kE3m0:
      return 1;
    default:
      throw std::invalid_argument("quantize: not a scaled low-bit format");
  }
}

Code nearest_integer(double x, double largest, unsigned bits) {
  constexpr double kRoundToInteger = 0x1.8p52;
  const double clamped = std::min(largest, std::max(-largest, x));
  const double rounded = (clamped + kRoundToInteger) - kRoundToInteger;
  const unsigned mask = (1u << bits) - 1u;
  return {static_cast<std::uint8_t>(static_cast<unsigned>(static_cast<int>(rounded)) & mask),
          rounded};
}

Code nearest_magnitude(double x, const Magnitudes& magnitudes) {
  const double magnitude = std::fabs(x);
  unsigned code = 0;
  while (code < 7 && magnitude > (magnitudes[code] + magnitudes[code + 1]) / 2) ++code;
  const bool negative = std::signbit(x);
  return {static_cast<std::uint8_t>(code | (negative ? 8u : 0u)),
          negative ? -magnitudes[code] : magnitudes[code]};
}

Code nearest_code(Format format, double x) {
  switch (format) {
    case Format::kInt8:
      return nearest_integer(x, 127, 8);
    case Format::kInt4:
      return nearest_integer(x, 7, 4);
    case Format::kE2m1:
      return nearest_magnitude(x, kE2m1);
    default:
      return nearest_magnitude(x, kE3m0);
  }
}

// The weights that share one scale.
struct Group {
  const float* weights;
  std::size_t n;
};

// To FP16, but never to zero or infinity: a group that is not all zero keeps a usable scale.
double storable_scale(double scale) {
  const double rounded = fp16_to_float(float_to_fp16(static_cast<float>(scale)));
  return std::min(65504.0, std::max(0x1p-24, rounded));
}

double nearest_power_of_two(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);  // in [1/2, 1)
  const double power = std::ldexp(1.0, 2 * fraction * fraction >= 1 ? exponent : exponent - 1);
  return std::min(0x1p15, power);
}

double squared_error(const Group& group, Format format, double scale) {
  double error = 0;
  for (std::size_t i = 0; i < group.n; ++i) {
    const double w = group.weights[i];
    const double off = scale * nearest_code(format, w / scale).value - w;
    error += off * off;
  }
  return error;
}

double least_error_scale(const Group& group, Format format, double absmax_scale) {
  const double step = std::sqrt(std::sqrt(std::sqrt(std::sqrt(2.0))));
  double candidate = absmax_scale / 2;
  double best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int k = -16; k <= 8; ++k, candidate *= step) {
    const double scale = storable_scale(candidate);
    const double error = squared_error(group, format, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

// Zero for a group of zeros.
// What weights are divided by to find their codes, and what is stored to multiply them with.
struct Scales {
  double divisor;
  double stored;
};

Scales group_scales(const Group& group, Format format, ScaleRule rule) {
  double absmax = 0;
  for (std::size_t i = 0; i < group.n; ++i) {
    absmax = std::max(absmax, std::fabs(static_cast<double>(group.weights[i])));
  }
  if (absmax == 0) return {0, 0};
  const double scale = absmax / largest_value(format);
  if (rule == ScaleRule::kMse) {
    const double stored = least_error_scale(group, format, scale);
    return {stored, stored};
  }
  const double stored =
      storable_scale(rule == ScaleRule::kPow2 ? nearest_power_of_two(scale) : scale);
  // A subnormal scale is stored too coarsely for codes found with the exact one.
  const bool exact = rule == ScaleRule::kAbsmax && scale >= kSmallestNormal;
  return {exact ? scale : stored, stored};
}

double draft_scale(const Group& group, const float* draft, ScaleRule rule) {
  double largest_weight = 0, largest_draft = 0, product = 0, square = 0;
  for (std::size_t i = 0; i < group.n; ++i) {
    const double w = group.weights[i];
    const double d = draft[i];
    largest_weight = std::max(largest_weight, std::fabs(w));
    largest_draft = std::max(largest_draft, std::fabs(d));
    product += w * d;
    square += d * d;
  }
  if (largest_weight == 0 || square == 0) return 0;
  if (rule == ScaleRule::kAbsmax) return storable_scale(largest_weight / largest_draft);
  const double scale = product / square;
  if (rule == ScaleRule::kMse) return storable_scale(scale);
  return storable_scale(nearest_power_of_two(scale));
}

std::vector<float> widened(const std::uint16_t* weights, std::size_t n) {
  std::vector<float> values(n);
  fp16_to_float(weights, values.data(), n);
  for (const float value : values) {
    if (!std::isfinite(value)) throw std::invalid_argument("quantize: NaN or infinity in weights");
  }
  return values;
}

// Calls visit(first element, count) for each scale's weights, in the order of the scales. Weights
// of one scale are contiguous in every grouping.
template <class Visit>
void for_each_group(std::uint32_t rows, std::uint32_t cols, Grouping grouping, Visit visit) {
  const std::size_t elements = static_cast<std::size_t>(rows) * cols;
  const std::size_t row_length = grouping == Grouping::kTensor ? elements : cols;
  const std::size_t group_length = grouping == Grouping::kGroup128 ? abi::kChunk : row_length;
  if (grouping == Grouping::kNone) throw std::invalid_argument("quantize: a grouping is needed");
  for (std::size_t row = 0; row < elements; row += row_length) {
    for (std::size_t i = 0; i < row_length; i += group_length) {
      visit(row + i, std::min(group_length, row_length - i));
    }
  }
}

void append_scale(std::vector<std::uint8_t>& scales, double scale) {
  const std::uint16_t pattern = float_to_fp16(static_cast<float>(scale));
  scales.push_back(static_cast<std::uint8_t>(pattern & 0xFF));
  scales.push_back(static_cast<std::uint8_t>(pattern >> 8));
}

void write_code(std::vector<std::uint8_t>& stream, unsigned bits, std::size_t i, Code code) {
  const std::size_t bit = i * bits;
  stream[bit / 8] = static_cast<std::uint8_t>(stream[bit / 8] | code.bits << (bit % 8));
}

}  // namespace

QuantTensor quantize(const std::uint16_t* weights, std::uint32_t rows, std::uint32_t cols,
                     Format format, Grouping grouping, ScaleRule rule) {
  largest_value(format);  // refuses other formats
  const std::vector<float> values = widened(weights, static_cast<std::size_t>(rows) * cols);
  QuantTensor tensor;
  tensor.layout = {format, grouping, abi::TableScope::kTensor, rows, cols};
  tensor.stream.resize(plane_bytes(tensor.layout, Plane::kStream));
  const unsigned bits = abi::stream_bits(format);
  for_each_group(rows, cols, grouping, [&](std::size_t first, std::size_t n) {
    const Scales scales = group_scales({values.data() + first, n}, format, rule);
    append_scale(tensor.scales, scales.stored);
    for (std::size_t i = first; i < first + n; ++i) {
      const double x = scales.divisor == 0 ? 0.0 : values[i] / scales.divisor;
      write_code(tensor.stream, bits, i, nearest_code(format, x));
    }
  });
  return tensor;
}

std::vector<std::uint8_t> fit_draft_scales(const std::uint16_t* weights, const float* draft,
                                           std::uint32_t rows, std::uint32_t cols,
                                           Grouping grouping, ScaleRule rule) {
  const std::vector<float> values = widened(weights, static_cast<std::size_t>(rows) * cols);
  std::vector<std::uint8_t> scales;
  for_each_group(rows, cols, grouping, [&](std::size_t first, std::size_t n) {
    append_scale(scales, draft_scale({values.data() + first, n}, draft + first, rule));
  });
  return scales;
}

std::vector<float> dequantize(const QuantTensor& tensor) {
  const TensorLayout& layout = tensor.layout;
  const WeightView view =
      view_of(layout, whole(layout), tensor.stream.data(), nullptr, tensor.scales.data(), nullptr);
  std::vector<float> values(static_cast<std::size_t>(layout.rows) * layout.cols);
  for (std::uint32_t row = 0; row < layout.rows; ++row) {
    float* out = values.data() + static_cast<std::size_t>(row) * layout.cols;
    decode_row(view, row, 0, layout.cols, out);
    for (std::uint32_t col = 0; col < layout.cols; ++col) out[col] *= scale_at(view, row, col);
  }
  return values;
}

}  // namespace tandem::numerics
