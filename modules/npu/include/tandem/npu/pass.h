// SPDX-License-Identifier: Apache-2.0
// A pass: the token positions that a program processes at once.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tandem/abi/batch.h"
#include "tandem/abi/program.h"
#include "tandem/npu/program.h"

namespace tandem::npu {

// One entry of the batch table with everything that the device fetched for it.
struct Sequence {
  abi::BatchEntry entry{};
  std::vector<std::uint32_t> pending;
  abi::DraftBlock draft{};
  std::array<std::vector<std::uint64_t>, abi::kKvSets> pages;
  std::array<std::uint32_t, abi::kKvSets> kv_length{};  // tokens before the rows of this pass
  std::uint32_t position = 0;                           // of the first row of this pass
  bool active = true;                                   // false: DRAFT has stopped
  abi::VerifyResult result{};
  bool accepted = false;   // result is valid
  bool committed = false;  // KV_COMMIT has written the batch entry
};

struct Row {
  std::uint32_t sequence;
  std::uint32_t token;
  std::uint32_t position;
};

// Rows of sequence `sequence` are [first, first + count).
struct RowRange {
  std::uint32_t sequence;
  std::uint32_t first;
  std::uint32_t count;
};

struct Pass {
  std::vector<Row> rows;
  std::vector<RowRange> ranges;  // of the active sequences, in order

  void clear();
  PassShape shape() const {
    return {static_cast<std::uint32_t>(rows.size()), static_cast<std::uint32_t>(ranges.size())};
  }
  void add(std::uint32_t sequence, const std::uint32_t* tokens, std::uint32_t count,
           std::uint32_t position);
};

}  // namespace tandem::npu
