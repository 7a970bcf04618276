// SPDX-License-Identifier: Apache-2.0
// The vector unit: what it computes (VectorUnit::rms_norm and friends, pure functions) and what
// that costs (VectorUnit::charge), apart, so that timing-only runs charge without computing.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"

namespace tandem::npu {

enum class VectorOperation : std::uint8_t {
  kRmsNorm,
  kLayerNorm,
  kRotary,
  kAdd,
  kMultiply,
  kSiluMultiply,
  kGelu,
  kSoftmax,
  kMaximum,
};
constexpr std::size_t kVectorOperations = 9;

struct VectorUnitConfig {
  std::uint32_t lanes = 128;  // of all units, a power of two
  std::uint32_t units = 1;    // that share the lanes evenly, a power of two
  std::uint64_t clock_period_ps = 1000;
  // Cycles in which every lane finishes one operation. NeuPIMs' simulator configuration
  // (systolic_ws_128x128_dev.json) has 1 for each.
  std::uint32_t simple_cycles = 1;    // add, multiply, maximum
  std::uint32_t special_cycles = 1;   // exp, sin, cos, gelu, reciprocal, square root
  std::uint32_t add_tree_cycles = 1;  // reduction of one vector of `lanes` elements
  double simple_femtojoules = 900;
  double special_femtojoules = 7200;
  std::string energy_source =
      "M. Horowitz, ISSCC 2014, 45 nm, 0.9 V: FP32 add 0.9 pJ; a special function taken as eight "
      "of them (assumption)";

  // Throws std::invalid_argument naming the field, the value and the rule.
  void validate() const;
  std::uint32_t unit_lanes() const { return lanes / units; }
};

class VectorUnit {
 public:
  using Config = VectorUnitConfig;

  explicit VectorUnit(const Config& config);
  const Config& config() const { return config_; }

  // --- What is computed --------------------------------------------------------------------------
  // Operands are FP16 patterns; every operation computes in FP32 and rounds each output once. Sums
  // run over chunks of abi::kChunk elements by logical index, each in ascending order, then over
  // the chunk sums in ascending order, whatever the number of lanes. An output may be the same
  // buffer as an input of its length. NaN propagates.

  // y = x / sqrt(mean(x^2) + epsilon) * gain, [dim].
  static void rms_norm(const std::uint16_t* x, const std::uint16_t* gain, float epsilon,
                       std::uint32_t dim, std::uint16_t* y);

  // y = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * gain + bias, [dim]; bias may be null.
  static void layer_norm(const std::uint16_t* x, const std::uint16_t* gain,
                         const std::uint16_t* bias, float epsilon, std::uint32_t dim,
                         std::uint16_t* y);

  // Rotates the pairs (2i, 2i+1) of each head by position * inverse_frequency[i], FP32
  // [head_dim / 2]. x and y: [heads][head_dim], head_dim even.
  static void rope_interleaved(const std::uint16_t* x, std::uint32_t position,
                               const float* inverse_frequency, std::uint32_t heads,
                               std::uint32_t head_dim, std::uint16_t* y);
  // The same with the pairs (i, i + head_dim / 2).
  static void rope_halves(const std::uint16_t* x, std::uint32_t position,
                          const float* inverse_frequency, std::uint32_t heads,
                          std::uint32_t head_dim, std::uint16_t* y);

  static void add(const std::uint16_t* a, const std::uint16_t* b, std::uint32_t n,
                  std::uint16_t* y);
  static void multiply(const std::uint16_t* a, const std::uint16_t* b, std::uint32_t n,
                       std::uint16_t* y);
  // y = silu(a) * b.
  static void silu_multiply(const std::uint16_t* a, const std::uint16_t* b, std::uint32_t n,
                            std::uint16_t* y);
  // y = gelu(x), the tanh form.
  static void gelu(const std::uint16_t* x, std::uint32_t n, std::uint16_t* y);

  // probabilities = exp(score - max) / sum, [n]. A score of -infinity gets 0; if all are -infinity,
  // all get 0.
  void softmax_row(const std::uint16_t* scores, std::uint32_t n, std::uint16_t* probabilities);

  // --- What it costs -----------------------------------------------------------------------------
  // Cycles for `rows` rows of n elements. Units take rows in turn: with r = ceil(rows / units),
  // v = ceil(n / lanes of a unit), s, f, t = cycles of a simple, a special operation and an add
  // tree,
  //   rms norm        r (v (s + t) + f + 2 v s)       square, tree; root; two multiplies
  //   layer norm      r (2 v t + 2 v s + 2 s + f + 3 v s)   two trees, subtract, square; two
  //                                            scalar multiplies, root; two multiplies and an add
  //   rotary          r (2 f ceil(n / 2 / lanes) + 3 v s)   sin, cos; two multiplies and an add
  //   add, multiply   e s
  //   silu multiply   e (2 f + 2 s)            exp, reciprocal; two multiplies
  //   gelu            e f
  //   softmax         r (2 v t + f + v (2 s + f))   maximum and sum trees; reciprocal;
  //                                            subtract, exp, multiply
  //   maximum         r v t                 a tree, which finds the index as well
  // Elementwise operations take rows x n elements as one run of e = ceil(rows n / lanes) vectors.
  // Layer norm and softmax follow NeuPIMs' simulator (two tree passes, two multiplies, a root, two
  // adds and three multiplies per vector; two tree passes and add, exp, multiply per vector), the
  // reciprocal added.
  std::uint64_t cycles(VectorOperation operation, std::uint64_t rows, std::uint64_t n) const;

  // Of these, what may be spent on columns of the rows as they appear: all of it where an output
  // needs its own input only, of a norm and softmax the first reduction, whose sums are kept.
  std::uint64_t column_cycles(VectorOperation operation, std::uint64_t rows, std::uint64_t n) const;

  // The same, and counts it, see count_times.
  std::uint64_t charge(VectorOperation operation, std::uint64_t rows, std::uint64_t n);

  // What is charged from now on counts `times` times: it stands for work that nobody asks for.
  void count_times(std::uint64_t times) { times_ = times; }
  void set_clock_period_ps(std::uint64_t period_ps);

  std::uint64_t busy_cycles() const { return busy_cycles_; }
  std::uint64_t elements() const;
  std::uint64_t elements(VectorOperation operation) const;
  double energy_picojoules() const;

  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;
  template <typename Archive>
  void archive(Archive& archive) {
    archive(times_, busy_cycles_, elements_);
  }

 private:
  Config config_;
  std::vector<float> scratch_;
  std::uint64_t times_ = 1;  // see count_times
  std::uint64_t busy_cycles_ = 0;
  std::array<std::uint64_t, kVectorOperations> elements_{};
};

}  // namespace tandem::npu
