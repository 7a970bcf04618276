// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace tandem::cpu {

// What an instruction does to memory: at the register `base` plus `offset`. `bytes` 0: nothing.
struct MemoryAccess {
  unsigned base = 0;
  std::int64_t offset = 0;
  unsigned bytes = 0;
  bool is_store = false;  // in the sense of mcause: all atomics but LR
};

// Of the A, C, D, F and I extensions of RV64.
MemoryAccess memory_access(std::uint32_t instruction);

}  // namespace tandem::cpu
