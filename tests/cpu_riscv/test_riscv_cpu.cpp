// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "rig.h"
#include "tandem/observe/statistics.h"

using namespace tandem;
using test::address_of;
using test::HartRig;

TEST_CASE("riscv: integers, floating point and atomics") {
  HartRig rig("arithmetic");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 0x1234'5678'9abc'def0u * 3);
  CHECK(rig.result(1) == 0x12);
  CHECK(rig.result(2) == 0x9abc);
  CHECK(rig.result(3) == 6);
  CHECK(rig.result(4) == 0x1234'5678'9abc'def0u);
  CHECK(rig.result(5) == 0x1234'5678'9abc'def3u);
  CHECK(rig.result(6) == 3);
}

TEST_CASE("riscv: every instruction takes its time") {
  HartRig rig("count", 1'000);
  // li, four turns of two, nop: ten; then it stays where it is.
  sc_core::sc_start(common::from_ps(10 * test::kPeriodPs));
  CHECK(rig.cpu.instructions() == 10);
  CHECK(rig.cpu.position() == "0x" + [] {
    char text[20];
    std::snprintf(text, sizeof text, "%llx",
                  static_cast<unsigned long long>(address_of("count_end")));
    return std::string(text);
  }() + " (count_end)");
  sc_core::sc_start(1, sc_core::SC_US);
  CHECK(rig.cpu.instructions() == 1010);
}

TEST_CASE("riscv: counters follow simulated time") {
  HartRig rig("counters");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  // From the first reading to the second of each: two other readings, li, 200 and those between.
  CHECK(rig.result(1) == 204);
  CHECK(rig.result(2) == 204);
  CHECK(rig.result(0) == 204);
  CHECK(rig.result(3) == 1001);  // the write itself does not count
  CHECK(rig.result(4) == 3);
}

TEMPLATE_TEST_CASE_SIG("riscv: results do not depend on the quantum", "",
                       ((std::uint64_t Quantum), Quantum), 1'000, 7'000, 100'000, 1'000'000) {
  HartRig rig("five_interrupts", Quantum);
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 5);
  CHECK(rig.cpu.work().bus_accesses == 2 + 5 * 3);
  // 11 before the loop; each turn 6, 60,000 of its own loop, and 6 of the handler.
  CHECK(rig.result(2) == 11 + 5 * (6 + 60'000 + 6));
}

TEST_CASE("riscv: code that changes is executed as it is after FENCE.I") {
  HartRig rig("self_modifying");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 1);
  CHECK(rig.result(1) == 2);
}

TEST_CASE("riscv: two harts side by side") {
  HartRig one("arithmetic", 1'000'000, "one");
  HartRig two("counters", 1'000'000, "two");
  one.run();
  two.run();
  CHECK(one.exit_status == 0u);
  CHECK(two.exit_status == 0u);
  CHECK(one.result(3) == 6);
  CHECK(two.result(2) == 204);
}

TEST_CASE("riscv: a reset starts the program again, whatever the hart does") {
  HartRig rig("timer_sleep");
  sc_core::sc_start(2, sc_core::SC_US);  // asleep until 5 us
  const std::uint64_t before = rig.cpu.instructions();
  CHECK(before > 10);
  rig.reset = true;
  sc_core::sc_start(1, sc_core::SC_US);
  CHECK(rig.cpu.instructions() == before);
  rig.reset = false;
  rig.run();
  CHECK(rig.exit_status == 0u);
  CHECK(rig.cpu.instructions() > 2 * before);
  observe::StatisticsTable table;
  rig.cpu.collect(table);
  CHECK(table.find("resets")->integer == 1);
}

TEST_CASE("riscv: a reset starts a busy hart again, in the middle of its quantum") {
  HartRig rig("count_end", 1'000'000);  // for ever
  sc_core::sc_start(2'500, sc_core::SC_NS);
  CHECK(rig.cpu.instructions() >= 2'000);
  rig.reset = true;
  sc_core::sc_start(1, sc_core::SC_US);
  const std::uint64_t before = rig.cpu.instructions();
  sc_core::sc_start(3, sc_core::SC_US);
  CHECK(rig.cpu.instructions() == before);
  rig.reset = false;
  sc_core::sc_start(3, sc_core::SC_US);
  CHECK(rig.cpu.instructions() > before + 2'000);
  CHECK(rig.cpu.read_register(10) == 3);  // a0: hart
}

TEST_CASE("riscv: memory accessed before it grants direct access is executed afterwards") {
  HartRig rig("late_direct");
  rig.buffer.grant = test::Buffer::Grant::kNone;
  rig.buffer.on_switch = [&] { rig.buffer.grant = test::Buffer::Grant::kAll; };
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 0);  // no trap
  CHECK(rig.result(5) == 0x8067);
  CHECK(rig.buffer.accesses == 3);  // until the access of another page asks for direct access
}

TEST_CASE("riscv: code is executed from a page that was written before it granted direct access") {
  HartRig rig("late_code");
  rig.buffer.grant = test::Buffer::Grant::kNone;
  rig.buffer.on_switch = [&] { rig.buffer.grant = test::Buffer::Grant::kAll; };
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(5) == 1);
}

TEST_CASE("riscv: a hint during an access gives way to direct access") {
  HartRig rig("late_direct");
  rig.buffer.grant = test::Buffer::Grant::kNone;
  rig.buffer.hints = true;
  rig.buffer.on_switch = [&] { rig.buffer.grant = test::Buffer::Grant::kAll; };
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(5) == 0x8067);
  CHECK(rig.buffer.accesses == 2);
}

TEST_CASE("riscv: direct access withdrawn during an access ends before the next instruction") {
  HartRig rig("withdrawn");
  rig.buffer.on_switch = [&] { rig.buffer.withdraw(); };
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.buffer.accesses == 1);
}

TEST_CASE("riscv: stores to memory that is direct for reading only go by the bus") {
  HartRig rig("read_only");
  rig.buffer.grant = test::Buffer::Grant::kRead;
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 0);  // no trap
  CHECK(rig.result(5) == 7);
  CHECK(rig.buffer.accesses == 3);
}

TEST_CASE("riscv: FENCE.I changes no register") {
  HartRig rig("kept_registers");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == rig.result(1));
  CHECK(rig.result(2) == 0x60);
  CHECK(rig.result(3) == 77);
}

TEST_CASE("riscv: what cannot be is refused with its reason") {
  cpu::RiscvCpu::Config config;
  config.clock_period_ps = 0;
  CHECK_THROWS_WITH(config.validate(),
                    "RiscvCpu::Config::clock_period_ps is 0, but must be greater than 0");
}
