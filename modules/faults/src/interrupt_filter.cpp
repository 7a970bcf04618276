// SPDX-License-Identifier: Apache-2.0
#include "tandem/faults/interrupt_filter.h"

namespace tandem::faults {

InterruptFilter::InterruptFilter(const sc_core::sc_module_name& name, std::string where,
                                 FaultLog& log)
    : sc_module(name), in("in"), out("out"), where_(std::move(where)), log_(log) {
  TANDEM_HAS_PROCESS(InterruptFilter);
  SC_METHOD(follow);
  sensitive << in;
  dont_initialize();
}

void InterruptFilter::follow() {
  if (!in.read()) return out.write(false);
  bool lost = false;
  for (Trigger& trigger : triggers_) {
    if (!trigger.fires(common::now_ps())) continue;
    lost = true;
    log_.add({common::now_ps(), Kind::kLostInterrupt, where_, 0, 0, trigger.id()});
  }
  if (!lost) out.write(true);
}

}  // namespace tandem::faults
