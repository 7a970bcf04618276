// SPDX-License-Identifier: Apache-2.0
// BSFP-E: exponent codes. FP16 = {s, e[4:0], m[9:0]} is stored as a 4-bit plane {s, c[2:0]} and a
// 12-bit remainder {r[1:0], m[9:0]}; code c owns up to four exponents and r says which one.
// The draft value of a weight is +-4/3 x 2^(E(c) - 15), with E(c) the draft exponent of its code.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "tandem/abi/formats.h"
#include "tandem/numerics/histogram.h"

namespace tandem::numerics {

constexpr unsigned kBsfpEExponentsPerCode = 4;

struct BsfpETable {
  struct Code {
    std::uint8_t count = 0;                                        // exponents owned, 0..4
    std::array<std::uint8_t, kBsfpEExponentsPerCode> exponents{};  // ascending; unused ones 0
    std::uint8_t draft_exponent = 0;                               // E(c), biased like FP16's
  };
  std::array<Code, abi::kBsfpCodes> codes;
};

// The least-squares table over the exponents that occur: contiguous cuts into at most 8 codes of at
// most 4 exponents; of equal partitions the one with the lower cuts, of equal draft exponents the
// lower. Refuses an empty histogram, NaN and infinity (they have no draft value).
Fit<BsfpETable> fit_bsfp_e(const Histogram& histogram);

// Code c owns exponents 4c..4c+3: covers all 65,536 patterns, infinity and NaN included.
BsfpETable full_range_bsfp_e();

// Draft magnitude of a code, before any group scale.
float draft_magnitude(const BsfpETable& table, unsigned code);

// 8 little-endian words: exponents in bits 0..19 (5 bits each), draft exponent in 20..24, count in
// 25..27, zero above.
std::array<std::uint8_t, abi::kBsfpETableBytes> to_bytes(const BsfpETable& table);

// Takes any bytes, as hardware does.
BsfpETable bsfp_e_from_bytes(const std::uint8_t* bytes);

// Refuses (nullopt) a table no fit can produce: more than 4 exponents in a code, exponents not
// ascending or owned twice, unused bits set, no exponent at all.
std::optional<BsfpETable> parse_bsfp_e(const std::uint8_t* bytes);

}  // namespace tandem::numerics
