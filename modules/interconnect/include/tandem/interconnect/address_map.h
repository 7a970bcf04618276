// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::interconnect {

// Addresses [base, base + size_bytes) belong to a target, which sees them from 0 on if
// `subtract_base`, else unchanged.
struct AddressRange {
  std::string name;
  std::uint64_t base = 0;
  std::uint64_t size_bytes = 0;
  unsigned target = 0;
  bool subtract_base = true;

  std::uint64_t last() const { return base + (size_bytes - 1); }
  std::uint64_t to_target(std::uint64_t address) const {
    return subtract_base ? address - base : address;
  }
  std::uint64_t from_target(std::uint64_t address) const {
    return subtract_base ? address + base : address;
  }
};

// Finds the range of an address.
class AddressMap {
 public:
  // Throws std::invalid_argument when a range is empty, wraps around, or overlaps another (both
  // are named).
  explicit AddressMap(std::vector<AddressRange> ranges);

  // nullptr for a hole, and for an access that leaves its range.
  const AddressRange* find(std::uint64_t address, std::uint64_t length) const {
    const AddressRange* range = find(address);
    return range != nullptr && length <= range->size_bytes &&
                   address - range->base <= range->size_bytes - length
               ? range
               : nullptr;
  }
  const AddressRange* find(std::uint64_t address) const;
  // In order of address.
  const std::vector<AddressRange>& ranges() const { return ranges_; }

 private:
  std::vector<AddressRange> ranges_;
};

}  // namespace tandem::interconnect
