// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/abi/pim_registers.h"
#include "tandem/numerics/weights.h"

namespace tandem::pim {

// Which bytes of the memory a GEMV reads; addresses count from the first byte of the banks.
struct WeightBytes {
  numerics::TensorLayout layout;
  numerics::Tile tile;             // element [0][0] of the command is element [0][0] of the layout
  std::uint64_t stream = 0;        // byte with element [0][0]
  std::uint64_t stream_bytes = 0;  // to the last element, with what lies between the rows
  unsigned first_bit = 0;          // of element [0][0] in its byte
  std::uint64_t side = 0;          // tables or scales
  std::uint64_t side_bytes = 0;    // 0: none
  std::uint32_t block_rows = 0;    // PimCommand::block_rows
  std::uint64_t block_elements = 0;

  // Elements from element [0][0] to the first one of a row.
  std::uint64_t row_begin(std::uint64_t row) const {
    if (block_rows == 0) return row * layout.cols;
    return row % block_rows * layout.cols + row / block_rows * block_elements;
  }
  bool contiguous() const {
    return tile.rows == 1 || (block_rows == 0 && tile.cols == layout.cols);
  }
};

// Results that a command stores.
inline std::uint64_t results_of(const abi::PimCommand& command) {
  const std::uint64_t segments = command.segments == 0 ? 1u : command.segments;
  return std::uint64_t{command.rows} * command.vectors * segments;
}

}  // namespace tandem::pim
