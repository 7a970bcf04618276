// SPDX-License-Identifier: Apache-2.0
// Tables of small integers, which FP16 holds exactly, and one matrix in every format of weights.
#pragma once
#include "tandem/abi/formats.h"
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

constexpr u32 kLabColumns = 16;
constexpr u32 kLabRows = 16;  // of a table, and tokens of a page

// FP16 of an integer that it holds exactly: up to 2048, and even ones up to 4096.
constexpr u16 half(int value) {
  if (value == 0) return 0;
  const u32 sign = value < 0 ? 0x8000u : 0u;
  const u32 magnitude = static_cast<u32>(value < 0 ? -value : value);
  u32 exponent = 0;
  while ((magnitude >> exponent) > 1) ++exponent;
  const u32 fraction = exponent <= 10 ? magnitude << (10 - exponent) : magnitude >> (exponent - 10);
  return static_cast<u16>(sign | (exponent + 15) << 10 | (fraction & 0x3FFu));
}

enum class Table : u32 {
  kSuccessor,    // row t: largest at column t + 1, else t - column
  kSwitch,       // 64 at odd columns, else 0
  kFlat,         // 4
  kAlternate,    // 4 at odd columns, else -4
  kSlope,        // row t: t + column
  kQuarterTurn,  // FP32: 90 degrees for each position
  kZeros,
  kNotNumbers,
  kMatrix,  // matrix() in FP16; in other formats:
  kMatrixBf16,
  kMatrixInt8,        // twice as much
  kMatrixInt4,        // the same
  kMatrixE2m1,        // half of it
  kMatrixE3m0,        // a quarter of it
  kMatrixPlane,       // of both bit-sharing formats
  kMatrixERemainder,  // of exponent codes
  kMatrixIRemainder,  // of interval codes
  kSmall,             // see WeightStreams
  kTables
};
constexpr u64 kTableBytes = u64{kLabRows} * kLabColumns * sizeof(u16);
constexpr u64 kTablesBytes = static_cast<u64>(Table::kTables) * kTableBytes;

void fill_tables(u8* memory);  // one after the other

// Contents of the tables, for expectations.
int successor(u32 token, u32 column);
// Plus or minus 1, 2 or 4, which every format can say, and one 3, which is 2 in those that round
// it.
int matrix(u32 row, u32 column, abi::Format format);
int product(u32 token, u32 row, abi::Format format);  // of successor(token) and a row of it

// Where matrix() lies in a format of weights.
struct WeightStreams {
  Table stream;
  Table remainder;  // of the full bit-sharing formats
  abi::Grouping scales;
  u64 scale_offset;  // in Table::kSmall
  u64 code_offset;   // in Table::kSmall: the bit-sharing formats' table
};
WeightStreams streams_of(abi::Format format);

constexpr abi::Format kWeightFormats[] = {abi::Format::kFp16,       abi::Format::kBf16,
                                          abi::Format::kInt8,       abi::Format::kInt4,
                                          abi::Format::kE2m1,       abi::Format::kE3m0,
                                          abi::Format::kBsfpEDraft, abi::Format::kBsfpEFull,
                                          abi::Format::kBsfpIDraft, abi::Format::kBsfpIFull};
constexpr u32 kNoWeights = 2;  // FP32 and U32
static_assert(sizeof kWeightFormats == abi::kFormatCount - kNoWeights);

}  // namespace tandem::firmware
