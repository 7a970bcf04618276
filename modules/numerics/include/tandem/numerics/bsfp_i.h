// SPDX-License-Identifier: Apache-2.0
// BSFP-I: interval codes. Non-negative FP16 patterns are ordered integers; they are cut into at
// most 8 intervals of at most 4,096 patterns. A weight is stored as a 4-bit plane {s, c[2:0]} and
// the 12-bit remainder (magnitude pattern - start[c]); restoring is one integer addition. The draft
// value of a weight is +-level[c].
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "tandem/abi/formats.h"
#include "tandem/numerics/histogram.h"

namespace tandem::numerics {

constexpr unsigned kBsfpISpan = 4096;  // patterns per interval

struct BsfpITable {
  // Ascending magnitude patterns. A table of fewer than 8 intervals repeats its last entry.
  std::array<std::uint16_t, abi::kBsfpCodes> start{};
  std::array<std::uint16_t, abi::kBsfpCodes> level{};  // finite FP16 magnitudes
};

enum class Levels {
  kAny,       // any FP16 value
  kShiftAdd,  // zero, or one or two powers of two: mantissas 1, 1.25 and 1.5
};

// Cuts and levels of least squared error (dynamic programming, optimal): with kAny the cuts are
// optimal for the interval means, which are then rounded to FP16; with kShiftAdd cuts and levels
// are jointly optimal. Equal errors go to fewer intervals, then to the lower cut. Refuses an empty
// histogram, NaN and infinity.
Fit<BsfpITable> fit_bsfp_i(const Histogram& histogram, Levels levels);

// start[c] = 4096 c: covers all 32,768 magnitudes. The level is the middle pattern.
BsfpITable uniform_bsfp_i();

// The shift-add level nearest to a non-negative value; of two equally near ones the lower.
std::uint16_t nearest_shift_add_level(double value);

float draft_magnitude(const BsfpITable& table, unsigned code);

// Little-endian bit stream: 8 x 15-bit start, then 8 x 15-bit level.
std::array<std::uint8_t, abi::kBsfpITableBytes> to_bytes(const BsfpITable& table);

// Takes any bytes, as hardware does.
BsfpITable bsfp_i_from_bytes(const std::uint8_t* bytes);

// Refuses (nullopt) a table no fit can produce: starts not strictly ascending (but for a repeated
// last entry, level included), a level that is infinite or NaN.
std::optional<BsfpITable> parse_bsfp_i(const std::uint8_t* bytes);

}  // namespace tandem::numerics
