// SPDX-License-Identifier: Apache-2.0
#include "tandem/interconnect/address_map.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace tandem::interconnect {
namespace {

std::string describe(const AddressRange& range) {
  std::ostringstream text;
  text << "'" << range.name << "' [0x" << std::hex << range.base << ", 0x" << range.last() << "]";
  return text.str();
}

}  // namespace

AddressMap::AddressMap(std::vector<AddressRange> ranges) : ranges_(std::move(ranges)) {
  for (const AddressRange& range : ranges_) {
    if (range.size_bytes == 0) {
      throw std::invalid_argument("address range '" + range.name + "' is empty");
    }
    if (range.last() < range.base) {
      throw std::invalid_argument("address range '" + range.name +
                                  "' goes beyond the end of the address space");
    }
  }
  std::sort(ranges_.begin(), ranges_.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.base < b.base; });
  for (std::size_t i = 1; i < ranges_.size(); ++i) {
    if (ranges_[i].base <= ranges_[i - 1].last()) {
      throw std::invalid_argument("address ranges overlap: " + describe(ranges_[i - 1]) + " and " +
                                  describe(ranges_[i]));
    }
  }
}

const AddressRange* AddressMap::find(std::uint64_t address) const {
  const auto next = std::upper_bound(
      ranges_.begin(), ranges_.end(), address,
      [](std::uint64_t value, const AddressRange& range) { return value < range.base; });
  if (next == ranges_.begin()) return nullptr;
  const AddressRange& range = *(next - 1);
  return address <= range.last() ? &range : nullptr;
}

}  // namespace tandem::interconnect
