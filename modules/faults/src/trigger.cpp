// SPDX-License-Identifier: Apache-2.0
#include "tandem/faults/trigger.h"

namespace tandem::faults {

bool Trigger::fires(std::uint64_t now_ps, std::uint64_t address, std::uint64_t bytes) {
  if (spent() || now_ps < when_.from_ps) return false;
  if (when_.range && !when_.range->overlaps(address, bytes)) return false;
  ++seen_;
  if (seen_ < when_.nth || (seen_ - when_.nth) % when_.every != 0) return false;
  ++fired_;
  return true;
}

}  // namespace tandem::faults
