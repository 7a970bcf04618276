// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/peripheral_registers.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

class Uart {
 public:
  // Sends as many bytes as the FIFO takes now and returns how many; never waits.
  static u32 send(Machine& machine, u64 base, const u8* text, u32 bytes) {
    u32 sent = 0;
    while (sent < bytes && !full(machine, base)) {
      machine.write(base + abi::uart::TX, text[sent]);
      ++sent;
    }
    return sent;
  }

 private:
  static bool full(Machine& machine, u64 base) {
    return machine.bus_error() ||
           abi::uart::STATUS_FULL.get(machine.read(base + abi::uart::STATUS)) != 0;
  }
};

}  // namespace tandem::firmware
