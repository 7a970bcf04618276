// SPDX-License-Identifier: Apache-2.0
#include "tandem/cpu/dmi_cache.h"

#include <algorithm>

namespace tandem::cpu {

unsigned char* DmiCache::find(std::uint64_t address, std::uint64_t bytes) const {
  for (const tlm::tlm_dmi& region : regions_) {
    const std::uint64_t first = region.get_start_address();
    const std::uint64_t last = region.get_end_address();
    if (address < first || address > last) continue;
    if (bytes > 0 && bytes - 1 > last - address) continue;
    return region.get_dmi_ptr() + (address - first);
  }
  return nullptr;
}

void DmiCache::insert(const tlm::tlm_dmi& region) {
  if (region.is_read_write_allowed()) regions_.push_back(region);
}

void DmiCache::invalidate(std::uint64_t first, std::uint64_t last) {
  const auto overlaps = [&](const tlm::tlm_dmi& region) {
    return region.get_start_address() <= last && region.get_end_address() >= first;
  };
  regions_.erase(std::remove_if(regions_.begin(), regions_.end(), overlaps), regions_.end());
}

}  // namespace tandem::cpu
