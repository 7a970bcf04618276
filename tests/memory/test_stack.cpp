// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>

#include "tandem/memory/stack.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;

namespace {

struct Bench {
  explicit Bench(const memory::Stack::Config& config, const char* name = "stack")
      : stack(name, config), bus((std::string(name) + "_bus").c_str()) {
    bus.socket.bind(stack.target());
  }
  memory::Stack stack;
  test::LtInitiator bus;
};

memory::Stack::Config hbm2(unsigned channels) {
  memory::Stack::Config config;
  config.device = test::device("hbm2_neupims");
  config.channels = channels;
  return config;
}

// Bytes per second of one read of `bytes` from a stack that has been idle.
double bandwidth_of_one_read(Bench& bench, unsigned bytes) {
  std::vector<std::uint8_t> data(bytes);
  REQUIRE(bench.bus.read(0, data.data(), bytes) == tlm::TLM_OK_RESPONSE);
  return bytes * 1e12 / static_cast<double>(bench.bus.time_ps());
}

}  // namespace

TEST_CASE("one long read streams at the peak of all channels less refresh") {
  const unsigned channels = 8;
  memory::Stack::Config config = hbm2(channels);
  config.device = test::device("hbm2_dramsim3");  // one rank: nothing hides its refresh
  Bench bench(config);
  const double peak = bench.stack.config().peak_bytes_per_s();
  REQUIRE(peak == Approx(channels * 32e9));
  const double efficiency = bandwidth_of_one_read(bench, 64u << 20) / peak;
  const double bound = 1 - 260.0 / 3900.0;
  REQUIRE(efficiency < bound);
  REQUIRE(efficiency > bound - 0.02);
}

TEST_CASE("LPDDR5 streams at 12.8 GB/s less refresh through one socket") {
  Bench bench(test::stack_config("lpddr5_6400"));
  const double efficiency = bandwidth_of_one_read(bench, 16u << 20) / 12.8e9;
  const double bound = 1 - 210.0 / 3906.0;
  REQUIRE(efficiency < bound);
  REQUIRE(efficiency > bound - 0.02);
}

TEST_CASE("AT bursts with several outstanding stream as fast as one long read") {
  const memory::Stack::Config config = test::stack_config("lpddr5_6400");
  memory::Stack stack("stack", config);
  test::AtInitiator initiator("initiator", {16, {test::AtInitiator::Answer::completed}, 0, 0});
  initiator.socket.bind(stack.target());
  const unsigned burst = 512;
  const unsigned count = 4096;
  for (unsigned i = 0; i < count; ++i) {
    initiator.submit(
        {tlm::TLM_READ_COMMAND, std::uint64_t{i} * burst, std::vector<std::uint8_t>(burst), 0});
  }
  sc_core::sc_start();
  REQUIRE(initiator.results.size() == count);
  const double bandwidth =
      1e12 * burst * count / static_cast<double>(initiator.results.back().end_ps);
  const double efficiency = bandwidth / config.peak_bytes_per_s();
  REQUIRE(efficiency < 1 - 210.0 / 3906.0);
  REQUIRE(efficiency > 1 - 210.0 / 3906.0 - 0.03);
}

TEST_CASE("one read at a time pays its latency each time") {
  memory::Stack::Config config = hbm2(1);
  config.device.timing.tREFI = 0;
  Bench bench(config);
  const auto& t = config.device.timing;
  bench.bus.read32(0);
  const std::uint64_t miss_ps = 5000 + t.tCK + t.tRCDRD + t.CL + 2000 + 5000;
  REQUIRE(bench.bus.time_ps() == miss_ps);
  bench.bus.read32(4);
  REQUIRE(bench.bus.time_ps() == miss_ps + 5000 + t.tCK + t.CL + 2000 + 5000);
}

TEST_CASE("all channels take part in one payload") {
  Bench bench(hbm2(4));
  std::vector<std::uint8_t> data(4 * 256);
  bench.bus.write(0, data.data(), 4 * 256);
  for (unsigned i = 0; i < 4; ++i) {
    REQUIRE(bench.stack.channel(i).counters().write_bytes == 256);
  }
  observe::StatisticsTable table;
  bench.stack.collect(table);
  REQUIRE(table.find("write_bytes")->integer == 1024);
  REQUIRE(table.find("channel3.write_bytes")->integer == 256);
}

TEST_CASE("results are the same with and without DMI") {
  Bench with(hbm2(2), "with");
  auto config = hbm2(2);
  config.dmi = false;
  Bench without(config, "without");
  std::mt19937 engine(9);
  const auto random = [&engine] { return static_cast<unsigned>(engine()); };
  tlm::tlm_dmi dmi;
  REQUIRE_FALSE(without.bus.direct(0, dmi));
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t address = random() % 5000 * 4;
    const std::uint32_t value = random();
    REQUIRE(with.bus.direct(address, dmi));
    std::uint8_t* direct = dmi.get_dmi_ptr() + (address - dmi.get_start_address());
    if (i % 2 == 0) {
      std::memcpy(direct, &value, 4);
      without.bus.write32(address, value);
    } else {
      std::uint32_t seen = 0;
      std::memcpy(&seen, direct, 4);
      REQUIRE(seen == without.bus.read32(address));
      REQUIRE(seen == with.bus.read32(address));
    }
  }
  REQUIRE(dmi.get_read_latency() > sc_core::SC_ZERO_TIME);
}

TEST_CASE("DMI regions are chunks of the store") {
  auto config = hbm2(1);
  config.chunk_bytes = 1u << 20;
  Bench bench(config);
  tlm::tlm_dmi dmi;
  REQUIRE(bench.bus.direct((5u << 20) + 17, dmi));
  REQUIRE(dmi.get_start_address() == 5u << 20);
  REQUIRE(dmi.get_end_address() == (6u << 20) - 1);
}

TEST_CASE("the timeline has one track per channel and no overlap within it") {
  Bench bench(hbm2(2));
  observe::Timeline timeline;
  bench.stack.set_timeline(&timeline, "memory");
  std::mt19937 engine(4);
  const auto random = [&engine] { return static_cast<unsigned>(engine()); };
  std::vector<std::uint8_t> data(4096);
  for (int i = 0; i < 300; ++i) {
    const auto length = 1 + random() % 4096;
    if (i % 3 == 0) {
      bench.bus.write(random() % 100'000, data.data(), length);
    } else {
      bench.bus.read(random() % 100'000, data.data(), length);
    }
  }
  REQUIRE(timeline.tracks().size() == 2);
  REQUIRE(timeline.tracks()[1].name == "channel 1");
  std::vector<std::uint64_t> until(2, 0);
  for (const auto& slice : timeline.slices()) {
    REQUIRE(slice.begin_ps >= until[slice.track]);
    REQUIRE(slice.end_ps > slice.begin_ps);
    until[slice.track] = slice.end_ps;
  }
  REQUIRE(timeline.slices().size() > 300);
}

TEST_CASE("energy of a stack is the sum over its channels, one entry per kind") {
  Bench bench(hbm2(2));
  std::vector<std::uint8_t> data(4096);
  bench.bus.read(0, data.data(), 4096);
  observe::EnergyLedger whole;
  bench.stack.collect_energy(whole);
  observe::EnergyLedger parts;
  observe::EnergyLedger one;
  for (unsigned i = 0; i < 2; ++i) bench.stack.channel(i).collect_energy(parts, 0);
  bench.stack.channel(0).collect_energy(one, 0);
  REQUIRE(whole.entries().size() == one.entries().size());
  REQUIRE(whole.total_picojoules() == Approx(parts.total_picojoules()));
  REQUIRE(whole.total_picojoules() > 0);
}

TEST_CASE("an impossible stack is refused") {
  auto config = hbm2(0);
  REQUIRE_THROWS_WITH(Bench(config), Catch::Contains("channels is 0"));
  config = hbm2(3);
  REQUIRE_THROWS_WITH(Bench(config), Catch::Contains("power of two"));
  config = hbm2(2);
  config.mapping = "RoRaBa";
  REQUIRE_THROWS_WITH(Bench(config), Catch::Contains("'RoRaBa'"));
}
