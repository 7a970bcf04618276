// SPDX-License-Identifier: Apache-2.0
#include "row_decoder.h"

#include <algorithm>
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

bool is_nibble_format(Format format) {
  return abi::stream_bits(format) == 4 && !abi::is_bsfp_full(format);
}

BitAddress advance(BitAddress at, std::uint64_t bits) {
  const std::uint64_t bit = at.bit + bits;
  return {at.byte + bit / 8, static_cast<unsigned>(bit % 8)};
}

void widen_16(const std::uint8_t* bytes, Format format, std::uint32_t n, float* values) {
  std::uint16_t patterns[kBlock];
  for (std::uint32_t begin = 0; begin < n; begin += kBlock) {
    const std::uint32_t count = std::min(kBlock, n - begin);
    std::memcpy(patterns, bytes + std::size_t{2} * begin, std::size_t{2} * count);
    if (format == Format::kBf16) {
      bf16_to_float(patterns, values + begin, count);
    } else {
      fp16_to_float(patterns, values + begin, count);
    }
  }
}

}  // namespace

RowDecoder::RowDecoder(const WeightView& view)
    : view_(view),
      by_row_(has_tables(view.layout) && view.layout.table_scope == abi::TableScope::kRow),
      scaled_(has_scales(view.layout)) {
  if (by_row_) return;
  if (is_nibble_format(view.layout.format)) shared_nibbles_ = nibble_values(0);
  if (abi::is_bsfp_full(view.layout.format)) shared_restorer_ = restorer(0);
}

RowDecoder::NibbleValues RowDecoder::nibble_values(std::uint32_t row) const {
  const Format format = view_.layout.format;
  NibbleValues result;
  if (!abi::is_bsfp(format)) {
    for (unsigned nibble = 0; nibble < 16; ++nibble) {
      result.value[nibble] = low_bit_value(format, nibble);
    }
    return result;
  }
  const std::uint8_t* bytes = row_begin(view_, Plane::kTables, row).byte;
  const auto fill = [&result](const auto& table) {
    for (unsigned code = 0; code < abi::kBsfpCodes; ++code) {
      result.value[code] = draft_magnitude(table, code);
      result.value[code + 8] = -result.value[code];
    }
  };
  if (format == Format::kBsfpEDraft) {
    fill(bsfp_e_from_bytes(bytes));
  } else {
    fill(bsfp_i_from_bytes(bytes));
  }
  return result;
}

RowDecoder::Restorer RowDecoder::restorer(std::uint32_t row) const {
  const std::uint8_t* bytes = row_begin(view_, Plane::kTables, row).byte;
  Restorer result;
  const auto fill = [&result](const auto& table) {
    for (unsigned i = 0; i < 64; ++i) {
      result.base[i] = restore(table, {static_cast<std::uint8_t>(i >> 2),
                                       static_cast<std::uint16_t>((i & 3u) << kFp16MantissaBits)});
    }
  };
  if (view_.layout.format == Format::kBsfpEFull) {
    fill(bsfp_e_from_bytes(bytes));
  } else {
    fill(bsfp_i_from_bytes(bytes));
  }
  return result;
}

void RowDecoder::decode_nibbles(BitAddress at, std::uint32_t row, std::uint32_t n,
                                float* values) const {
  const NibbleValues own = by_row_ ? nibble_values(row) : NibbleValues{};
  const float* lookup = by_row_ ? own.value : shared_nibbles_.value;
  const std::uint8_t* byte = at.byte;
  std::uint32_t i = 0;
  if (at.bit != 0 && n > 0) values[i++] = lookup[*byte++ >> 4];
  for (; i + 1 < n; i += 2, ++byte) {
    values[i] = lookup[*byte & 15u];
    values[i + 1] = lookup[*byte >> 4];
  }
  if (i < n) values[i] = lookup[*byte & 15u];
}

void RowDecoder::decode_full(std::uint32_t row, std::uint32_t col, std::uint32_t n,
                             float* values) const {
  if (by_row_) {
    restore_columns(restorer(row), row, col, n, values);
  } else {
    restore_columns(shared_restorer_, row, col, n, values);
  }
}

void RowDecoder::restore_columns(const Restorer& restorer, std::uint32_t row, std::uint32_t col,
                                 std::uint32_t n, float* values) const {
  for (std::uint32_t begin = 0; begin < n; begin += kBlock) {
    const std::uint32_t count = std::min(kBlock, n - begin);
    const BitAddress nibbles =
        advance(row_begin(view_, Plane::kStream, row), std::uint64_t{4} * (col + begin));
    const BitAddress rests = advance(row_begin(view_, Plane::kRemainder, row),
                                     std::uint64_t{abi::kRemainderBits} * (col + begin));
    std::uint16_t patterns[kBlock];
    restore_block(restorer, nibbles, rests, count, patterns);
    fp16_to_float(patterns, values + begin, count);
  }
}

void RowDecoder::restore_block(const Restorer& restorer, BitAddress nibbles, BitAddress rests,
                               std::uint32_t n, std::uint16_t* patterns) {
  const std::uint8_t* nibble = nibbles.byte;
  const std::uint8_t* rest = rests.byte;
  std::uint32_t i = 0;
  if (nibbles.bit != 0) {  // an odd element: both planes are at a half byte
    patterns[i++] = restorer.restore(*nibble++ >> 4, rest[0] >> 4 | rest[1] << 4);
    rest += 2;
  }
  for (; i + 1 < n; i += 2, ++nibble, rest += 3) {
    const unsigned pair = rest[0] | rest[1] << 8 | rest[2] << 16;
    patterns[i] = restorer.restore(*nibble & 15u, pair & 0xFFFu);
    patterns[i + 1] = restorer.restore(*nibble >> 4, pair >> 12);
  }
  if (i < n) patterns[i] = restorer.restore(*nibble & 15u, rest[0] | (rest[1] & 15u) << 8);
}

void RowDecoder::decode(std::uint32_t row, std::uint32_t col, std::uint32_t n,
                        float* values) const {
  const Format format = view_.layout.format;
  if (abi::is_bsfp_full(format)) {
    decode_full(row, col, n, values);
    return;
  }
  const std::uint64_t skipped = static_cast<std::uint64_t>(col) * abi::stream_bits(format);
  const BitAddress at = advance(row_begin(view_, Plane::kStream, row), skipped);
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
    default:
      decode_nibbles(at, row, n, values);
      return;
  }
}

float RowDecoder::scale(std::uint32_t row, std::uint32_t col) const {
  if (!scaled_) return 1.0f;
  const std::uint8_t* at = row_begin(view_, Plane::kScales, row).byte;
  if (view_.layout.grouping == abi::Grouping::kGroup128) at += std::size_t{2} * (col / abi::kChunk);
  return fp16_to_float(static_cast<std::uint16_t>(at[0] | at[1] << 8));
}

}  // namespace tandem::numerics
