// SPDX-License-Identifier: Apache-2.0
#include "bank_tiles.h"

#include <algorithm>
#include <stdexcept>

namespace tandem::platform {

using numerics::Plane;
using numerics::SlicedTensor;

namespace {

constexpr std::uint64_t kNibbleBits = 4;  // of which all items are multiples

std::uint64_t nibbles_of_item(const numerics::TensorLayout& layout, Plane plane) {
  if (plane == Plane::kScales) return 16 / kNibbleBits;
  return (plane == Plane::kRemainder ? abi::kRemainderBits : abi::stream_bits(layout.format)) /
         kNibbleBits;
}

// Items in `columns` columns of a row.
std::uint64_t items(Plane plane, std::uint32_t columns) {
  return plane == Plane::kScales ? (columns + abi::kChunk - 1) / abi::kChunk : columns;
}

void copy_nibbles(const std::uint8_t* from, std::uint64_t begin, std::uint64_t count,
                  std::uint8_t* to, std::uint64_t to_begin) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t source = begin + i, target = to_begin + i;
    const unsigned nibble = from[source / 2] >> (source % 2 * kNibbleBits) & 0xF;
    to[target / 2] = static_cast<std::uint8_t>(to[target / 2] | nibble << target % 2 * kNibbleBits);
  }
}

}  // namespace

std::uint32_t BankTiles::widest(abi::Format format) const {
  const std::uint64_t in_row = 8 * row_bytes / abi::stream_bits(format);
  std::uint64_t columns = 1;
  while (2 * columns <= std::min(in_row, vector_bytes / 2)) columns *= 2;
  return static_cast<std::uint32_t>(columns);
}

SlicedTensor in_tiles(const BankTiles& tiles, const numerics::TensorLayout& matrix) {
  SlicedTensor tensor{matrix, tiles.widest(matrix.format)};
  if (tensor.columns < abi::kChunk) throw std::invalid_argument("BankTiles: slices are too narrow");
  while (tensor.columns / 2 >= std::max(matrix.cols, abi::kChunk)) tensor.columns /= 2;
  const std::uint64_t pitch_bits = std::uint64_t{tensor.columns} * abi::stream_bits(matrix.format);
  const std::uint64_t high = 8 * tiles.bytes / pitch_bits;
  tensor.rows = static_cast<std::uint32_t>((matrix.rows + high - 1) / high * high);
  return tensor;
}

std::vector<std::uint8_t> slice_plane(const SlicedTensor& tensor, Plane plane,
                                      const std::uint8_t* rows) {
  std::vector<std::uint8_t> bytes(tensor.plane_bytes(plane));
  const std::uint64_t item = nibbles_of_item(tensor.matrix, plane);
  const std::uint64_t row_pitch = item * items(plane, tensor.matrix.cols);
  const std::uint64_t slice_pitch = item * items(plane, tensor.columns);
  for (std::uint32_t slice = 0; slice < tensor.slices(); ++slice) {
    const std::uint64_t first = item * items(plane, tensor.first_column(slice));
    const std::uint64_t count = item * items(plane, tensor.columns_in(slice));
    const std::uint64_t begin = 2 * tensor.offset(slice, plane);
    for (std::uint32_t row = 0; row < tensor.matrix.rows; ++row) {
      copy_nibbles(rows, row * row_pitch + first, count, bytes.data(), begin + row * slice_pitch);
    }
  }
  return bytes;
}

}  // namespace tandem::platform
