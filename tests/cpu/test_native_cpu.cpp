// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "toy.h"

using namespace tandem;
using cpu::NativeCpu;
using test::Bench;
using test::ToyMemory;

namespace {

sc_core::sc_time ns(double value) {
  return sc_core::sc_time(value, sc_core::SC_NS);
}

// Adds one to the word at 0x10 per step, ten times. The count of steps is in the arena.
struct Counter {
  std::uint32_t steps;
};
int counter_init(void* arena, const tandem_hal* hal, std::uint64_t boot_info) {
  if (static_cast<Counter*>(arena)->steps != 0) return 99;
  return hal->write32(hal->context, 0x10, static_cast<std::uint32_t>(boot_info));
}
int counter_step(void* arena, const tandem_hal* hal) {
  std::uint32_t value = 0;
  hal->read32(hal->context, 0x10, &value);
  hal->write32(hal->context, 0x10, value + 1);
  return ++static_cast<Counter*>(arena)->steps == 10 ? TANDEM_STEP_DONE : TANDEM_STEP_AGAIN;
}
constexpr tandem_firmware kCounter{sizeof(Counter), counter_init, counter_step};

int ok_init(void*, const tandem_hal*, std::uint64_t) {
  return 0;
}

}  // namespace

TEST_CASE("init runs once, step until it is done, and each call costs its time") {
  NativeCpu::Config config;
  config.boot_info_address = 100;
  config.hal_call_ps = 10'000;
  Bench bench(kCounter, config);
  sc_core::sc_start();
  CHECK(bench.cpu.finished());
  CHECK(bench.cpu.exit_status() == 0);
  CHECK(bench.memory.word(0x10) == 110);
  // One write in init; ten steps with a read and a write. Each of the 21 accesses 10 + 20 ns, each
  // step 10 ns.
  CHECK(sc_core::sc_time_stamp() == ns(21 * 30 + 10 * 10));
  CHECK(bench.statistic("bus_reads") == 10);
  CHECK(bench.statistic("bus_writes") == 11);
  CHECK(bench.statistic("steps") == 10);
  CHECK(bench.statistic("busy_time") == 730'000);
  CHECK(bench.statistic("idle_time") == 0);
}

TEST_CASE("results and duration are the same for every quantum") {
  std::vector<std::unique_ptr<Bench>> benches;
  for (const std::uint64_t quantum_ps : {0u, 1u, 100'000u, 1'000'000'000u}) {
    NativeCpu::Config config;
    config.boot_info_address = 0;
    config.quantum_ps = quantum_ps;
    benches.push_back(std::make_unique<Bench>(kCounter, config, "_" + std::to_string(quantum_ps)));
  }
  sc_core::sc_start(ns(729));
  for (const auto& bench : benches) CHECK_FALSE(bench->cpu.finished());
  sc_core::sc_start(ns(2));
  for (const auto& bench : benches) {
    CHECK(bench->cpu.finished());
    CHECK(bench->memory.word(0x10) == 10);
    CHECK(bench->statistic("busy_time") == 730'000);
  }
}

TEST_CASE("two CPUs run the same firmware at once") {
  Bench a(kCounter, {}, "_a");
  NativeCpu::Config config;
  config.boot_info_address = 500;
  Bench b(kCounter, config, "_b");
  sc_core::sc_start();
  CHECK(a.memory.word(0x10) == 0x1000'0000 + 10);
  CHECK(b.memory.word(0x10) == 510);
}

TEST_CASE("firmware whose init fails does not step") {
  const tandem_firmware firmware{1, [](void*, const tandem_hal*, std::uint64_t) { return 5; },
                                 counter_step};
  Bench bench(firmware);
  sc_core::sc_start();
  CHECK(bench.cpu.finished());
  CHECK(bench.cpu.exit_status() == 5);
  CHECK(bench.statistic("steps") == 0);
}

TEST_CASE("a bus error reaches the firmware and ends nothing") {
  const tandem_firmware firmware{
      1, ok_init, [](void*, const tandem_hal* hal) -> int {
        std::uint32_t value = 77;
        const bool read =
            hal->read32(hal->context, ToyMemory::kHole, &value) == TANDEM_HAL_BUS_ERROR;
        const bool write = hal->write32(hal->context, ToyMemory::kHole, 1) == TANDEM_HAL_BUS_ERROR;
        hal->write32(hal->context, 0, read && write && value == 0 ? 1 : 2);
        return TANDEM_STEP_DONE;
      }};
  Bench bench(firmware);
  sc_core::sc_start();
  CHECK(bench.memory.word(0) == 1);
  CHECK(bench.statistic("bus_errors") == 2);
}

TEST_CASE("a window is given for memory that grants direct access, in one piece") {
  // Tries a window inside, one to the last byte, one beyond, one far away; a bit each.
  const tandem_firmware firmware{
      1, ok_init, [](void*, const tandem_hal* hal) -> int {
        const auto try_window = [&](std::uint64_t address, std::uint64_t bytes) {
          return hal->dma_window(hal->context, address, bytes) != nullptr ? 1u : 0u;
        };
        std::uint32_t found = try_window(0x100, 64);
        found |= try_window(ToyMemory::kHole - 64, 64) << 1;
        found |= try_window(ToyMemory::kHole - 64, 65) << 2;
        found |= try_window(0x10'0000, 4) << 3;
        hal->write32(hal->context, 0, found);
        if ((found & 1u) != 0) {
          *static_cast<std::uint32_t*>(hal->dma_window(hal->context, 0x100, 4)) = 0xABCD;
        }
        return TANDEM_STEP_DONE;
      }};
  Bench with(firmware, {}, "_with");
  Bench without(firmware, {}, "_without");
  without.memory.grants_dmi = false;
  sc_core::sc_start();
  CHECK(with.memory.word(0) == 0b0011u);
  CHECK(with.memory.word(0x100) == 0xABCDu);
  CHECK(without.memory.word(0) == 0);
  CHECK(without.memory.word(0x100) == 0);
}

TEST_CASE("an invalidated window is asked for again") {
  const tandem_firmware firmware{1, ok_init, [](void*, const tandem_hal* hal) -> int {
                                   void* window = hal->dma_window(hal->context, 0x100, 4);
                                   hal->write32(hal->context, 0, window != nullptr ? 1 : 2);
                                   hal->relax(hal->context);
                                   return TANDEM_STEP_AGAIN;
                                 }};
  Bench bench(firmware);
  sc_core::sc_start(ns(1000));
  CHECK(bench.memory.word(0) == 1);
  bench.memory.grants_dmi = false;
  sc_core::sc_start(ns(1000));
  CHECK(bench.memory.word(0) == 1);  // still known
  bench.memory.socket->invalidate_direct_mem_ptr(0, 0xFFF);
  sc_core::sc_start(ns(1000));
  CHECK(bench.memory.word(0) == 2);
}

TEST_CASE("relax lets time pass, even in an endless step") {
  NativeCpu::Config config;
  config.relax_ps = 50'000;
  const tandem_firmware firmware{1, ok_init, [](void*, const tandem_hal* hal) -> int {
                                   std::uint32_t value = 0;
                                   while (value == 0) {
                                     hal->relax(hal->context);
                                     hal->read32(hal->context, 4, &value);
                                   }
                                   return TANDEM_STEP_DONE;
                                 }};
  Bench bench(firmware, config);
  sc_core::sc_start(ns(10'000));
  CHECK_FALSE(bench.cpu.finished());
  bench.memory.bytes[4] = 1;
  sc_core::sc_start(ns(1000));
  CHECK(bench.cpu.finished());
  CHECK(bench.statistic("relaxes") > 100);
}

namespace {

// Sleeps for at most 1 us and writes what woke it and when.
int sleep_step(void*, const tandem_hal* hal) {
  const int woken = hal->wait_irq(hal->context, 1000);
  hal->write32(hal->context, 0, static_cast<std::uint32_t>(woken + 10));
  hal->write32(hal->context, 4, static_cast<std::uint32_t>(hal->now_ns(hal->context)));
  return TANDEM_STEP_DONE;
}
constexpr tandem_firmware kSleeper{1, ok_init, sleep_step};

}  // namespace

TEST_CASE("wait_irq ends with the interrupt") {
  Bench bench(kSleeper);
  sc_core::sc_start(ns(300));
  bench.irq.write(true);
  sc_core::sc_start(ns(5000));
  CHECK(bench.memory.word(0) == 11);
  CHECK(bench.memory.word(4) >= 300);
  CHECK(bench.memory.word(4) < 400);
  CHECK(bench.statistic("interrupts") == 1);
  CHECK(bench.statistic("idle_time") == 280'000);  // from 20 ns: one step, one HAL call
}

TEST_CASE("wait_irq ends with its time-out") {
  Bench bench(kSleeper);
  sc_core::sc_start(ns(5000));
  CHECK(bench.memory.word(0) == 10);
  CHECK(bench.memory.word(4) >= 1000);
  CHECK(bench.memory.word(4) < 1100);
  CHECK(bench.statistic("interrupts") == 0);
}

TEST_CASE("wait_irq returns at once while the line is high") {
  Bench bench(kSleeper);
  bench.irq.write(true);
  sc_core::sc_start(ns(5000));
  CHECK(bench.memory.word(0) == 11);
  CHECK(bench.memory.word(4) < 100);
}

TEST_CASE("a step that waits sleeps until the interrupt, or wakes up to look") {
  NativeCpu::Config config;
  config.wake_up_ps = 2'000'000;
  const tandem_firmware firmware{1, ok_init, [](void*, const tandem_hal* hal) -> int {
                                   std::uint32_t value = 0;
                                   hal->read32(hal->context, 0, &value);
                                   hal->write32(hal->context, 0, value + 1);
                                   return TANDEM_STEP_WAIT;
                                 }};
  Bench bench(firmware, config);
  sc_core::sc_start(ns(1000));
  CHECK(bench.memory.word(0) == 1);
  bench.irq.write(true);
  sc_core::sc_start(ns(1));
  bench.irq.write(false);
  sc_core::sc_start(ns(500));
  CHECK(bench.memory.word(0) == 2);
  sc_core::sc_start(ns(2500));
  CHECK(bench.memory.word(0) == 3);
}

TEST_CASE("log texts reach their sink") {
  std::string text;
  NativeCpu::Config config;
  config.log = [&](std::string_view part) { text += part; };
  const tandem_firmware firmware{1, ok_init, [](void*, const tandem_hal* hal) -> int {
                                   hal->log(hal->context, "hello", 5);
                                   return TANDEM_STEP_DONE;
                                 }};
  Bench bench(firmware, config);
  sc_core::sc_start();
  CHECK(text == "hello");
}

TEST_CASE("the timeline shows when the CPU was awake") {
  observe::Timeline timeline;
  Bench bench(kSleeper);
  bench.cpu.set_timeline(&timeline);
  sc_core::sc_start(ns(5000));
  REQUIRE(timeline.slices().size() == 2);
  CHECK(timeline.tracks().at(0).name == "firmware");
  CHECK(timeline.slices()[0].begin_ps == 0);
  CHECK(timeline.slices()[0].end_ps == 20'000);
  CHECK(timeline.slices()[1].begin_ps == 1'020'000);
}

TEST_CASE("a configuration that cannot work is refused by name") {
  NativeCpu::Config config;
  SECTION("no time per HAL call") {
    config.hal_call_ps = 0;
    CHECK_THROWS_WITH(config.validate(), Catch::Contains("hal_call_ps"));
  }
  SECTION("no time per relax") {
    config.relax_ps = 0;
    CHECK_THROWS_WITH(config.validate(), Catch::Contains("relax_ps"));
  }
  SECTION("no wake-up") {
    config.wake_up_ps = 0;
    CHECK_THROWS_WITH(config.validate(), Catch::Contains("wake_up_ps"));
  }
}
