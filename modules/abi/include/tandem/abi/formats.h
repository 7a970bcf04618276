// SPDX-License-Identifier: Apache-2.0
// Number formats of tensors and activations as operands name them.
#pragma once
#include <cstdint>

#include "tandem/abi/enumerations.h"

namespace tandem::abi {

// Bit-sharing formats: plane {s, c[2:0]} in 4 bits, remainder in 12 bits, tables per tensor or row.
#define TANDEM_FORMATS(ITEM)                                                                       \
  ITEM(Fp32, 0, "IEEE 754 binary32")                                                               \
  ITEM(Fp16, 1, "IEEE 754 binary16")                                                               \
  ITEM(Bf16, 2, "Upper half of binary32")                                                          \
  ITEM(Int8, 3, "Two's complement, times a group scale")                                           \
  ITEM(Int4, 4, "Two's complement nibble, -8..7, times a group scale")                             \
  ITEM(E2m1, 5, "Sign, 2 exponent bits, 1 mantissa bit: 0, .5, 1, 1.5, 2, 3, 4, 6, times a scale") \
  ITEM(E3m0, 6, "Sign, 3 exponent bits n: 2^-(7-n), no zero, times a scale")                       \
  ITEM(U32, 7, "Token ids, indices")                                                               \
  ITEM(BsfpEDraft, 8, "Exponent codes: reads the 4-bit plane only")                                \
  ITEM(BsfpEFull, 9, "Exponent codes: reads both planes, restores FP16 bit for bit")               \
  ITEM(BsfpIDraft, 10, "Interval codes: reads the 4-bit plane only")                               \
  ITEM(BsfpIFull, 11, "Interval codes: reads both planes, restores FP16 bit for bit")
TANDEM_ENUM(Format, std::uint8_t, "Number format of a tensor", TANDEM_FORMATS)
constexpr unsigned kFormatCount =
    static_cast<unsigned>(DescribeEnumeration<Format>::kInfo.enumerator_count);

// Bits of the operand's own stream per element; the full BSFP formats read a second stream of
// kRemainderBits as well.
constexpr unsigned stream_bits(Format format) {
  switch (format) {
    case Format::kFp32:
    case Format::kU32:
      return 32;
    case Format::kFp16:
    case Format::kBf16:
      return 16;
    case Format::kInt8:
      return 8;
    default:
      return 4;
  }
}
constexpr unsigned kRemainderBits = 12;
constexpr bool is_bsfp(Format format) {
  return format >= Format::kBsfpEDraft;
}
constexpr bool is_bsfp_full(Format format) {
  return format == Format::kBsfpEFull || format == Format::kBsfpIFull;
}

#define TANDEM_GROUPINGS(ITEM)                          \
  ITEM(None, 0, "No scales")                            \
  ITEM(Group128, 1, "128 consecutive weights of a row") \
  ITEM(Row, 2, "A row")                                 \
  ITEM(Tensor, 3, "The tensor")
TANDEM_ENUM(Grouping, std::uint8_t, "How many weights share one scale", TANDEM_GROUPINGS)

#define TANDEM_TABLE_SCOPES(ITEM) \
  ITEM(Tensor, 0, "The tensor")   \
  ITEM(Row, 1, "A row")
TANDEM_ENUM(TableScope, std::uint8_t, "How many weights share one BSFP table", TANDEM_TABLE_SCOPES)

#define TANDEM_FORMAT_SIZES(ITEM)                                                          \
  ITEM(std::uint32_t, Chunk, 128, "Elements of one partial sum, by logical index")         \
  ITEM(std::uint32_t, BsfpCodes, 8, "Codes c[2:0]")                                        \
  ITEM(std::uint32_t, BsfpITableBytes, 30, "8 x 15-bit start, then 8 x 15-bit FP16 level") \
  ITEM(std::uint32_t, BsfpETableBytes, 32,                                                 \
       "8 words: 4 x 5-bit exponent, 5-bit draft exponent, 3-bit count")
TANDEM_CONSTANTS(FormatSizes, "Sizes of number formats", TANDEM_FORMAT_SIZES)

}  // namespace tandem::abi
