// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/command.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

// What the runtime wants to know of a PIM; zeros when there is none.
struct PimFacts {
  u32 formats;    // bit per Format that GEMV takes
  u32 banks;      // BANK_LAYOUT
  u32 channels;   // CHANNEL_LAYOUT
  u64 dram_base;  // where its banks are on the bus
};

// The PIM as the NPU's sequencer needs it: told where its banks are mapped, and enabled.
class PimDriver {
 public:
  // Returns kOk, kBusError or kBadVersion.
  static abi::Status start(Machine& machine, u64 base, u64 dram_base, PimFacts& facts) {
    namespace pim = abi::pim;
    const u32 id = machine.read(base + pim::ID);
    if (machine.bus_error()) return abi::Status::kBusError;
    if (id != pim::kRegisters[0].reset) return abi::Status::kBadVersion;
    machine.write_pair(base + pim::DRAM_BASE_LO, dram_base);
    machine.write(base + pim::CONTROL, pim::CONTROL_ENABLE.put(1));
    facts.formats = pim::CAPABILITY_FORMATS.get(machine.read(base + pim::CAPABILITY));
    facts.banks = machine.read(base + pim::BANK_LAYOUT);
    facts.channels = machine.read(base + pim::CHANNEL_LAYOUT);
    facts.dram_base = dram_base;
    return machine.bus_error() ? abi::Status::kBusError : abi::Status::kOk;
  }
  // The same for one that was started and may have been reset since.
  static void revive(Machine& machine, u64 base, u64 dram_base) {
    const u32 control = machine.read(base + abi::pim::CONTROL);
    if (machine.bus_error() || abi::pim::CONTROL_ENABLE.get(control) != 0) return;
    PimFacts known;
    start(machine, base, dram_base, known);
  }
};

}  // namespace tandem::firmware
