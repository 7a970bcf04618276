// SPDX-License-Identifier: Apache-2.0
// A weight tensor in abi::OperandLayout::kBankTiles: slices of columns one after the other, each
// with planes like those of a tensor of its own. One in rows counts as a single slice.
#pragma once
#include <algorithm>
#include <cstdint>

#include "tandem/numerics/weights.h"

namespace tandem::numerics {

struct SlicedTensor {
  TensorLayout matrix;
  std::uint32_t columns = 0;  // of a slice, a multiple of abi::kChunk; 0: not sliced
  std::uint32_t rows = 0;     // of a slice, at least those of the matrix

  bool is_sliced() const { return columns != 0; }
  std::uint32_t slices() const { return is_sliced() ? (matrix.cols + columns - 1) / columns : 1; }
  // The layout of each slice.
  TensorLayout slice() const {
    if (!is_sliced()) return matrix;
    return {matrix.format, matrix.grouping, matrix.table_scope, rows, columns};
  }
  std::uint32_t first_column(std::uint32_t index) const { return index * columns; }
  // Columns of the matrix in a slice, without padding.
  std::uint32_t columns_in(std::uint32_t index) const {
    return is_sliced() ? std::min(columns, matrix.cols - first_column(index)) : matrix.cols;
  }
  // Tables, and scales that are not of groups, are common to all slices.
  bool is_sliced(Plane plane) const {
    if (plane == Plane::kTables) return false;
    return is_sliced() && (plane != Plane::kScales || matrix.grouping == abi::Grouping::kGroup128);
  }
  // From the begin of the plane to that of a slice.
  std::uint64_t offset(std::uint32_t index, Plane plane) const {
    return is_sliced(plane) ? index * numerics::plane_bytes(slice(), plane) : 0;
  }
  // Padding included.
  std::uint64_t plane_bytes(Plane plane) const {
    if (!is_sliced(plane)) return numerics::plane_bytes(matrix, plane);
    return slices() * numerics::plane_bytes(slice(), plane);
  }
};

}  // namespace tandem::numerics
