// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "registers_fixture.h"
#include "tandem/abi/npu_registers.h"
#include "tandem/common/device_control.h"

using namespace tandem;
namespace regs = abi::npu;

namespace {

struct Device {
  Device() {
    bench.connect(target.socket);
    irq.port.bind(line);
    test::settle();
  }
  test::LtInitiator& bus() { return bench.bus; }
  bool line_level() {
    test::settle();
    return line.read();
  }

  common::RegisterBank bank{regs::kBlock};
  common::RegisterTarget target{"target", bank, {}};
  common::InterruptOutput irq{"irq"};
  common::DeviceControl control{bank, irq};
  sc_core::sc_signal<bool> line{"line"};
  test::RegisterBus bench;
};

}  // namespace

TEST_CASE("interrupt causes pass the mask and stay until cleared") {
  Device device;
  device.control.raise(0b0101);
  CHECK_FALSE(device.line_level());
  CHECK(device.bus().read32(regs::IRQ_RAW) == 0b0101);
  CHECK(device.bus().read32(regs::IRQ_STATUS) == 0);
  device.bus().write32(regs::IRQ_MASK, 0b0111);
  CHECK(device.line_level());
  CHECK(device.bus().read32(regs::IRQ_STATUS) == 0b0101);
  device.bus().write32(regs::IRQ_STATUS, 0b0001);
  CHECK(device.line_level());
  device.control.raise(0b0001);  // again, between the two clears: not lost
  device.bus().write32(regs::IRQ_STATUS, 0b0100);
  CHECK(device.line_level());
  device.bus().write32(regs::IRQ_STATUS, 0b0001);
  CHECK_FALSE(device.line_level());
  CHECK(device.bus().read32(regs::IRQ_RAW) == 0);
}

TEST_CASE("the first error keeps its cause and address, later ones are counted") {
  Device device;
  device.control.log_error(9, 0x1'2345'6780);
  device.control.log_error(6, 0x40);
  CHECK(device.bus().read32(regs::ERROR_CAUSE) == 9);
  CHECK(device.bus().read32(regs::ERROR_ADDRESS_LO) == 0x2345'6780);
  CHECK(device.bus().read32(regs::ERROR_ADDRESS_HI) == 1);
  CHECK(device.bus().read32(regs::ERROR_COUNT) == 2);
  CHECK(regs::STATUS_ERROR.get(device.bus().read32(regs::STATUS)) == 1);
  device.bus().write32(regs::ERROR_COUNT, 5);
  CHECK(device.bus().read32(regs::ERROR_COUNT) == 2);
  device.bus().write32(regs::ERROR_COUNT, 0);
  CHECK(device.bus().read32(regs::ERROR_COUNT) == 0);
  CHECK(device.bus().read32(regs::ERROR_CAUSE) == 0);
  CHECK(device.bus().read32(regs::STATUS) == 0);
  device.control.log_error(6, 0x40);
  CHECK(device.bus().read32(regs::ERROR_CAUSE) == 6);
}

TEST_CASE("enable, soft reset and busy") {
  Device device;
  std::vector<bool> edges;
  unsigned resets = 0;
  bool busy = false;
  device.control.on_enable([&](bool on) { edges.push_back(on); });
  device.control.on_busy([&] { return busy; });
  device.control.on_soft_reset([&] {
    ++resets;
    device.bank.reset();
    device.control.reset();
  });
  device.bus().write32(regs::CONTROL, 1);
  device.bus().write32(regs::CONTROL, 1);
  CHECK(device.control.enabled());
  CHECK(edges == std::vector<bool>{true});
  busy = true;
  CHECK(device.bus().read32(regs::STATUS) == regs::STATUS_BUSY.mask());
  device.bus().write32(regs::IRQ_MASK, 1);
  device.control.raise(1);
  CHECK(device.line_level());
  device.bus().write32(regs::CONTROL, regs::CONTROL_SOFT_RESET.mask() | 1);
  CHECK(resets == 1);
  CHECK(device.bus().read32(regs::CONTROL) == 0);
  CHECK(device.bus().read32(regs::IRQ_MASK) == 0);
  CHECK(device.bus().read32(regs::IRQ_RAW) == 0);
  CHECK_FALSE(device.line_level());
  device.bus().write32(regs::CONTROL, 1);
  CHECK(edges == std::vector<bool>{true, true});
  device.bus().write32(regs::CONTROL, 0);
  CHECK(edges == std::vector<bool>{true, true, false});
}
