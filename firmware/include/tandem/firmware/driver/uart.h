// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/peripheral_registers.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

// Transmits bytes, each of them again if the device says that it was lost. Zeros are a valid state.
class Uart {
 public:
  // Sends as many bytes as the FIFO takes now and returns how many; never waits.
  u32 send(Machine& machine, u64 base, const u8* text, u32 bytes) {
    u32 sent = 0;
    while (sent < bytes && ready(machine, base)) {
      machine.write(base + abi::uart::TX, text[sent]);
      last_ = text[sent];
      ++sent;
    }
    return sent;
  }
  // Whether the last byte is under way. If not, it is sent again.
  bool settle(Machine& machine, u64 base) {
    return !resend_lost(machine, base, machine.read(base + abi::uart::STATUS));
  }
  // Bytes sent again so far.
  u32 resent() const { return resent_; }

 private:
  static constexpr u32 kMostTries = 16;  // of one byte, which is then given up

  bool ready(Machine& machine, u64 base) {
    if (machine.bus_error()) return false;
    const u32 status = machine.read(base + abi::uart::STATUS);
    return !resend_lost(machine, base, status) && abi::uart::STATUS_FULL.get(status) == 0 &&
           !machine.bus_error();
  }
  // STATUS was read before every byte, so it is the last one that is lost.
  bool resend_lost(Machine& machine, u64 base, u32 status) {
    if (abi::uart::STATUS_OVERRUN.get(status) == 0) {
      tries_ = 0;
      return false;
    }
    machine.write(base + abi::uart::OVERRUNS, 0);
    if (++tries_ >= kMostTries) return false;
    machine.write(base + abi::uart::TX, last_);
    ++resent_;
    return true;
  }

  u32 resent_;
  u32 tries_;
  u8 last_;
};

}  // namespace tandem::firmware
