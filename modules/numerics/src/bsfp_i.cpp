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

constexpr double value_of(unsigned pattern) {
  double value = pattern < 0x0400 ? pattern : 0x0400 + (pattern & 0x03FFu);
  for (unsigned e = pattern >> kFp16MantissaBits; e > 1; --e) value *= 2;
  return value * 0x1p-24;
}

struct Level {
  double value;
  std::uint16_t pattern;
};

constexpr auto shift_add_levels() {
  std::array<Level, shift_add_level_count()> levels{};
  std::size_t n = 0;
  for (unsigned p = 0; p < kFp16Infinity; ++p) {
    if (is_shift_add_level(p)) levels[n++] = {value_of(p), static_cast<std::uint16_t>(p)};
  }
  return levels;
}

constexpr auto kShiftAddLevels = shift_add_levels();

std::uint16_t level_of_mean(double mean, Levels levels) {
  return levels == Levels::kShiftAdd ? nearest_shift_add_level(mean)
                                     : float_to_fp16(static_cast<float>(mean));
}

std::uint16_t read_pattern(const std::uint8_t* bytes, unsigned index) {
  const unsigned bit = index * kPatternBits;
  const std::uint8_t* at = bytes + bit / 8;
  const unsigned shift = bit % 8;
  unsigned bits = at[0] | static_cast<unsigned>(at[1]) << 8;
  if (shift > 1) bits |= static_cast<unsigned>(at[2]) << 16;  // else two bytes hold all 15 bits
  return static_cast<std::uint16_t>(bits >> shift & kFp16Magnitude);
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
  const auto less = [](double wanted, const Level& level) { return wanted < level.value; };
  const auto above = std::upper_bound(kShiftAddLevels.begin(), kShiftAddLevels.end(), value, less);
  if (above == kShiftAddLevels.begin()) return above->pattern;
  const auto below = above - 1;
  if (above == kShiftAddLevels.end()) return below->pattern;
  return above->value - value < value - below->value ? above->pattern : below->pattern;
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
