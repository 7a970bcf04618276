// SPDX-License-Identifier: Apache-2.0
#include "apps/bringup_tables.h"

namespace tandem::firmware {

using abi::Format;
using abi::Grouping;

namespace {

constexpr u16 kNotANumber = 0x7E00;
constexpr u32 kHalfPi = 0x3FC9'0FDB;  // FP32

// Scales in Table::kSmall, FP16.
constexpr u64 kTwo = 0;
constexpr u64 kFour = 2;
constexpr u64 kHalf = 4;
constexpr u64 kThreeQuarters = 6;  // drafts of exponent codes are 4/3 of a power of two
constexpr u64 kExponentCodes = 64;
constexpr u64 kIntervalCodes = 128;

constexpr u32 kCodes = 3;  // that the matrix needs: of 1, 2 and 4
constexpr u32 kHalfOne = 0x3C00;
constexpr u32 kHalfDoubles = 0x0400;  // added to the bits of an FP16 number: twice as much
constexpr u32 kAboveStart = 0x0100;   // of its interval lies an element

u16 element(Table table, u32 row, u32 column) {
  const int odd = static_cast<int>(column % 2);
  switch (table) {
    case Table::kSuccessor:
      return half(successor(row, column));
    case Table::kSwitch:
      return half(odd * 64);
    case Table::kFlat:
      return half(4);
    case Table::kAlternate:
      return half(odd * 8 - 4);
    case Table::kSlope:
      return half(static_cast<int>(row + column));
    case Table::kQuarterTurn:
      return static_cast<u16>(odd != 0 ? kHalfPi >> 16 : kHalfPi);
    case Table::kNotNumbers:
      return kNotANumber;
    default:
      return 0;
  }
}

// matrix() without its sign is 2 to this, half as much again where has_fraction().
u32 power(u32 row, u32 column) {
  return (row == column ? 1u : 0u) + (column == 0 ? 1u : 0u);
}
bool has_fraction(u32 row, u32 column) {
  return row == 2 && column == 2;
}
bool is_negative(u32 column) {
  return column % 2 == 0;
}

// Bits of an element without its sign.
u32 magnitude(Table table, u32 power, bool fraction) {
  switch (table) {
    case Table::kMatrix:
      return kHalfOne + power * kHalfDoubles + (fraction ? 0x200 : 0);
    case Table::kMatrixBf16:
      return 0x3F80 + power * 0x80 + (fraction ? 0x40 : 0);
    case Table::kMatrixInt8:
    case Table::kMatrixInt4:
      return (2u << power) + (fraction ? 1u << power : 0);
    case Table::kMatrixE2m1:
      return (power == 0 ? 1 : 2 * power) + (fraction ? 1 : 0);
    case Table::kMatrixE3m0:
      return 5 + power;
    case Table::kMatrixPlane:
      return power;
    case Table::kMatrixERemainder:  // 1 is the second exponent of its code
      return (power == 0 ? 1u << 10 : 0) + (fraction ? 0x200 : 0);
    case Table::kMatrixIRemainder:
      return kAboveStart + (fraction ? 0x200 : 0);
    default:
      return 0;
  }
}

u32 bits_of(Table table) {
  switch (table) {
    case Table::kMatrixInt8:
      return 8;
    case Table::kMatrixInt4:
    case Table::kMatrixE2m1:
    case Table::kMatrixE3m0:
    case Table::kMatrixPlane:
      return 4;
    case Table::kMatrixERemainder:
    case Table::kMatrixIRemainder:
      return abi::kRemainderBits;
    default:
      return 16;
  }
}

bool is_signed(Table table) {
  return table != Table::kMatrixERemainder && table != Table::kMatrixIRemainder;
}

u32 weight(Table table, u32 row, u32 column) {
  const u32 bits = magnitude(table, power(row, column), has_fraction(row, column));
  if (!is_signed(table) || !is_negative(column)) return bits;
  const bool complement = table == Table::kMatrixInt8 || table == Table::kMatrixInt4;
  return complement ? 0 - bits : bits | 1u << (bits_of(table) - 1);
}

// Into a little-endian stream of zeros.
void put_bits(u8* stream, u32 at, u32 bits, u32 value) {
  for (u32 bit = 0; bit < bits; ++bit) {
    u8& byte = stream[(at + bit) / 8];
    byte = static_cast<u8>(byte | (value >> bit & 1u) << (at + bit) % 8);
  }
}

void fill_small(u8* small) {
  put_bits(small + kTwo, 0, 16, half(2));
  put_bits(small + kFour, 0, 16, half(4));
  put_bits(small + kHalf, 0, 16, 0x3800);
  put_bits(small + kThreeQuarters, 0, 16, 0x3A00);
  for (u32 code = 0; code < kCodes; ++code) {
    const u32 exponent = 15 + code;
    const u32 exponents = code == 0 ? 14 | exponent << 5 : exponent;
    const u32 count = code == 0 ? 2 : 1;
    put_bits(small + kExponentCodes, 32 * code, 32, exponents | exponent << 20 | count << 25);
  }
  for (u32 code = 0; code < abi::kBsfpCodes; ++code) {  // the last code needed fills the table
    const u32 level = kHalfOne + (code < kCodes ? code : kCodes - 1) * kHalfDoubles;
    put_bits(small + kIntervalCodes, 15 * code, 15, level - kAboveStart);
    put_bits(small + kIntervalCodes, 15 * (abi::kBsfpCodes + code), 15, level);
  }
}

void fill_table(Table table, u8* memory) {
  const bool is_matrix = table >= Table::kMatrix;
  const u32 bits = bits_of(table);
  for (u32 i = 0; i < kLabRows * kLabColumns; ++i) {
    const u32 row = i / kLabColumns;
    const u32 column = i % kLabColumns;
    const u32 value = is_matrix ? weight(table, row, column) : element(table, row, column);
    put_bits(memory, bits * i, bits, value);
  }
}

// Whether elements of the format have bits behind the first.
bool has_fractions(Format format) {
  switch (format) {
    case Format::kE3m0:
    case Format::kBsfpEDraft:
    case Format::kBsfpIDraft:
      return false;
    default:
      return true;
  }
}

}  // namespace

// The odd one keeps the parity of its neighbours, so that means of two rows are whole, and is large
// enough that no product below is 0: rounding of 4/3 would show there.
int successor(u32 token, u32 column) {
  const bool next = column == (token + 1) % kLabColumns;
  return next ? 63 : static_cast<int>(token) - static_cast<int>(column);
}

int matrix(u32 row, u32 column, Format format) {
  const bool fraction = has_fraction(row, column) && has_fractions(format);
  const int value = fraction ? 3 << power(row, column) >> 1 : 1 << power(row, column);
  return is_negative(column) ? -value : value;
}

int product(u32 token, u32 row, Format format) {
  int sum = 0;
  for (u32 i = 0; i < kLabColumns; ++i) sum += matrix(row, i, format) * successor(token, i);
  return sum;
}

void fill_tables(u8* memory) {
  fill_zero(memory, kTablesBytes);
  for (u32 table = 0; table < static_cast<u32>(Table::kSmall); ++table) {
    fill_table(static_cast<Table>(table), memory + table * kTableBytes);
  }
  fill_small(memory + static_cast<u64>(Table::kSmall) * kTableBytes);
}

WeightStreams streams_of(Format format) {
  constexpr Table kNone = Table::kZeros;
  switch (format) {
    case Format::kBf16:
      return {Table::kMatrixBf16, kNone, Grouping::kNone, 0, 0};
    case Format::kInt8:
      return {Table::kMatrixInt8, kNone, Grouping::kTensor, kHalf, 0};
    case Format::kInt4:
      return {Table::kMatrixInt4, kNone, Grouping::kTensor, kHalf, 0};
    case Format::kE2m1:
      return {Table::kMatrixE2m1, kNone, Grouping::kTensor, kTwo, 0};
    case Format::kE3m0:
      return {Table::kMatrixE3m0, kNone, Grouping::kTensor, kFour, 0};
    case Format::kBsfpEDraft:
      return {Table::kMatrixPlane, kNone, Grouping::kTensor, kThreeQuarters, kExponentCodes};
    case Format::kBsfpEFull:
      return {Table::kMatrixPlane, Table::kMatrixERemainder, Grouping::kNone, 0, kExponentCodes};
    case Format::kBsfpIDraft:
      return {Table::kMatrixPlane, kNone, Grouping::kNone, 0, kIntervalCodes};
    case Format::kBsfpIFull:
      return {Table::kMatrixPlane, Table::kMatrixIRemainder, Grouping::kNone, 0, kIntervalCodes};
    default:
      return {Table::kMatrix, kNone, Grouping::kNone, 0, 0};
  }
}

}  // namespace tandem::firmware
