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
                       ((std::uint64_t Quantum), Quantum), 1'000, 7'000, 100'000'000) {
  HartRig rig("arithmetic", Quantum);
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(5) == 0x1234'5678'9abc'def3u);
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

TEST_CASE("riscv: what cannot be is refused with its reason") {
  cpu::RiscvCpu::Config config;
  config.clock_period_ps = 0;
  CHECK_THROWS_WITH(config.validate(),
                    "RiscvCpu::Config::clock_period_ps is 0, but must be greater than 0");
}
