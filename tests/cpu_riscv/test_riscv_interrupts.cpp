// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "rig.h"
#include "tandem/observe/statistics.h"

using namespace tandem;
using test::address_of;
using test::HartRig;

namespace {

constexpr std::uint64_t kInterrupt = std::uint64_t{1} << 63;

std::uint64_t statistic(const HartRig& rig, const char* name) {
  observe::StatisticsTable table;
  rig.cpu.collect(table);
  const observe::Statistic* found = table.find(name);
  REQUIRE(found != nullptr);
  return found->integer;
}

}  // namespace

TEST_CASE("riscv: WFI lets time pass until the timer's interrupt is pending") {
  HartRig rig("timer_sleep");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == (kInterrupt | 7));
  CHECK(rig.result(5) == 0x80);  // mip.MTIP after waking up
  CHECK(rig.result(6) == 0);     // before
  // The trap is taken by the instruction behind the one that let it through.
  CHECK(rig.result(4) >= 5000);
  CHECK(rig.result(4) < 5100);
  CHECK(statistic(rig, "interrupts") == 1);
  CHECK(statistic(rig, "sleeps") == 1);
  CHECK(statistic(rig, "idle_time") > 4'000'000);
}

TEST_CASE("riscv: a vectored external interrupt, through the controller") {
  HartRig rig("vectored");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == (kInterrupt | 11));
  CHECK(rig.result(1) == 0);
  CHECK(rig.result(2) == 4);  // CLAIM names the line
}

TEMPLATE_TEST_CASE_SIG("riscv: a busy hart sees an interrupt after its quantum at the latest", "",
                       ((std::uint64_t Quantum), Quantum), 10'000, 1'000'000, 10'000'000) {
  HartRig rig("vectored", Quantum);
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  // A turn of two instructions.
  CHECK(rig.result(3) * 2 * test::kPeriodPs <= Quantum + 100'000);
}

TEMPLATE_TEST_CASE_SIG("riscv: an interrupt whose cause is cleared is not taken again", "",
                       ((std::uint64_t Quantum), Quantum), 10'000, 1'000'000, 10'000'000) {
  HartRig rig("five_interrupts", Quantum);
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 5);
  CHECK(rig.result(1) == 0);  // mip, after each was cleared
  CHECK(statistic(rig, "interrupts") == 5);
}

TEST_CASE("riscv: the latency of an interrupt begins with the rise of its own line") {
  HartRig rig("two_lines");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == (kInterrupt | 11));
  CHECK(statistic(rig, "interrupts") == 1);
  CHECK(statistic(rig, "interrupt_latency") > 4'500'000);
  CHECK(statistic(rig, "interrupt_latency") < 6'500'000);
}
