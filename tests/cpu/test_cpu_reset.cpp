// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "toy.h"

using namespace tandem;
using test::Bench;

namespace {

sc_core::sc_time ns(double value) {
  return sc_core::sc_time(value, sc_core::SC_NS);
}

// Counts its inits at 0x20 and its steps, from the arena, at 0x24. A step takes a while, asleep or
// polling.
struct State {
  std::uint32_t steps;
  std::uint32_t inits_seen;
};
int init(void* arena, const tandem_hal* hal, std::uint64_t) {
  if (static_cast<State*>(arena)->steps != 0) return 1;  // the arena must be zeroed
  std::uint32_t inits = 0;
  hal->read32(hal->context, 0x20, &inits);
  hal->write32(hal->context, 0x20, inits + 1);
  return 0;
}
int sleeping_step(void* arena, const tandem_hal* hal) {
  hal->wait_irq(hal->context, 1'000'000);
  hal->write32(hal->context, 0x24, ++static_cast<State*>(arena)->steps);
  return TANDEM_STEP_AGAIN;
}
int polling_step(void* arena, const tandem_hal* hal) {
  for (int i = 0; i < 10; ++i) hal->relax(hal->context);
  hal->write32(hal->context, 0x24, ++static_cast<State*>(arena)->steps);
  return TANDEM_STEP_AGAIN;
}
int waiting_step(void* arena, const tandem_hal* hal) {
  hal->write32(hal->context, 0x24, ++static_cast<State*>(arena)->steps);
  return TANDEM_STEP_WAIT;
}
int last_step(void*, const tandem_hal*) {
  return TANDEM_STEP_DONE;
}

}  // namespace

TEST_CASE("reset in flight starts the firmware anew, wherever it was") {
  const tandem_firmware firmwares[] = {{sizeof(State), init, sleeping_step},
                                       {sizeof(State), init, polling_step},
                                       {sizeof(State), init, waiting_step},
                                       {sizeof(State), init, last_step}};
  std::vector<std::unique_ptr<Bench>> benches;
  for (const tandem_firmware& firmware : firmwares) {
    benches.push_back(std::make_unique<Bench>(firmware, cpu::NativeCpu::Config(),
                                              std::to_string(benches.size())));
  }
  sc_core::sc_start(ns(3333));
  for (std::uint32_t resets = 1; resets <= 3; ++resets) {
    for (const auto& bench : benches) bench->reset.write(true);
    sc_core::sc_start(ns(5000));
    for (const auto& bench : benches) bench->reset.write(false);
    sc_core::sc_start(ns(200));
    for (const auto& bench : benches) {
      CHECK(bench->memory.word(0x20) == resets + 1);
      CHECK(bench->cpu.exit_status() == 0);
      CHECK(bench->statistic("resets") == resets);
    }
  }
  CHECK_FALSE(benches[0]->cpu.finished());
  CHECK(benches[3]->cpu.finished());
}

TEST_CASE("nothing reaches the bus while reset is active") {
  const tandem_firmware firmware{sizeof(State), init, polling_step};
  Bench bench(firmware);
  sc_core::sc_start(ns(3333));
  bench.reset.write(true);
  sc_core::sc_start(ns(1));
  const std::uint32_t before = bench.memory.word(0x24);
  sc_core::sc_start(ns(20'000));
  CHECK(bench.memory.word(0x24) == before);
}

TEST_CASE("a CPU that is held in reset from the start waits") {
  const tandem_firmware firmware{sizeof(State), init, polling_step};
  Bench bench(firmware);
  bench.reset.write(true);
  sc_core::sc_start(ns(5000));
  CHECK(bench.memory.word(0x20) == 0);
  bench.reset.write(false);
  sc_core::sc_start(ns(5000));
  CHECK(bench.memory.word(0x20) == 1);
}
