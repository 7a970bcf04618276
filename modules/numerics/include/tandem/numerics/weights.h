// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a weight tensor [rows][cols] lie, and views of a tile of it. A tensor has up
// to four planes, each packed over the whole tensor without row padding: the stream (element i at
// bit bits x i), the 12-bit remainder of the full BSFP formats, FP16 group scales and BSFP tables.
#pragma once
#include <cstdint>

#include "tandem/abi/formats.h"

namespace tandem::numerics {

enum class Plane : std::uint8_t { kStream, kRemainder, kScales, kTables };
constexpr unsigned kPlaneCount = 4;

struct TensorLayout {
  abi::Format format = abi::Format::kFp16;
  abi::Grouping grouping = abi::Grouping::kNone;           // of the scales
  abi::TableScope table_scope = abi::TableScope::kTensor;  // of the BSFP tables
  std::uint32_t rows = 0;
  std::uint32_t cols = 0;
};

// Rows [row0, row0 + rows) x columns [col0, col0 + cols) of a tensor. For sums in canonical order
// col0 is a multiple of abi::kChunk, and so is cols unless the tile ends with the tensor's row.
struct Tile {
  std::uint32_t row0 = 0;
  std::uint32_t rows = 0;
  std::uint32_t col0 = 0;
  std::uint32_t cols = 0;
};

inline Tile whole(const TensorLayout& layout) {
  return {0, layout.rows, 0, layout.cols};
}

// Scales apply to the low-bit formats and, optionally, to the BSFP draft formats.
bool has_scales(const TensorLayout& layout);
bool has_tables(const TensorLayout& layout);
std::uint32_t scales_per_row(const TensorLayout& layout);  // 0 for one scale per tensor
std::uint32_t table_bytes(const TensorLayout& layout);     // of one table; 0 without tables

// Bytes of a plane of the whole tensor; 0 if the format has no such plane.
std::uint64_t plane_bytes(const TensorLayout& layout, Plane plane);

struct ByteRange {
  std::uint64_t offset = 0;  // from the begin of the plane
  std::uint64_t bytes = 0;
};

// The bytes that hold a tile's part of a plane: from the byte with its first element to the byte
// with its last one. For a tile of partial rows this spans the columns in between as well.
ByteRange plane_range(const TensorLayout& layout, const Tile& tile, Plane plane);

// The same row by row, for tiles that are narrower than the tensor: `row` counts within the tile.
// A plane that is shared by the rows (a tensor's scale or table) gives the same range for each.
ByteRange row_range(const TensorLayout& layout, const Tile& tile, Plane plane, std::uint32_t row);

// True if plane_range holds nothing but the tile's own elements (or bits sharing their bytes).
bool is_contiguous(const TensorLayout& layout, const Tile& tile, Plane plane);

// Bytes to reserve per row when a tile is fetched row by row: no row_range is longer.
std::uint32_t row_pitch_bytes(const TensorLayout& layout, const Tile& tile, Plane plane);

// A tile's part of one plane in a buffer.
struct PlaneView {
  // Holds plane_range of the tile (row_pitch 0), or row_range of row r at data + r x row_pitch.
  const std::uint8_t* data = nullptr;
  std::uint32_t row_pitch = 0;
};

struct WeightView {
  TensorLayout layout;
  Tile tile;
  PlaneView stream;
  PlaneView remainder;  // full BSFP formats only
  PlaneView scales;     // if has_scales(layout)
  PlaneView tables;     // BSFP formats only
};

// The tile within buffers that hold whole planes from their first byte; unused planes may be null.
WeightView view_of(const TensorLayout& layout, const Tile& tile, const std::uint8_t* stream,
                   const std::uint8_t* remainder, const std::uint8_t* scales,
                   const std::uint8_t* tables);

// Where element (row, 0) of a tile lies: `row` counts within the tile; bit counts from `byte`.
struct BitAddress {
  const std::uint8_t* byte;
  unsigned bit;
};
BitAddress row_begin(const WeightView& view, Plane plane, std::uint32_t row);

// Throws std::invalid_argument if the tile is outside the tensor, its columns break the canonical
// chunks, or a plane that the format needs is missing.
void validate(const WeightView& view);

}  // namespace tandem::numerics
