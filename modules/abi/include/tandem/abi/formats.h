// SPDX-License-Identifier: Apache-2.0
// Number formats of tensors and activations as operands name them.
#pragma once
#include <cstdint>

namespace tandem::abi {

enum class Format : std::uint8_t {
  kFp32 = 0,
  kFp16 = 1,
  kBf16 = 2,
  kInt8 = 3,   // two's complement, times a group scale
  kInt4 = 4,   // two's complement nibble, -8..7, times a group scale
  kE2m1 = 5,   // sign, 2 exponent bits, 1 mantissa bit: 0, .5, 1, 1.5, 2, 3, 4, 6, times a scale
  kE3m0 = 6,   // sign, 3 exponent bits n: 2^-(7-n), no zero, times a scale
  kU32 = 7,    // token ids, indices
  // Bit-sharing formats: plane {s, c[2:0]} in 4 bits, remainder in 12 bits, tables per tensor or row.
  kBsfpEDraft = 8,   // reads the 4-bit plane only
  kBsfpEFull = 9,    // reads both planes, restores FP16 bit for bit
  kBsfpIDraft = 10,  // reads the 4-bit plane only
  kBsfpIFull = 11,   // reads both planes, restores FP16 bit for bit
};
constexpr unsigned kFormatCount = 12;

// Bits of the operand's own stream per element; the full BSFP formats read a second stream of
// kRemainderBits as well.
constexpr unsigned stream_bits(Format format) {
  switch (format) {
    case Format::kFp32:
    case Format::kU32: return 32;
    case Format::kFp16:
    case Format::kBf16: return 16;
    case Format::kInt8: return 8;
    default: return 4;
  }
}
constexpr unsigned kRemainderBits = 12;
constexpr bool is_bsfp(Format format) { return format >= Format::kBsfpEDraft; }
constexpr bool is_bsfp_full(Format format) {
  return format == Format::kBsfpEFull || format == Format::kBsfpIFull;
}

// How many weights share one scale or one table.
enum class Grouping : std::uint8_t { kNone = 0, kGroup128 = 1, kRow = 2, kTensor = 3 };
enum class TableScope : std::uint8_t { kTensor = 0, kRow = 1 };

constexpr std::uint32_t kChunk = 128;             // elements of one partial sum, by logical index
constexpr std::uint32_t kBsfpCodes = 8;           // codes c[2:0]
constexpr std::uint32_t kBsfpITableBytes = 30;    // 8 x 15-bit start, then 8 x 15-bit FP16 level
constexpr std::uint32_t kBsfpETableBytes = 32;    // 8 x {4 x 5-bit exponent, 5-bit draft exponent, pad}

}  // namespace tandem::abi
