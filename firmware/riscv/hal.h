// SPDX-License-Identifier: Apache-2.0
// The HAL of a bare RV64 machine: registers by loads and stores, sleep by WFI, time by the TIME
// counter, which counts nanoseconds.
#pragma once
#include "tandem/abi/boot_info.h"
#include "tandem/abi/hal.h"
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware::riscv {

// Sets up timer and interrupts of the hart and gives the HAL for this machine. Called once after
// reset; `boot` must stay where it is.
tandem_hal start_hal(const abi::BootInfo& boot);

// Tells the platform that the firmware has stopped.
void tell_exit(const abi::BootInfo& boot, u32 status);

}  // namespace tandem::firmware::riscv
