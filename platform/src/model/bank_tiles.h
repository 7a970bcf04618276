// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/numerics/slices.h"
#include "tandem/platform/model/packer.h"

namespace tandem::platform {

// How a matrix is cut: slices as wide as a row of a bank and the vector that a channel holds allow,
// no wider than the matrix needs, and as high as whole tiles are.
numerics::SlicedTensor in_tiles(const BankTiles& tiles, const numerics::TensorLayout& matrix);

// A plane of a matrix in rows, cut into slices; padding is zero.
std::vector<std::uint8_t> slice_plane(const numerics::SlicedTensor& tensor, numerics::Plane plane,
                                      const std::uint8_t* rows);

}  // namespace tandem::platform
