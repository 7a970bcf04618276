// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/vector_unit.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "tandem/abi/formats.h"
#include "tandem/numerics/fp.h"
#include "tandem/numerics/math.h"

namespace tandem::npu {
namespace {

using numerics::float_to_fp16;
using numerics::fp16_to_float;

// Sum of term(i) over i < n in the canonical order.
template <typename Term>
float canonical_sum(std::uint32_t n, Term term) {
  float total = 0.0f;
  for (std::uint32_t begin = 0; begin < n; begin += abi::kChunk) {
    const std::uint32_t end = std::min(n, begin + abi::kChunk);
    float chunk = 0.0f;
    for (std::uint32_t i = begin; i < end; ++i) chunk += term(i);
    total += chunk;
  }
  return total;
}

template <typename Function>
void map(std::uint32_t n, std::uint16_t* y, Function function) {
  for (std::uint32_t i = 0; i < n; ++i) y[i] = float_to_fp16(function(i));
}

struct Rotation {
  float cosine;
  float sine;

  Rotation(std::uint32_t position, float inverse_frequency) {
    const float angle = static_cast<float>(position) * inverse_frequency;
    cosine = numerics::cos(angle);
    sine = numerics::sin(angle);
  }

  void apply(const std::uint16_t* x, std::uint32_t first, std::uint32_t second,
             std::uint16_t* y) const {
    const float a = fp16_to_float(x[first]);
    const float b = fp16_to_float(x[second]);
    y[first] = float_to_fp16(a * cosine - b * sine);
    y[second] = float_to_fp16(a * sine + b * cosine);
  }
};

bool is_power_of_two(std::uint32_t x) {
  return x != 0 && (x & (x - 1)) == 0;
}

void require(bool holds, const char* field, double value, const char* rule) {
  if (holds) return;
  throw std::invalid_argument("vector_unit." + std::string(field) + " = " + std::to_string(value) +
                              ": " + rule);
}

struct OperationInfo {
  const char* name;
  // Lane operations per element, for energy.
  unsigned simple;
  unsigned special;
};

// In the order of VectorOperation. Reductions count one addition per element.
constexpr OperationInfo kOperations[kVectorOperations] = {
    {"rms_norm", 4, 0}, {"layer_norm", 7, 0}, {"rotary", 3, 1},
    {"add", 1, 0},      {"multiply", 1, 0},   {"silu_multiply", 2, 2},
    {"gelu", 0, 1},     {"softmax", 4, 1},    {"maximum", 1, 0},
};

}  // namespace

void VectorUnitConfig::validate() const {
  require(is_power_of_two(lanes), "lanes", lanes, "must be a power of two");
  require(is_power_of_two(units) && units <= lanes, "units", units,
          "must be a power of two, at most the lanes");
  require(clock_period_ps > 0, "clock_period_ps", 0, "must be at least 1");
  require(simple_cycles > 0, "simple_cycles", 0, "must be at least 1");
  require(special_cycles > 0, "special_cycles", 0, "must be at least 1");
  require(add_tree_cycles > 0, "add_tree_cycles", 0, "must be at least 1");
  require(simple_femtojoules >= 0, "simple_femtojoules", simple_femtojoules,
          "must not be negative");
  require(special_femtojoules >= 0, "special_femtojoules", special_femtojoules,
          "must not be negative");
}

VectorUnit::VectorUnit(const Config& config) : config_(config) {
  config_.validate();
}

void VectorUnit::set_clock_period_ps(std::uint64_t period_ps) {
  Config changed = config_;
  changed.clock_period_ps = period_ps;
  changed.validate();
  config_ = changed;
}

void VectorUnit::rms_norm(const std::uint16_t* x, const std::uint16_t* gain, float epsilon,
                          std::uint32_t dim, std::uint16_t* y) {
  const float squares = canonical_sum(dim, [&](std::uint32_t i) {
    const float value = fp16_to_float(x[i]);
    return value * value;
  });
  const float factor = numerics::rsqrt(squares / static_cast<float>(dim) + epsilon);
  map(dim, y,
      [&](std::uint32_t i) { return fp16_to_float(x[i]) * factor * fp16_to_float(gain[i]); });
}

void VectorUnit::layer_norm(const std::uint16_t* x, const std::uint16_t* gain,
                            const std::uint16_t* bias, float epsilon, std::uint32_t dim,
                            std::uint16_t* y) {
  const auto count = static_cast<float>(dim);
  const float mean =
      canonical_sum(dim, [&](std::uint32_t i) { return fp16_to_float(x[i]); }) / count;
  const float squares = canonical_sum(dim, [&](std::uint32_t i) {
    const float difference = fp16_to_float(x[i]) - mean;
    return difference * difference;
  });
  const float factor = numerics::rsqrt(squares / count + epsilon);
  map(dim, y, [&](std::uint32_t i) {
    const float scaled = (fp16_to_float(x[i]) - mean) * factor * fp16_to_float(gain[i]);
    return bias == nullptr ? scaled : scaled + fp16_to_float(bias[i]);
  });
}

void VectorUnit::rope_interleaved(const std::uint16_t* x, std::uint32_t position,
                                  const float* inverse_frequency, std::uint32_t heads,
                                  std::uint32_t head_dim, std::uint16_t* y) {
  for (std::uint32_t i = 0; i < head_dim / 2; ++i) {
    const Rotation rotation(position, inverse_frequency[i]);
    for (std::uint32_t head = 0; head < heads; ++head) {
      const std::uint32_t first = head * head_dim + 2 * i;
      rotation.apply(x, first, first + 1, y);
    }
  }
}

void VectorUnit::rope_halves(const std::uint16_t* x, std::uint32_t position,
                             const float* inverse_frequency, std::uint32_t heads,
                             std::uint32_t head_dim, std::uint16_t* y) {
  const std::uint32_t half = head_dim / 2;
  for (std::uint32_t i = 0; i < half; ++i) {
    const Rotation rotation(position, inverse_frequency[i]);
    for (std::uint32_t head = 0; head < heads; ++head) {
      const std::uint32_t first = head * head_dim + i;
      rotation.apply(x, first, first + half, y);
    }
  }
}

void VectorUnit::add(const std::uint16_t* a, const std::uint16_t* b, std::uint32_t n,
                     std::uint16_t* y) {
  map(n, y, [&](std::uint32_t i) { return fp16_to_float(a[i]) + fp16_to_float(b[i]); });
}

void VectorUnit::multiply(const std::uint16_t* a, const std::uint16_t* b, std::uint32_t n,
                          std::uint16_t* y) {
  map(n, y, [&](std::uint32_t i) { return fp16_to_float(a[i]) * fp16_to_float(b[i]); });
}

void VectorUnit::silu_multiply(const std::uint16_t* a, const std::uint16_t* b, std::uint32_t n,
                               std::uint16_t* y) {
  map(n, y,
      [&](std::uint32_t i) { return numerics::silu(fp16_to_float(a[i])) * fp16_to_float(b[i]); });
}

void VectorUnit::gelu(const std::uint16_t* x, std::uint32_t n, std::uint16_t* y) {
  map(n, y, [&](std::uint32_t i) { return numerics::gelu_tanh(fp16_to_float(x[i])); });
}

void VectorUnit::softmax_row(const std::uint16_t* scores, std::uint32_t n,
                             std::uint16_t* probabilities) {
  scratch_.resize(n);
  fp16_to_float(scores, scratch_.data(), n);
  float largest = -std::numeric_limits<float>::infinity();
  for (const float score : scratch_) largest = std::max(largest, score);
  if (std::all_of(scratch_.begin(), scratch_.end(),
                  [](float score) { return score == -std::numeric_limits<float>::infinity(); })) {
    std::fill_n(probabilities, n, std::uint16_t{0});
    return;
  }
  for (float& score : scratch_) score -= largest;
  numerics::exp(scratch_.data(), scratch_.data(), n);
  const float sum = canonical_sum(n, [&](std::uint32_t i) { return scratch_[i]; });
  map(n, probabilities, [&](std::uint32_t i) { return scratch_[i] / sum; });
}

namespace {
std::uint64_t divide(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0);
}
}  // namespace

std::uint64_t VectorUnit::cycles(VectorOperation operation, std::uint64_t rows,
                                 std::uint64_t n) const {
  const auto vectors = [&](std::uint64_t elements) {
    return divide(elements, config_.unit_lanes());
  };
  const std::uint64_t simple = config_.simple_cycles;
  const std::uint64_t special = config_.special_cycles;
  const std::uint64_t tree = config_.add_tree_cycles;
  const std::uint64_t v = vectors(n);
  const std::uint64_t r = divide(rows, config_.units);
  const std::uint64_t run = divide(rows * n, config_.lanes);
  switch (operation) {
    case VectorOperation::kRmsNorm:
      return r * (v * (simple + tree) + special + v * 2 * simple);
    case VectorOperation::kLayerNorm:
      return r * (v * 2 * tree + v * 2 * simple + 2 * simple + special + v * 3 * simple);
    case VectorOperation::kRotary:
      return r * (vectors(n / 2) * 2 * special + v * 3 * simple);
    case VectorOperation::kAdd:
    case VectorOperation::kMultiply:
      return run * simple;
    case VectorOperation::kSiluMultiply:
      return run * (2 * special + 2 * simple);
    case VectorOperation::kGelu:
      return run * special;
    case VectorOperation::kSoftmax:
      return r * (v * 2 * tree + special + v * (2 * simple + special));
    case VectorOperation::kMaximum:
      return r * v * tree;
  }
  return 0;
}

std::uint64_t VectorUnit::column_cycles(VectorOperation operation, std::uint64_t rows,
                                        std::uint64_t n) const {
  const std::uint64_t vectors = divide(rows, config_.units) * divide(n, config_.unit_lanes());
  switch (operation) {
    case VectorOperation::kRmsNorm:
      return vectors * (config_.simple_cycles + config_.add_tree_cycles);
    case VectorOperation::kLayerNorm:
    case VectorOperation::kSoftmax:
      return vectors * config_.add_tree_cycles;
    default:
      return cycles(operation, rows, n);
  }
}

std::uint64_t VectorUnit::charge(VectorOperation operation, std::uint64_t rows, std::uint64_t n) {
  const std::uint64_t spent = cycles(operation, rows, n);
  busy_cycles_ += times_ * spent;
  elements_[static_cast<std::size_t>(operation)] += times_ * rows * n;
  return spent;
}

std::uint64_t VectorUnit::elements() const {
  return std::accumulate(elements_.begin(), elements_.end(), std::uint64_t{0});
}

std::uint64_t VectorUnit::elements(VectorOperation operation) const {
  return elements_[static_cast<std::size_t>(operation)];
}

double VectorUnit::energy_picojoules() const {
  double femtojoules = 0;
  for (std::size_t i = 0; i < kVectorOperations; ++i) {
    const double per_element = kOperations[i].simple * config_.simple_femtojoules +
                               kOperations[i].special * config_.special_femtojoules;
    femtojoules += static_cast<double>(elements_[i]) * per_element;
  }
  return femtojoules * 1e-3;
}

void VectorUnit::collect(observe::StatisticsSink& sink) const {
  sink.value("busy_cycles", busy_cycles_, "1", "Clock cycles in which the vector unit worked");
  sink.value("elements", elements(), "1", "Elements that operations were charged for");
  observe::StatisticsGroup group(sink, "elements_by_operation");
  for (std::size_t i = 0; i < kVectorOperations; ++i) {
    sink.value(kOperations[i].name, elements_[i], "1", "Elements of this operation");
  }
}

void VectorUnit::collect_energy(observe::EnergySink& sink) const {
  sink.spend("vector_unit", energy_picojoules(), config_.energy_source);
}

}  // namespace tandem::npu
