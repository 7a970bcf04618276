// SPDX-License-Identifier: Apache-2.0
// CLOCK_DIVIDER: when it takes effect, and what it does to times and counters.
#include <catch2/catch.hpp>

#include "npu_rig.h"

using namespace tandem;
using abi::PrimitiveOp;
using abi::Status;
using test::NpuRig;
using test::status_of;
namespace reg = abi::npu;

namespace {

constexpr std::uint32_t kColumns = 1024;

// GATHER of a row, then LINEAR with [1024][64]: the array works for many cycles.
std::vector<abi::Primitive> multiply() {
  abi::Primitive gather = test::primitive(PrimitiveOp::kGather);
  gather.n = 64;
  gather.k = 8;
  gather.weight = test::in_memory(test::kTensors);
  gather.output = test::on_chip(0, 64);
  abi::Primitive linear = test::primitive(PrimitiveOp::kLinear, {0});
  linear.n = kColumns;
  linear.k = 64;
  linear.input = test::on_chip(0, 64);
  linear.weight = test::in_memory(test::kTensors + 0x1000);
  linear.output = test::on_chip(0x1000, kColumns);
  return {gather, linear};
}

struct Bench {
  std::uint64_t statistic(const std::string& name) const {
    observe::StatisticsTable table;
    rig.npu.collect(table);
    REQUIRE(table.find(name) != nullptr);
    return table.find(name)->integer;
  }
  // Time for which the array worked in one run of the program.
  std::uint64_t array_ps() {
    const std::uint64_t before_ps = statistic("matrix.busy_ps");
    REQUIRE(status_of(rig.run(command)) == Status::kOk);
    return statistic("matrix.busy_ps") - before_ps;
  }
  std::uint64_t snapshot(std::uint32_t lo) {
    rig.driver.write32(reg::PERF_CONTROL, reg::PERF_CONTROL_SNAPSHOT.put(1));
    return rig.driver.read32(lo);
  }
  void divide(std::uint32_t divider) { rig.driver.write32(reg::CLOCK_DIVIDER, divider); }
  void settle() { sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_US)); }

  NpuRig rig;
  const abi::Command command = rig.prepare(multiply());
};

}  // namespace

TEST_CASE("the same cycles take so many times longer") {
  Bench bench;
  const std::uint64_t once_ps = bench.array_ps();
  REQUIRE(once_ps > 0);
  REQUIRE(once_ps % bench.rig.npu.config().clock_period_ps == 0);
  const std::uint64_t cycles = once_ps / bench.rig.npu.config().clock_period_ps;
  const std::uint64_t counted = bench.snapshot(reg::PERF_MATRIX_BUSY);
  std::uint64_t runs = 1;
  for (const std::uint32_t divider : {2u, 7u, 64u, 1u}) {
    bench.settle();
    bench.divide(divider);
    CHECK(bench.array_ps() == divider * once_ps);
    CHECK(bench.snapshot(reg::PERF_MATRIX_BUSY) == counted + runs++ * cycles);
  }
}

TEST_CASE("a command keeps the clock that it began with") {
  Bench bench;
  const std::uint64_t once_ps = bench.array_ps();
  bench.settle();
  const std::uint64_t before_ps = bench.statistic("matrix.busy_ps");
  bench.rig.submit(bench.command);
  sc_core::sc_start(sc_core::sc_time(100, sc_core::SC_NS));
  REQUIRE_FALSE(bench.rig.npu.idle());
  bench.divide(4);
  CHECK(bench.rig.npu.config().clock_period_ps == test::small_npu().clock_period_ps);
  REQUIRE(status_of(bench.rig.wait()) == Status::kOk);
  CHECK(bench.statistic("matrix.busy_ps") - before_ps == once_ps);
  CHECK(bench.rig.npu.config().clock_period_ps == 4 * test::small_npu().clock_period_ps);
  CHECK(bench.array_ps() == 4 * once_ps);
}

TEST_CASE("cycles are counted at the clock at which they passed") {
  Bench bench;
  const std::uint64_t period_ps = bench.rig.npu.config().clock_period_ps;
  bench.rig.driver.write32(reg::PERF_CONTROL, reg::PERF_CONTROL_CLEAR.put(1));
  sc_core::sc_start(common::from_ps(300 * period_ps));
  bench.divide(3);
  sc_core::sc_start(common::from_ps(300 * period_ps));
  CHECK(bench.snapshot(reg::PERF_CYCLES_LO) == 300 + 100);
  bench.divide(1);
  sc_core::sc_start(common::from_ps(50 * period_ps));
  CHECK(bench.snapshot(reg::PERF_CYCLES_LO) == 300 + 100 + 50);
  bench.rig.driver.write32(reg::PERF_CONTROL, reg::PERF_CONTROL_CLEAR.put(1));
  CHECK(bench.snapshot(reg::PERF_CYCLES_LO) == 0);
}

TEST_CASE("cycles of a stage are those of its commands") {
  Bench bench;
  const std::string stage = "phases.other.other";
  bench.array_ps();
  const std::uint64_t period_ps = test::small_npu().clock_period_ps;
  const std::uint64_t first_ps = bench.statistic(stage + ".time_ps");
  bench.settle();
  bench.divide(5);
  bench.array_ps();
  const std::uint64_t second_ps = bench.statistic(stage + ".time_ps") - first_ps;
  CHECK(second_ps > first_ps);
  CHECK(bench.statistic(stage + ".cycles") == first_ps / period_ps + second_ps / (5 * period_ps));
}

TEST_CASE("a reset makes the divider one, and values that no divider has are refused") {
  Bench bench;
  const std::uint64_t once_ps = bench.array_ps();
  bench.settle();
  bench.divide(8);
  for (const std::uint32_t wrong : {0u, 65u, 0xFFFF'FFFFu}) {
    bench.divide(wrong);
    CHECK(bench.rig.driver.read32(reg::CLOCK_DIVIDER) == 8);
    CHECK(bench.rig.driver.read32(reg::ERROR_CAUSE) ==
          static_cast<std::uint32_t>(Status::kBadParameter));
    CHECK(bench.rig.driver.read32(reg::ERROR_ADDRESS_LO) == reg::CLOCK_DIVIDER);
  }
  CHECK(bench.array_ps() == 8 * once_ps);
  bench.settle();
  bench.rig.driver.write32(reg::CONTROL, reg::CONTROL_SOFT_RESET.put(1));
  CHECK(bench.rig.driver.read32(reg::CLOCK_DIVIDER) == 1);
  bench.rig.put(test::kRings + 0x1000, std::vector<std::uint8_t>(16 * 16));
  bench.rig.enable();
  CHECK(bench.array_ps() == once_ps);
}

TEST_CASE("the input clock is divided, too") {
  Bench bench;
  bench.divide(2);
  bench.rig.npu.set_clock_period_ps(1'500);
  CHECK(bench.rig.npu.config().clock_period_ps == 3'000);
}
