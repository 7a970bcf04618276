// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "tandem/cpu/host_bridge.h"
#include "toy.h"

using namespace tandem;
using cpu::HostBridge;
using Kind = cpu::HostBridge::Kind;
using test::ToyMemory;

namespace {

struct HostBench {
  HostBench() {
    bridge.bus.bind(memory.socket);
    bridge.irq(irq);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  // Runs until the order has been done, and no further.
  HostBridge::Result run(const HostBridge::Order& order) {
    bool done = false;
    HostBridge::Result result;
    bridge.start(order, [&](const HostBridge::Result& r) {
      result = r;
      done = true;
      sc_core::sc_pause();
    });
    sc_core::sc_start(common::from_ps(1'000'000'000'000), sc_core::SC_EXIT_ON_STARVATION);
    CHECK(done);
    CHECK_FALSE(bridge.busy());
    return result;
  }
  HostBridge::Result access(Kind kind, std::uint64_t address, std::vector<unsigned char>& data) {
    return run({kind, address, data.size(), data.data(), 0});
  }
  HostBridge::Result pass(Kind kind, std::uint64_t limit_ps) {
    return run({kind, 0, 0, nullptr, limit_ps});
  }
  std::uint64_t statistic(const std::string& name) const {
    observe::StatisticsTable table;
    bridge.collect(table);
    return table.find(name)->integer;
  }

  ToyMemory memory{"memory"};
  HostBridge bridge{"bridge", HostBridge::Config()};
  sc_core::sc_signal<bool> irq;
};

std::vector<unsigned char> counting(std::size_t bytes) {
  std::vector<unsigned char> data(bytes);
  std::iota(data.begin(), data.end(), static_cast<unsigned char>(1));
  return data;
}

}  // namespace

TEST_CASE("an access is split at bursts, each with the time of the bus") {
  HostBench bench;
  std::vector<unsigned char> sent = counting(200);
  // From 60: 4 bytes to the boundary, three bursts, 4 bytes.
  CHECK(bench.access(Kind::kWrite, 60, sent).ok);
  CHECK(common::now_ps() == 5 * ToyMemory::kLatencyPs);
  CHECK(std::equal(sent.begin(), sent.end(), bench.memory.bytes.begin() + 60));
  std::vector<unsigned char> got(200);
  CHECK(bench.access(Kind::kRead, 60, got).ok);
  CHECK(common::now_ps() == 10 * ToyMemory::kLatencyPs);
  CHECK(got == sent);
  CHECK(bench.statistic("bus_reads") == 5);
  CHECK(bench.statistic("bus_writes") == 5);
  CHECK(bench.statistic("busy_time") == 10 * ToyMemory::kLatencyPs);
}

TEST_CASE("an error ends the access and is told with its address") {
  HostBench bench;
  std::vector<unsigned char> data = counting(256);
  const HostBridge::Result result = bench.access(Kind::kWrite, ToyMemory::kHole - 128, data);
  CHECK_FALSE(result.ok);
  CHECK(result.error_address == ToyMemory::kHole);
  CHECK(bench.memory.bytes[ToyMemory::kHole - 1] == 128);
  CHECK(bench.statistic("bus_writes") == 3);
  CHECK(bench.statistic("bus_errors") == 1);
  std::vector<unsigned char> word(4);
  CHECK(bench.access(Kind::kRead, 0, word).ok);
}

TEST_CASE("time passes by orders alone") {
  HostBench bench;
  bench.pass(Kind::kAdvance, 12'345);
  CHECK(common::now_ps() == 12'345);
  CHECK_FALSE(bench.pass(Kind::kWaitInterrupt, 1'000).interrupt);
  CHECK(common::now_ps() == 13'345);
  bench.pass(Kind::kAdvance, 0);
  CHECK(common::now_ps() == 13'345);
  CHECK(bench.statistic("advances") == 2);
}

TEST_CASE("waiting ends with the interrupt, and at once when it is there") {
  HostBench bench;
  bench.irq.write(true);
  CHECK(bench.pass(Kind::kAdvance, 100).interrupt);
  CHECK(bench.pass(Kind::kWaitInterrupt, 1'000).interrupt);
  CHECK(common::now_ps() == 100);
  bench.irq.write(false);
  sc_core::sc_start(common::from_ps(100));
  bench.bridge.start({Kind::kWaitInterrupt, 0, 0, nullptr, 1'000'000},
                     [](const HostBridge::Result&) { sc_core::sc_pause(); });
  sc_core::sc_start(common::from_ps(500));
  CHECK(bench.bridge.busy());
  bench.irq.write(true);
  sc_core::sc_start(common::from_ps(1'000'000));
  CHECK_FALSE(bench.bridge.busy());
  CHECK(common::now_ps() == 700);
}

TEST_CASE("one order at a time") {
  HostBench bench;
  bench.bridge.start({Kind::kAdvance, 0, 0, nullptr, 100}, nullptr);
  CHECK_THROWS_AS(bench.bridge.start({Kind::kAdvance, 0, 0, nullptr, 1}, nullptr),
                  std::logic_error);
  sc_core::sc_start(common::from_ps(100));
  sc_core::sc_start(common::from_ps(1));
  CHECK_FALSE(bench.bridge.busy());
  bench.pass(Kind::kAdvance, 10);
}

TEST_CASE("burst_bytes must be a power of two") {
  for (const unsigned burst : {0u, 2u, 3u, 48u}) {
    HostBridge::Config config;
    config.burst_bytes = burst;
    CHECK_THROWS_AS(HostBridge("bridge", config), std::invalid_argument);
  }
}
