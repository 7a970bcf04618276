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

constexpr bool is_shift_add_level(unsigned pattern) {
  if (pattern == 0) return true;
  if (pattern >= 0x0400) {  // normal: mantissa field 0, 1/4 or 1/2
    return (pattern & 0x00FFu) == 0 && (pattern & 0x0300u) != 0x0300u;
  }
  while ((pattern & 1u) == 0) pattern >>= 1;  // subnormal: an integer of units of 2^-24
  return pattern == 1 || pattern == 3 || pattern == 5;
}

constexpr std::size_t shift_add_level_count() {
  std::size_t count = 0;
  for (unsigned p = 0; p < kFp16Infinity; ++p) count += is_shift_add_level(p) ? 1 : 0;
  return count;
}

constexpr auto shift_add_levels() {
  std::array<std::uint16_t, shift_add_level_count()> levels{};
  std::size_t n = 0;
  for (unsigned p = 0; p < kFp16Infinity; ++p) {
    if (is_shift_add_level(p)) levels[n++] = static_cast<std::uint16_t>(p);
  }
  return levels;
}

constexpr auto kShiftAddLevels = shift_add_levels();

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
  const auto less = [](double wanted, std::uint16_t level) {
    return wanted < fp16_to_float(level);
  };
  const auto above = std::upper_bound(kShiftAddLevels.begin(), kShiftAddLevels.end(), value, less);
  if (above == kShiftAddLevels.begin()) return kShiftAddLevels.front();
  if (above == kShiftAddLevels.end()) return kShiftAddLevels.back();
  const double down = value - fp16_to_float(*(above - 1));
  const double up = fp16_to_float(*above) - value;
  return up < down ? *above : *(above - 1);
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
