// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "registers_fixture.h"
#include "tandem/peripherals/interrupt_controller.h"

using namespace tandem;
namespace regs = abi::intc;

namespace {

// Lines 3 and 17 are wired, line 17 to two sources; all others stay unbound.
struct Bench {
  Bench() {
    bench.connect(intc.registers);
    intc.lines[3].bind(line3);
    intc.lines[17].bind(line17a);
    intc.lines[17].bind(line17b);
    intc.irq.bind(cpu);
    intc.reset.bind(reset);
    test::settle();
  }
  bool cpu_level() {
    test::settle();
    return cpu.read();
  }
  test::LtInitiator& bus() { return bench.bus; }

  sc_core::sc_signal<bool> line3{"line3"}, line17a{"line17a"}, line17b{"line17b"}, cpu{"cpu"},
      reset{"reset"};
  peripherals::InterruptController intc{"intc", {}};
  test::RegisterBus bench;
};

}  // namespace

TEST_CASE("a line interrupts the CPU when it is enabled, as long as it is high") {
  Bench bench;
  bench.line3.write(true);
  CHECK_FALSE(bench.cpu_level());
  CHECK(bench.bus().read32(regs::PENDING) == 1u << 3);
  CHECK(bench.bus().read32(regs::CLAIM) == ~0u);
  bench.bus().write32(regs::ENABLE, 1u << 3);
  CHECK(bench.cpu_level());
  CHECK(bench.bus().read32(regs::CLAIM) == 3);
  CHECK(bench.cpu_level());  // a claim does not acknowledge: the device holds the level
  bench.line3.write(false);
  CHECK_FALSE(bench.cpu_level());
  CHECK(bench.bus().read32(regs::PENDING) == 0);
}

TEST_CASE("the lowest line is claimed, software lines count, sources of a line are ORed") {
  Bench bench;
  bench.bus().write32(regs::ENABLE, ~0u);
  bench.line17a.write(true);
  bench.line17b.write(true);
  CHECK(bench.cpu_level());
  CHECK(bench.bus().read32(regs::CLAIM) == 17);
  bench.bus().write32(regs::SOFTWARE, 1u << 31 | 1u << 5);
  CHECK(bench.bus().read32(regs::CLAIM) == 5);
  CHECK(bench.bus().read32(regs::PENDING) == (1u << 31 | 1u << 5 | 1u << 17));
  bench.bus().write32(regs::SOFTWARE, 0);
  bench.line17a.write(false);
  CHECK(bench.cpu_level());
  bench.line17b.write(false);
  CHECK_FALSE(bench.cpu_level());
}

TEST_CASE("reset disables all lines but levels are still seen") {
  Bench bench;
  bench.bus().write32(regs::ENABLE, ~0u);
  bench.bus().write32(regs::SOFTWARE, 1);
  bench.line3.write(true);
  CHECK(bench.cpu_level());
  bench.reset.write(true);
  CHECK_FALSE(bench.cpu_level());
  bench.bus().write32(regs::ENABLE, ~0u);  // while reset is high: does not survive it
  bench.reset.write(false);
  CHECK_FALSE(bench.cpu_level());
  CHECK(bench.bus().read32(regs::ENABLE) == 0);
  CHECK(bench.bus().read32(regs::PENDING) == 1u << 3);
}
