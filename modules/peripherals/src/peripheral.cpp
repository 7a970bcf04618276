// SPDX-License-Identifier: Apache-2.0
#include "tandem/peripherals/peripheral.h"

namespace tandem::peripherals {

Peripheral::Peripheral(const sc_core::sc_module_name& name, const abi::RegisterBlock& block,
                       const common::RegisterTarget::Config& config)
    : sc_module(name),
      bank_(block),
      port_("port", bank_, config),
      reset("reset"),
      registers(port_.socket) {
  TANDEM_HAS_PROCESS(Peripheral);
  SC_METHOD(apply_reset);
  sensitive << reset;
  dont_initialize();
}

void Peripheral::apply_reset() {
  bank_.reset();
  port_.reset();
  on_reset();
}

}  // namespace tandem::peripherals
