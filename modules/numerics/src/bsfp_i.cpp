// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/bsfp_i.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "interval_cuts.h"
#include "tandem/numerics/fp.h"

namespace tandem::numerics {
namespace {

constexpr unsigned kPatternBits = 15;

std::uint16_t level_of_mean(double mean, Levels levels) {
  return levels == Levels::kShiftAdd ? nearest_shift_add_level(mean)
                                     : float_to_fp16(static_cast<float>(mean));
}

std::uint16_t read_pattern(const std::uint8_t* bytes, unsigned index) {
  std::uint16_t pattern = 0;
  for (unsigned b = 0; b < kPatternBits; ++b) {
    const unsigned bit = index * kPatternBits + b;
    pattern = static_cast<std::uint16_t>(pattern | ((bytes[bit / 8] >> (bit % 8)) & 1u) << b);
  }
  return pattern;
}

void write_pattern(std::uint8_t* bytes, unsigned index, std::uint16_t pattern) {
  for (unsigned b = 0; b < kPatternBits; ++b) {
    const unsigned bit = index * kPatternBits + b;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | ((pattern >> b) & 1u) << (bit % 8));
  }
}

}  // namespace

Fit<BsfpITable> fit_bsfp_i(const Histogram& histogram, Levels levels) {
  if (std::string reason = unfit_reason(histogram); !reason.empty()) return {{}, reason};
  const IntervalCuts cuts(histogram, levels);
  const std::vector<std::size_t> firsts = cuts.solve();
  if (firsts.empty()) return {{}, "more than 8 intervals of 4,096 patterns needed"};
  BsfpITable table;
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    const std::size_t i = std::min<std::size_t>(c, firsts.size() - 1);
    const std::size_t end = i + 1 < firsts.size() ? firsts[i + 1] : histogram.size();
    table.start[c] = histogram[firsts[i]].magnitude;
    table.level[c] = level_of_mean(cuts.mean(firsts[i], end), levels);
  }
  return {table, {}};
}

BsfpITable uniform_bsfp_i() {
  BsfpITable table;
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    table.start[c] = static_cast<std::uint16_t>(c * kBsfpISpan);
    table.level[c] = static_cast<std::uint16_t>(c * kBsfpISpan + kBsfpISpan / 2);
  }
  return table;
}

std::uint16_t nearest_shift_add_level(double value) {
  constexpr std::uint16_t kQuarters = 0x0300;  // mantissa 1.m in quarters
  constexpr std::uint16_t kLargest = 0x7A00;   // 1.5 x 2^15
  // The candidates in ascending order are the FP16 patterns of mantissa 1, 1.25, 1.5; among the
  // subnormals (units of 2^-24) those with two set bits at most two places apart.
  const auto is_level = [](std::uint16_t pattern) {
    if (pattern >= 0x0400) {
      return (pattern & 0x00FFu) == 0 && (pattern & kQuarters) != kQuarters;
    }
    if (pattern == 0) return true;
    unsigned odd = pattern;
    while ((odd & 1u) == 0) odd >>= 1;
    return odd == 1 || odd == 3 || odd == 5;
  };
  if (!(value < fp16_to_float(kLargest))) return kLargest;
  std::uint16_t below = float_to_fp16(static_cast<float>(value));
  if (static_cast<double>(fp16_to_float(below)) > value) --below;
  while (!is_level(below)) --below;
  std::uint16_t above = static_cast<std::uint16_t>(below + 1);
  while (!is_level(above)) ++above;
  const double down = value - fp16_to_float(below);
  const double up = fp16_to_float(above) - value;
  return up < down ? above : below;
}

float draft_magnitude(const BsfpITable& table, unsigned code) {
  return fp16_to_float(table.level[code]);
}

std::array<std::uint8_t, abi::kBsfpITableBytes> to_bytes(const BsfpITable& table) {
  std::array<std::uint8_t, abi::kBsfpITableBytes> bytes{};
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    write_pattern(bytes.data(), c, table.start[c]);
    write_pattern(bytes.data(), abi::kBsfpCodes + c, table.level[c]);
  }
  return bytes;
}

BsfpITable bsfp_i_from_bytes(const std::uint8_t* bytes) {
  BsfpITable table;
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    table.start[c] = read_pattern(bytes, c);
    table.level[c] = read_pattern(bytes, abi::kBsfpCodes + c);
  }
  return table;
}

std::optional<BsfpITable> parse_bsfp_i(const std::uint8_t* bytes) {
  const BsfpITable table = bsfp_i_from_bytes(bytes);
  bool tail = false;
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    if (!fp16_is_finite(table.level[c])) return std::nullopt;
    if (c == 0) continue;
    const bool repeated =
        table.start[c] == table.start[c - 1] && table.level[c] == table.level[c - 1];
    if (!repeated && (tail || table.start[c] <= table.start[c - 1])) return std::nullopt;
    tail = repeated;
  }
  return table;
}

}  // namespace tandem::numerics
