// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "tandem/abi/formats.h"

namespace tandem::pe_array {

enum class Dataflow : std::uint8_t { kWeightStationary = 0, kOutputStationary = 1 };

// Energy of one multiply-accumulate of an FP16 activation into FP32, by format of the weight.
struct EnergyPerMac {
  std::array<double, abi::kFormatCount> femtojoules = horowitz_45nm();
  std::string source =
      "M. Horowitz, ISSCC 2014, 45 nm, 0.9 V: FP16 multiply 1.1 pJ, FP32 add 0.9 pJ; multiply of a "
      "weight with b significand bits scaled by b/11 (assumption)";

  static std::array<double, abi::kFormatCount> horowitz_45nm();
};

struct Config {
  std::uint32_t rows = 128;     // processing elements in a column
  std::uint32_t columns = 128;  // processing elements in a row
  std::uint32_t arrays = 1;     // arrays that share the sub-tiles of a tile
  std::uint64_t clock_period_ps = 1000;
  Dataflow dataflow = Dataflow::kWeightStationary;
  // Weights that one element multiplies with the same activation in a cycle: 1, 2 or 4. Assumption:
  // an 11 x 11 bit significand multiplier splits into four that take weights of four bits.
  std::uint32_t draft_columns_factor = 4;
  std::uint32_t int8_factor = 1;          // the same for INT8 weights
  std::uint32_t reconfigure_cycles = 16;  // between draft mode (4-bit weights) and full mode
  std::uint32_t min_stream_rows = 4;      // shortest stream of input vectors through a sub-tile
  EnergyPerMac energy;

  // Throws std::invalid_argument naming the field, the value and the rule.
  void validate() const;
};

}  // namespace tandem::pe_array
