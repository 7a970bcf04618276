// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/weights.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace tandem::numerics {
namespace {

using abi::Format;
using abi::Grouping;

struct BitRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

bool is_bsfp_draft(Format format) {
  return format == Format::kBsfpEDraft || format == Format::kBsfpIDraft;
}

bool is_low_bit(Format format) {
  return format == Format::kInt8 || format == Format::kInt4 || format == Format::kE2m1 ||
         format == Format::kE3m0;
}

std::uint32_t chunks(std::uint32_t cols) {
  return (cols + abi::kChunk - 1) / abi::kChunk;
}

// Items of a plane: elements, scales or tables, and their width.
unsigned item_bits(const TensorLayout& layout, Plane plane) {
  switch (plane) {
    case Plane::kStream:
      return abi::stream_bits(layout.format);
    case Plane::kRemainder:
      return abi::is_bsfp_full(layout.format) ? abi::kRemainderBits : 0;
    case Plane::kScales:
      return has_scales(layout) ? 16 : 0;
    case Plane::kTables:
      return 8 * table_bytes(layout);
  }
  return 0;
}

// Items of one tensor row; 0 if the whole tensor shares a single item.
std::uint32_t items_per_row(const TensorLayout& layout, Plane plane) {
  switch (plane) {
    case Plane::kScales:
      return scales_per_row(layout);
    case Plane::kTables:
      return layout.table_scope == abi::TableScope::kRow ? 1 : 0;
    default:
      return layout.cols;
  }
}

// The items of columns [col0, col0 + cols) within their row.
BitRange items_of_columns(const TensorLayout& layout, const Tile& tile, Plane plane) {
  if (plane == Plane::kStream || plane == Plane::kRemainder) {
    return {tile.col0, static_cast<std::uint64_t>(tile.col0) + tile.cols};
  }
  if (plane == Plane::kScales && layout.grouping == Grouping::kGroup128) {
    return {tile.col0 / abi::kChunk, chunks(tile.col0 + tile.cols)};
  }
  return {0, 1};
}

BitRange row_bits(const TensorLayout& layout, const Tile& tile, Plane plane, std::uint32_t row) {
  const std::uint64_t bits = item_bits(layout, plane);
  const BitRange items = items_of_columns(layout, tile, plane);
  const std::uint64_t first =
      (static_cast<std::uint64_t>(tile.row0) + row) * items_per_row(layout, plane);
  return {(first + items.begin) * bits, (first + items.end) * bits};
}

ByteRange covering(std::uint64_t begin_bit, std::uint64_t end_bit) {
  if (begin_bit == end_bit) return {begin_bit / 8, 0};
  return {begin_bit / 8, (end_bit + 7) / 8 - begin_bit / 8};
}

void require(bool condition, const char* rule) {
  if (!condition) throw std::invalid_argument(std::string("WeightView: ") + rule);
}

}  // namespace

bool has_scales(const TensorLayout& layout) {
  return layout.grouping != Grouping::kNone &&
         (is_low_bit(layout.format) || is_bsfp_draft(layout.format));
}

bool has_tables(const TensorLayout& layout) {
  return table_bytes(layout) != 0;
}

std::uint32_t scales_per_row(const TensorLayout& layout) {
  if (!has_scales(layout)) return 0;
  if (layout.grouping == Grouping::kGroup128) return chunks(layout.cols);
  return layout.grouping == Grouping::kRow ? 1 : 0;
}

std::uint32_t table_bytes(const TensorLayout& layout) {
  switch (layout.format) {
    case Format::kBsfpEDraft:
    case Format::kBsfpEFull:
      return abi::kBsfpETableBytes;
    case Format::kBsfpIDraft:
    case Format::kBsfpIFull:
      return abi::kBsfpITableBytes;
    default:
      return 0;
  }
}

std::uint64_t plane_bytes(const TensorLayout& layout, Plane plane) {
  return plane_range(layout, whole(layout), plane).bytes;
}

ByteRange plane_range(const TensorLayout& layout, const Tile& tile, Plane plane) {
  if (tile.rows == 0 || tile.cols == 0 || item_bits(layout, plane) == 0) return {};
  const BitRange first = row_bits(layout, tile, plane, 0);
  const BitRange last = row_bits(layout, tile, plane, tile.rows - 1);
  return covering(first.begin, last.end);
}

ByteRange row_range(const TensorLayout& layout, const Tile& tile, Plane plane, std::uint32_t row) {
  if (tile.cols == 0) return {};
  const BitRange bits = row_bits(layout, tile, plane, row);
  return covering(bits.begin, bits.end);
}

bool is_contiguous(const TensorLayout& layout, const Tile& tile, Plane plane) {
  const std::uint32_t per_row = items_per_row(layout, plane);
  const BitRange items = items_of_columns(layout, tile, plane);
  return tile.rows <= 1 || per_row == 0 || items.end - items.begin == per_row;
}

std::uint32_t row_pitch_bytes(const TensorLayout& layout, const Tile& tile, Plane plane) {
  const BitRange items = items_of_columns(layout, tile, plane);
  const std::uint64_t bits = (items.end - items.begin) * item_bits(layout, plane);
  const unsigned worst_phase = item_bits(layout, plane) % 8 == 0 ? 0 : 4;
  return static_cast<std::uint32_t>(covering(worst_phase, worst_phase + bits).bytes);
}

WeightView view_of(const TensorLayout& layout, const Tile& tile, const std::uint8_t* stream,
                   const std::uint8_t* remainder, const std::uint8_t* scales,
                   const std::uint8_t* tables) {
  const auto part = [&](const std::uint8_t* plane_begin, Plane plane) {
    if (plane_begin == nullptr) return PlaneView{};
    return PlaneView{plane_begin + plane_range(layout, tile, plane).offset, 0};
  };
  return {layout,
          tile,
          part(stream, Plane::kStream),
          part(remainder, Plane::kRemainder),
          part(scales, Plane::kScales),
          part(tables, Plane::kTables)};
}

BitAddress row_begin(const WeightView& view, Plane plane, std::uint32_t row) {
  const PlaneView& part = plane == Plane::kStream      ? view.stream
                          : plane == Plane::kRemainder ? view.remainder
                          : plane == Plane::kScales    ? view.scales
                                                       : view.tables;
  const std::uint64_t begin = row_bits(view.layout, view.tile, plane, row).begin;
  if (part.row_pitch != 0) {
    return {part.data + static_cast<std::uint64_t>(row) * part.row_pitch,
            static_cast<unsigned>(begin % 8)};
  }
  const std::uint64_t origin = row_bits(view.layout, view.tile, plane, 0).begin / 8;
  return {part.data + (begin / 8 - origin), static_cast<unsigned>(begin % 8)};
}

void validate(const WeightView& view) {
  const TensorLayout& layout = view.layout;
  const Tile& tile = view.tile;
  const std::uint64_t row_end = static_cast<std::uint64_t>(tile.row0) + tile.rows;
  const std::uint64_t col_end = static_cast<std::uint64_t>(tile.col0) + tile.cols;
  require(static_cast<unsigned>(layout.format) < abi::kFormatCount && layout.format != Format::kU32,
          "the format is not one of weights");
  require(row_end <= layout.rows && col_end <= layout.cols, "the tile is outside the tensor");
  require(tile.col0 % abi::kChunk == 0, "col0 is not a multiple of 128");
  require(tile.cols % abi::kChunk == 0 || col_end == layout.cols,
          "cols is not a multiple of 128 and does not end the row");
  require(view.stream.data != nullptr, "no stream");
  require(!abi::is_bsfp_full(layout.format) || view.remainder.data != nullptr, "no remainder");
  require(!has_scales(layout) || view.scales.data != nullptr, "no scales");
  require(!has_tables(layout) || view.tables.data != nullptr, "no tables");
}

}  // namespace tandem::numerics
