// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/peripheral_registers.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

// Interrupt controller. Keeps a copy of the enables, so that an unchanged mask costs no access.
class Intc {
 public:
  void start(Machine& machine, u64 base) {
    base_ = base;
    enabled_ = 0;
    if (base_ != 0) machine.write(base_ + abi::intc::ENABLE, 0);
  }
  // Lets exactly these lines interrupt the CPU: a bit per line.
  void enable_only(Machine& machine, u32 lines) {
    if (base_ == 0 || lines == enabled_) return;
    enabled_ = lines;
    machine.write(base_ + abi::intc::ENABLE, lines);
  }

 private:
  u64 base_;
  u32 enabled_;
};

}  // namespace tandem::firmware
