// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tandem/common/systemc.h"

namespace tandem::cpu {

// Regions that targets have granted for direct access, until they take them back.
class DmiCache {
 public:
  // Pointer to [address, address + bytes) if one region covers it with reads and writes.
  unsigned char* find(std::uint64_t address, std::uint64_t bytes) const;
  void insert(const tlm::tlm_dmi& region);
  void invalidate(std::uint64_t first, std::uint64_t last);
  void clear() { regions_.clear(); }
  std::size_t size() const { return regions_.size(); }

 private:
  std::vector<tlm::tlm_dmi> regions_;
};

}  // namespace tandem::cpu
