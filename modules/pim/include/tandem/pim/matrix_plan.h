// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/pim/command_set.h"

namespace tandem::pim {

// The part of a matrix that one channel holds, laid out for its command set: weight rows go round
// the banks, and a DRAM row holds the same piece of as many of a bank's weight rows as fit.
struct MatrixShape {
  std::uint64_t rows = 0;     // results per vector
  std::uint64_t columns = 0;  // length of the vectors
  // Elements of one dot product, where a row holds several (the heads of QK^T); 0: `columns`.
  std::uint64_t dot_elements = 0;
  std::uint32_t vectors = 1;
  abi::Format format = abi::Format::kFp16;
  std::uint32_t first_row = 0;  // DRAM row with the first weights
};

// What a plan does, for counting.
struct PlanCounts {
  std::uint64_t activations = 0;    // rows of single banks, without those that refresh shuts
  std::uint64_t columns = 0;        // read and multiplied by single banks, once per vector
  std::uint64_t buffer_writes = 0;  // DRAM rows to the global buffer
  std::uint64_t buffer_loads = 0;   // bursts to the global buffer or the vector registers
  std::uint64_t result_reads = 0;   // bursts
  void add(const PlanCounts& other, std::uint64_t times);
  template <typename Archive>
  void archive(Archive& archive) {
    archive(activations, columns, buffer_writes, buffer_loads, result_reads);
  }
  PlanCounts& operator+=(const PlanCounts& other) { return add(other, 1), *this; }
};

// Of operations made by `set`.
PlanCounts count(const PimCommandSet& set, const Operations& operations);

// Appends the operations of matrix times vectors: vectors in pieces that the channel can hold,
// and for each piece all rows; where sums go on over rows, all pieces for each block of rows.
void plan_matrix(const PimCommandSet& set, const MatrixShape& shape, Operations& out);

}  // namespace tandem::pim
