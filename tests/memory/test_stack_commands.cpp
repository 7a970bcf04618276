// SPDX-License-Identifier: Apache-2.0
// A Stack at command fidelity: the sockets behave as at transaction fidelity, the time comes from
// the schedule of commands, and the timing checker has nothing to object to.
#include <catch2/catch.hpp>
#include <random>

#include "tandem/memory/stack.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;

namespace {

memory::Stack::Config commands(const char* device, unsigned channels = 1) {
  memory::Stack::Config config = test::stack_config(device);
  config.channels = channels;
  config.fidelity = memory::Fidelity::kCommand;
  config.check_timing = true;
  return config;
}

struct Bench {
  explicit Bench(const memory::Stack::Config& config) : stack("stack", config), bus("bus") {
    bus.socket.bind(stack.target());
  }
  memory::Stack stack;
  test::LtInitiator bus;
};

}  // namespace

TEST_CASE("a lone read takes the latency of the device") {
  Bench bench(commands("hbm2_neupims"));
  const memory::Stack::Config& config = bench.stack.config();
  const memory::DeviceTiming& t = config.device.timing;
  std::uint8_t data[64];
  REQUIRE(bench.bus.read(0, data, 64) == tlm::TLM_OK_RESPONSE);
  // One cycle to enter the command queue, then activate, read, data.
  const std::uint64_t latency_ps = config.request_latency_ps + t.tCK + t.tRCDRD + t.CL +
                                   config.device.geometry.burst_ps() + config.response_latency_ps;
  CHECK(bench.bus.time_ps() == latency_ps);
  CHECK(bench.stack.timing_violations() == 0);
}

TEST_CASE("one long read streams at the bus's peak less refresh at command fidelity") {
  const unsigned channels = 4;
  Bench bench(commands("hbm2_neupims", channels));
  std::vector<std::uint8_t> data(8u << 20);
  REQUIRE(bench.bus.read(0, data.data(), static_cast<unsigned>(data.size())) ==
          tlm::TLM_OK_RESPONSE);
  const double peak = bench.stack.config().peak_bytes_per_s();
  const double rate =
      static_cast<double>(data.size()) * 1e12 / static_cast<double>(bench.bus.time_ps());
  CHECK(rate < peak);
  CHECK(rate > 0.85 * peak);
  CHECK(bench.stack.timing_violations() == 0);
  for (unsigned i = 0; i < channels; ++i) {
    CHECK(bench.stack.traffic(i).read_bytes == data.size() / channels);
  }
}

TEST_CASE("what is written is read back, whatever the fidelity") {
  std::mt19937_64 random(3);
  Bench bench(commands("lpddr5_6400"));
  std::vector<std::uint8_t> shadow(1u << 20);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t address = random() % (shadow.size() - 4096);
    const auto length = static_cast<unsigned>(1 + random() % 4096);
    std::vector<std::uint8_t> data(length);
    if (random() % 2 == 0) {
      for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random());
      std::copy(data.begin(), data.end(), shadow.begin() + static_cast<long>(address));
      REQUIRE(bench.bus.write(address, data.data(), length) == tlm::TLM_OK_RESPONSE);
    } else {
      REQUIRE(bench.bus.read(address, data.data(), length) == tlm::TLM_OK_RESPONSE);
      REQUIRE(std::equal(data.begin(), data.end(), shadow.begin() + static_cast<long>(address)));
    }
  }
  CHECK(bench.stack.timing_violations() == 0);
}

TEST_CASE("the log begins anew after a late reset") {
  memory::Stack::Config config = commands("hbm2_neupims");
  memory::Stack stack("stack", config);
  test::LtInitiator bus("bus");
  sc_core::sc_signal<bool> reset("reset");
  bus.socket.bind(stack.target());
  stack.reset.bind(reset);
  std::uint8_t data[64] = {};
  REQUIRE(bus.write(0, data, 64) == tlm::TLM_OK_RESPONSE);
  // Much later than the nine intervals that a bank may go without a refresh.
  sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_MS));
  reset.write(true);
  sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_US));
  reset.write(false);
  sc_core::sc_start(sc_core::sc_time(20, sc_core::SC_US));
  bus.delay = sc_core::SC_ZERO_TIME;
  REQUIRE(bus.read(0, data, 64) == tlm::TLM_OK_RESPONSE);
  observe::StatisticsTable table;
  stack.collect(table);
  CHECK(stack.timing_violations() == 0);
}

TEST_CASE("banks of two ranks refreshed one by one all get their share") {
  memory::Stack::Config config = commands("hbm3");
  config.controller.refresh = memory::RefreshMode::kPerBank;
  Bench bench(config);
  const memory::DeviceTiming& t = config.device.timing;
  std::mt19937_64 random(7);
  std::uint8_t data[32];
  while (bench.bus.time_ps() < 40 * t.tREFI) {
    const std::uint64_t address = random() % (bench.stack.config().size_bytes() - 32);
    REQUIRE(bench.bus.read(address, data, 32) == tlm::TLM_OK_RESPONSE);
  }
  const memory::CommandChannel& channel = bench.stack.commands()->channel(0);
  const auto expected = 40.0 * config.device.geometry.banks();
  CHECK(static_cast<double>(channel.counters().of(memory::CommandKind::kRefreshBank)) >
        0.97 * expected);
  sc_core::sc_start(sc_core::sc_time(static_cast<double>(41 * t.tREFI), sc_core::SC_PS));
  observe::StatisticsTable table;
  bench.stack.collect(table);
  CHECK(bench.stack.timing_violations() == 0);
}

TEST_CASE("standby energy never falls, at either fidelity") {
  memory::Stack::Config config = commands("lpddr5_6400");  // tCK 1.25 ns: off the grid of 1 ns
  config.device.timing.tREFI = 0;                          // nothing ever shuts a row
  memory::Stack by_command("by_command", config);
  config.fidelity = memory::Fidelity::kTransaction;
  memory::Stack by_transaction("by_transaction", config);
  test::LtInitiator first("first"), second("second");
  first.socket.bind(by_command.target());
  second.socket.bind(by_transaction.target());
  std::uint8_t data[64];
  REQUIRE(first.read(0, data, 64) == tlm::TLM_OK_RESPONSE);
  REQUIRE(second.read(0, data, 64) == tlm::TLM_OK_RESPONSE);
  double before[2] = {};
  for (int i = 0; i < 200; ++i) {
    sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS));
    for (const int which : {0, 1}) {
      observe::EnergyLedger ledger;
      (which == 0 ? by_command : by_transaction).collect_energy(ledger);
      for (const observe::EnergyEntry& entry : ledger.entries()) {
        if (entry.component != "standby") continue;
        CHECK(entry.picojoules >= before[which]);
        before[which] = entry.picojoules;
      }
    }
  }
  CHECK(before[0] > 0.0);
  CHECK(before[1] > 0.0);
}
