// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/decode.h"

#include <cstring>

#include "tandem/numerics/bsfp.h"
#include "tandem/numerics/fp.h"

namespace tandem::numerics {
namespace {

using abi::Format;

constexpr std::uint32_t kBlock = 128;  // elements converted at a time

constexpr float kE2m1Magnitudes[8] = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};

float low_bit_value(Format format, unsigned nibble) {
  if (format == Format::kInt4) {
    return static_cast<float>(nibble < 8 ? static_cast<int>(nibble)
                                         : static_cast<int>(nibble) - 16);
  }
  const unsigned code = nibble & 7u;
  const float magnitude =
      format == Format::kE2m1 ? kE2m1Magnitudes[code] : bits_float((127u - 7u + code) << 23);
  return (nibble & 8u) != 0 ? -magnitude : magnitude;
}

template <class Table>
NibbleValues draft_nibbles(const Table& table) {
  NibbleValues result;
  for (unsigned code = 0; code < abi::kBsfpCodes; ++code) {
    result.value[code] = draft_magnitude(table, code);
    result.value[code + 8] = -result.value[code];
  }
  return result;
}

void lookup_nibbles(const NibbleValues& lookup, BitAddress at, std::uint32_t n, float* values) {
  const std::uint8_t* byte = at.byte;
  std::uint32_t i = 0;
  if (at.bit != 0 && n > 0) values[i++] = lookup.value[*byte++ >> 4];
  for (; i + 1 < n; i += 2, ++byte) {
    values[i] = lookup.value[*byte & 15u];
    values[i + 1] = lookup.value[*byte >> 4];
  }
  if (i < n) values[i] = lookup.value[*byte & 15u];
}

// Element i of a plane whose first element begins `phase` bits (0 or 4) into `byte`.
unsigned nibble_at(BitAddress at, std::uint32_t i) {
  const std::uint32_t bit = at.bit + 4 * i;
  return at.byte[bit / 8] >> (bit % 8) & 15u;
}

unsigned remainder_at(BitAddress at, std::uint32_t i) {
  const std::uint32_t bit = at.bit + 12 * i;
  const std::uint8_t* byte = at.byte + bit / 8;
  return (byte[0] | static_cast<unsigned>(byte[1]) << 8) >> (bit % 8) & 0xFFFu;
}

template <class Table>
void restore_row(const Table& table, BitAddress plane, BitAddress remainder, std::uint32_t n,
                 float* values) {
  std::uint16_t patterns[kBlock];
  for (std::uint32_t begin = 0; begin < n; begin += kBlock) {
    const std::uint32_t count = n - begin < kBlock ? n - begin : kBlock;
    for (std::uint32_t i = 0; i < count; ++i) {
      patterns[i] =
          restore(table, {static_cast<std::uint8_t>(nibble_at(plane, begin + i)),
                          static_cast<std::uint16_t>(remainder_at(remainder, begin + i))});
    }
    fp16_to_float(patterns, values + begin, count);
  }
}

void widen_16(const std::uint8_t* bytes, Format format, std::uint32_t n, float* values) {
  std::uint16_t patterns[kBlock];
  for (std::uint32_t begin = 0; begin < n; begin += kBlock) {
    const std::uint32_t count = n - begin < kBlock ? n - begin : kBlock;
    std::memcpy(patterns, bytes + 2 * static_cast<std::size_t>(begin), 2 * count);
    if (format == Format::kBf16) {
      bf16_to_float(patterns, values + begin, count);
    } else {
      fp16_to_float(patterns, values + begin, count);
    }
  }
}

BitAddress advance(BitAddress at, std::uint64_t bits) {
  const std::uint64_t bit = at.bit + bits;
  return {at.byte + bit / 8, static_cast<unsigned>(bit % 8)};
}

std::uint16_t load16(const std::uint8_t* bytes) {
  return static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8);
}

}  // namespace

NibbleValues nibble_values(const WeightView& view, std::uint32_t row) {
  const Format format = view.layout.format;
  if (format == Format::kBsfpEDraft) {
    return draft_nibbles(bsfp_e_from_bytes(row_begin(view, Plane::kTables, row).byte));
  }
  if (format == Format::kBsfpIDraft) {
    return draft_nibbles(bsfp_i_from_bytes(row_begin(view, Plane::kTables, row).byte));
  }
  NibbleValues result;
  for (unsigned nibble = 0; nibble < 16; ++nibble) {
    result.value[nibble] = low_bit_value(format, nibble);
  }
  return result;
}

void decode_row(const WeightView& view, std::uint32_t row, std::uint32_t col, std::uint32_t n,
                float* values) {
  const Format format = view.layout.format;
  const std::uint64_t skipped = static_cast<std::uint64_t>(col) * abi::stream_bits(format);
  const BitAddress at = advance(row_begin(view, Plane::kStream, row), skipped);
  switch (format) {
    case Format::kFp16:
    case Format::kBf16:
      widen_16(at.byte, format, n, values);
      return;
    case Format::kFp32:
      std::memcpy(values, at.byte, sizeof(float) * n);
      return;
    case Format::kInt8:
      for (std::uint32_t i = 0; i < n; ++i) {
        values[i] = static_cast<float>(static_cast<std::int8_t>(at.byte[i]));
      }
      return;
    case Format::kBsfpEFull:
    case Format::kBsfpIFull: {
      const BitAddress remainder = advance(row_begin(view, Plane::kRemainder, row),
                                           static_cast<std::uint64_t>(col) * abi::kRemainderBits);
      const std::uint8_t* table = row_begin(view, Plane::kTables, row).byte;
      if (format == Format::kBsfpEFull) {
        restore_row(bsfp_e_from_bytes(table), at, remainder, n, values);
      } else {
        restore_row(bsfp_i_from_bytes(table), at, remainder, n, values);
      }
      return;
    }
    default:
      lookup_nibbles(nibble_values(view, row), at, n, values);
      return;
  }
}

float scale_at(const WeightView& view, std::uint32_t row, std::uint32_t col) {
  if (!has_scales(view.layout)) return 1.0f;
  const std::uint8_t* first = row_begin(view, Plane::kScales, row).byte;
  const bool by_group = view.layout.grouping == abi::Grouping::kGroup128;
  return fp16_to_float(load16(first + (by_group ? 2 * (col / abi::kChunk) : 0)));
}

}  // namespace tandem::numerics
