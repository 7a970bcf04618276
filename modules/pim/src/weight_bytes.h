// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/abi/pim_registers.h"
#include "tandem/numerics/weights.h"

namespace tandem::pim {

// Which bytes of the memory a GEMV reads; addresses count from the first byte of the banks.
struct WeightBytes {
  numerics::TensorLayout layout;
  numerics::Tile tile;       // element [0][0] of the command is element [0][0] of the layout
  std::uint64_t stream = 0;  // byte with element [0][0]
  std::uint64_t stream_bytes = 0;
  unsigned first_bit = 0;        // of element [0][0] in its byte
  std::uint64_t side = 0;        // tables or scales
  std::uint64_t side_bytes = 0;  // 0: none

  bool contiguous() const { return tile.rows == 1 || tile.cols == layout.cols; }
};

}  // namespace tandem::pim
