// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "registers_fixture.h"
#include "tandem/peripherals/timer.h"

using namespace tandem;
namespace regs = abi::timer;

namespace {

struct Bench {
  Bench() {
    bench.connect(timer.registers);
    timer.irq.bind(line);
    timer.reset.bind(reset);
    test::settle();
  }
  test::LtInitiator& bus() { return bench.bus; }
  // Registers at the current simulated time.
  std::uint32_t read(std::uint32_t offset) {
    bench.bus.delay = sc_core::SC_ZERO_TIME;
    return bench.bus.read32(offset);
  }
  void write(std::uint32_t offset, std::uint32_t value) {
    bench.bus.delay = sc_core::SC_ZERO_TIME;
    REQUIRE(bench.bus.write32(offset, value) == tlm::TLM_OK_RESPONSE);
  }
  void compare_at(std::uint64_t time_ns) {
    write(regs::COMPARE_HI, ~0u);
    write(regs::COMPARE_LO, static_cast<std::uint32_t>(time_ns));
    write(regs::COMPARE_HI, static_cast<std::uint32_t>(time_ns >> 32));
  }

  sc_core::sc_signal<bool> line{"line"}, reset{"reset"};
  peripherals::Timer timer{"timer", {}};
  test::RegisterBus bench;
};

}  // namespace

TEST_CASE("time is counted in nanoseconds, without a clock") {
  Bench bench;
  test::run_for_ps(1'234'999);
  CHECK(bench.read(regs::TIME_LO) == 1234);
  test::run_for_ps(1);
  CHECK(bench.read(regs::TIME_LO) == 1235);
  // Local time of an initiator that runs ahead.
  bench.bus().delay = common::from_ps(1'000'000);
  CHECK(bench.bus().read32(regs::TIME_LO) == 2235);
}

TEST_CASE("reading the lower half latches the upper half") {
  Bench bench;
  const std::uint64_t wrap_ps = (std::uint64_t{1} << 32) * test::kPsPerNs;
  test::run_for_ps(wrap_ps - 1'000);
  CHECK(bench.read(regs::TIME_LO) == 0xFFFF'FFFF);
  test::run_for_ps(2'000);
  CHECK(bench.read(regs::TIME_HI) == 0);
  std::uint32_t seen = 0;
  CHECK(bench.bus().debug(tlm::TLM_READ_COMMAND, regs::TIME_LO, &seen, 4) == 4);
  CHECK(seen == 1);
  CHECK(bench.read(regs::TIME_HI) == 0);  // debug does not latch
  CHECK(bench.read(regs::TIME_LO) == 1);
  CHECK(bench.read(regs::TIME_HI) == 1);
}

TEST_CASE("the interrupt rises at the compare time and falls when it is moved") {
  Bench bench;
  bench.compare_at(5'000);
  bench.write(regs::CONTROL, 1);
  test::run_for_ps(4'999'999);
  CHECK_FALSE(bench.line.read());
  CHECK(bench.read(regs::STATUS) == 0);
  test::run_for_ps(1);
  test::settle();
  CHECK(bench.line.read());
  CHECK(bench.read(regs::STATUS) == 1);
  bench.compare_at(6'000);
  test::settle();
  CHECK_FALSE(bench.line.read());
  bench.write(regs::CONTROL, 0);
  test::run_for_ps(2'000'000);
  CHECK_FALSE(bench.line.read());
  CHECK(bench.read(regs::STATUS) == 1);  // expired, but not enabled
  bench.compare_at(1);
  test::settle();
  CHECK_FALSE(bench.line.read());
  bench.write(regs::CONTROL, 1);
  test::settle();
  CHECK(bench.line.read());
}

TEST_CASE("a compare value beyond all time never expires") {
  Bench bench;
  bench.write(regs::CONTROL, 1);
  bench.compare_at(~std::uint64_t{0} - 1);
  test::run_for_ps(1'000'000'000);
  CHECK_FALSE(bench.line.read());
}

TEST_CASE("reset starts time anew and forgets the compare time") {
  Bench bench;
  bench.compare_at(5'000);
  bench.write(regs::CONTROL, 1);
  test::run_for_ps(4'000'000);
  bench.reset.write(true);
  test::run_for_ps(1'000);
  bench.reset.write(false);
  test::run_for_ps(3'000'000);
  CHECK(bench.read(regs::TIME_LO) == 3'000);
  CHECK(bench.read(regs::COMPARE_LO) == 0xFFFF'FFFF);
  test::run_for_ps(10'000'000);
  CHECK_FALSE(bench.line.read());
}
