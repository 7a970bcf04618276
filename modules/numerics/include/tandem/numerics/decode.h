// SPDX-License-Identifier: Apache-2.0
// Weight bytes to float values, exact for every format. Any bytes decode to something: tables and
// codes are not judged here.
#pragma once
#include <cstdint>

#include "tandem/numerics/weights.h"

namespace tandem::numerics {

// Values of columns [col, col + n) of a row, both counted within the tile, without group scale.
void decode_row(const WeightView& view, std::uint32_t row, std::uint32_t col, std::uint32_t n,
                float* values);

// The scale of the group that column `col` of a row belongs to; 1 if the layout has no scales.
float scale_at(const WeightView& view, std::uint32_t row, std::uint32_t col);

}  // namespace tandem::numerics
