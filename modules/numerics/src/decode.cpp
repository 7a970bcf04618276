// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/decode.h"

#include "row_decoder.h"

namespace tandem::numerics {

void decode_row(const WeightView& view, std::uint32_t row, std::uint32_t col, std::uint32_t n,
                float* values) {
  RowDecoder(view).decode(row, col, n, values);
}

float scale_at(const WeightView& view, std::uint32_t row, std::uint32_t col) {
  return RowDecoder(view).scale(row, col);
}

}  // namespace tandem::numerics
