// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/common/systemc.h"

namespace tandem::common {

// Marks a transaction whose bytes do not matter (timing-only execution): targets that know it may
// leave them alone, all others move them, because the data pointer is valid. Ignorable.
class TimingOnly : public tlm::tlm_extension<TimingOnly> {
 public:
  // The mark carries no state, so the initiator that set it stays its owner.
  tlm::tlm_extension_base* clone() const override { return new TimingOnly; }
  void copy_from(const tlm::tlm_extension_base&) override {}
};

inline bool is_timing_only(const Payload& payload) {
  return payload.get_extension<TimingOnly>() != nullptr;
}

}  // namespace tandem::common
