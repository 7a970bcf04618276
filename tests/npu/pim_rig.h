// SPDX-License-Identifier: Apache-2.0
// An NPU with a memory that computes: an NpuRig whose memory is a PIM, behind a crossbar.
#pragma once
#include "npu_rig.h"
#include "tandem/interconnect/crossbar.h"
#include "tandem/pim/pim_stack.h"

namespace tandem::test {

constexpr std::uint64_t kPimBase = 1ull << 40;

inline interconnect::Crossbar::Config pim_bus(const pim::Config& config) {
  interconnect::Crossbar::Config bus;
  interconnect::Crossbar::Port port;
  port.name = "npu";
  port.width_bytes = 32;
  bus.initiators = {port};
  port.name = "cpu";
  bus.initiators.push_back(port);
  port.name = "dram";
  bus.targets = {port};
  port.name = "pim";
  bus.targets.push_back(port);
  bus.ranges = {{"dram", 0, config.memory.size_bytes(), 0, true},
                {"pim", kPimBase, abi::kPimWindowBytes, 1, true}};
  return bus;
}

// A small NPU that a PIM is bound to, and AiM without anything that would hide what it does.
inline npu::Config npu_with_pim(bool serial = false) {
  npu::Config config = small_npu();
  config.pim_bound = true;
  config.serial = serial;
  return config;
}

inline pim::Config plain_aim() {
  pim::Config config;
  config.memory = stack_config("gddr6_aim");
  config.command_set = pim::CommandSetKind::kAim;
  config.row_buffer = pim::RowBuffer::kSingle;
  config.accumulators_per_bank = 1;
  config.dram_base = 0;
  return config;
}

struct PimRigParts {
  npu::Npu device;
  pim::PimStack pim;
  interconnect::Crossbar bus;
  LtInitiator pim_driver;
};

// The banks begin at bus address 0.
class PimRig : public PimRigParts, public RigDriver {
 public:
  PimRig(const npu::Config& npu_config, const pim::Config& pim_config)
      : PimRigParts{{"npu", npu_config},
                    {"pim", pim_config},
                    {"bus", pim_bus(pim_config)},
                    LtInitiator{"pim_driver"}},
        RigDriver(device, pim.memory()) {
    device.memory.bind(bus.from_initiator(0));
    bus.to_target(0).bind(pim.memory().target());
    bus.to_target(1).bind(pim.registers);
    pim_driver.socket.bind(bus.from_initiator(1));
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    enable();
    driver.write32(abi::npu::PIM_BASE_HI, static_cast<std::uint32_t>(kPimBase >> 32));
    pim_driver.write32(kPimBase + abi::pim::CONTROL, 1);
  }
};

}  // namespace tandem::test
