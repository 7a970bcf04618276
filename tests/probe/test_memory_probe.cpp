// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/platform/errors.h"
#include "tandem/platform/probe/memory_probe.h"
#include "tandem/test/devices.h"

using namespace tandem::platform;
using tandem::test::device_file;
using tandem::test::device_names;

namespace {

MemoryProbe probe_of(const std::string& pattern, std::uint64_t requests,
                     FidelityLevel fidelity = FidelityLevel::kCommand) {
  MemoryProbe probe;
  probe.pattern = parse_pattern(pattern);
  probe.requests = requests;
  probe.fidelity = fidelity;
  return probe;
}

std::uint64_t count_of(const MemoryProbeResult& result, const std::string& command) {
  for (const auto& [name, count] : result.commands) {
    if (name == command) return count;
  }
  return 0;
}

constexpr const char* kPatterns[] = {"sequential",  "sequential-write", "sequential-mixed:40",
                                     "random",      "random-write",     "mixed:40",
                                     "stride:4096", "pingpong",         "row-misses"};

}  // namespace

TEST_CASE("bandwidth of public simulators within 3 percent") {
  struct Point {
    const char* device;
    const char* pattern;
    double gb_per_s;
  };
  // DRAMsim3, and NewtonSim on the geometry of NeuPIMs; a million reads there.
  for (const Point& point : {Point{"hbm2_dramsim3", "sequential", 29.41},
                             {"hbm2_dramsim3", "random", 7.86},
                             {"hbm2_neupims", "sequential", 28.6},
                             {"hbm2_neupims", "random", 14.8}}) {
    CAPTURE(point.device, point.pattern);
    const MemoryProbeResult result =
        probe_memory(device_file(point.device), probe_of(point.pattern, 100'000));
    CHECK(result.gb_per_s == Approx(point.gb_per_s).epsilon(0.03));
  }
}

TEST_CASE("latency of one request at a time as DRAMsim3 has it, within 3 percent") {
  MemoryProbe probe = probe_of("sequential", 30'000);
  probe.outstanding = 1;
  CHECK(probe_memory(device_file("hbm2_dramsim3"), probe).latency.mean ==
        Approx(18.9).epsilon(0.03));
  probe.pattern = parse_pattern("random");
  CHECK(probe_memory(device_file("hbm2_dramsim3"), probe).latency.mean ==
        Approx(46.0).epsilon(0.03));
}

TEST_CASE("one rank reaches its closed-form limits within 2 percent") {
  for (const char* name : {"hbm2_dramsim3", "ddr4_3200", "gddr6_aim", "hbm_pim"}) {
    const DeviceFile device = device_file(name);
    for (const char* pattern : {"sequential", "sequential-write", "random", "row-misses"}) {
      CAPTURE(name, pattern);
      const MemoryProbeResult result = probe_memory(device, probe_of(pattern, 50'000));
      REQUIRE(result.limit);
      CHECK(result.gb_per_s == Approx(result.limit->gb_per_s).epsilon(0.02));
    }
  }
}

TEST_CASE("limits by hand") {
  DeviceFile device = device_file("hbm2_dramsim3");
  std::uint64_t requests = 1'000'000;
  const auto limit = [&](const char* pattern, unsigned outstanding = 0) {
    MemoryProbe probe = probe_of(pattern, requests);
    probe.outstanding = outstanding;
    return memory_limit(device, probe);
  };
  const double up = 1 - (15 + 14 + 260 + 14) / 3900.0;  // 15 of 16 banks shut before the last
  CHECK(limit("sequential")->gb_per_s == Approx(32 * up));
  // The last write recovers for longer: CWL, burst, tWR.
  CHECK(limit("sequential-write")->gb_per_s ==
        Approx(32 * (1 - (4 + 2 + 16 + 14 + 260 + 14) / 3900.0)));
  CHECK(limit("random")->gb_per_s == Approx(64 * 4 / 30.0 * up));
  CHECK(limit("row-misses")->gb_per_s == Approx(64 / 48.0 * (1 - 260 / 3900.0)));
  CHECK_FALSE(limit("sequential-write", 1));  // posted
  requests = 1'000;                           // 2000 cycles: nothing is refreshed
  CHECK(limit("sequential")->gb_per_s == Approx(32));
  CHECK(limit("sequential")->formula == "peak");
  requests = 1'000'000;
  CHECK(limit("sequential", 1)->gb_per_s == Approx(64 / 16.0 * up));
  CHECK_FALSE(limit("mixed:30"));
  CHECK_FALSE(limit("pingpong"));
  CHECK_FALSE(limit("stride:4096"));
  device.device.timing.tREFI = 0;
  CHECK(limit("sequential")->gb_per_s == Approx(32));
  device.device.timing.tCCD_L = 4'000;  // one bank group at a time: 16 in flight lie in one row
  CHECK(limit("sequential", 16)->gb_per_s == Approx(16));
}

TEST_CASE("every pattern on every device: no violation, nothing beyond the peak") {
  for (const std::string& name : device_names()) {
    const DeviceFile device = device_file(name);
    for (const char* pattern : kPatterns) {
      CAPTURE(name, pattern);
      MemoryProbe probe = probe_of(pattern, 4'000);
      probe.check = true;
      const MemoryProbeResult result = probe_memory(device, probe);
      REQUIRE(result.violations);
      CHECK(*result.violations == 0);
      CHECK(result.violation_report.empty());
      CHECK(result.gb_per_s <= result.peak_gb_per_s);
      CHECK(result.latency.p50 <= result.latency.p95);
      CHECK(result.latency.p95 <= result.latency.p99);
      CHECK(result.latency.p99 <= result.latency.max);
      CHECK(result.latency.mean <= static_cast<double>(result.latency.max));
      CHECK(count_of(result, "RD") + count_of(result, "WR") + result.forwarded + result.merged ==
            probe.requests);
      CHECK(result.row_hits + count_of(result, "ACT") >=
            count_of(result, "RD") + count_of(result, "WR"));
      CHECK(result.row_hit_rate <= 1);
    }
  }
}

TEST_CASE("transaction fidelity stays below the peak, too, and moves the same bytes") {
  for (const std::string& name : device_names()) {
    const DeviceFile device = device_file(name);
    for (const char* pattern : kPatterns) {
      CAPTURE(name, pattern);
      const MemoryProbe probe = probe_of(pattern, 4'000, FidelityLevel::kTransaction);
      const MemoryProbeResult result = probe_memory(device, probe);
      CHECK(result.bytes == 4'000 * device.device.geometry.burst_bytes());
      CHECK(result.gb_per_s <= result.peak_gb_per_s);
      CHECK(result.latency.p50 <= result.latency.p95);
      CHECK(result.latency.p99 <= result.latency.max);
      CHECK_FALSE(result.violations);
    }
  }
}

TEST_CASE("transactions reach the bandwidth of commands within 5 percent on one rank") {
  for (const char* name : {"hbm2_dramsim3", "ddr4_3200", "lpddr5_6400"}) {
    const DeviceFile device = device_file(name);
    for (const char* pattern : kPatterns) {
      CAPTURE(name, pattern);
      const double command = probe_memory(device, probe_of(pattern, 20'000)).gb_per_s;
      const double transaction =
          probe_memory(device, probe_of(pattern, 20'000, FidelityLevel::kTransaction)).gb_per_s;
      CHECK(transaction == Approx(command).epsilon(0.05));
    }
  }
}

// Little's law: requests in flight = throughput x mean latency.
TEST_CASE("latency and bandwidth are those of the requests in flight") {
  const DeviceFile device = device_file("hbm2_dramsim3");
  for (const unsigned outstanding : {1u, 8u, 64u}) {
    CAPTURE(outstanding);
    MemoryProbe probe = probe_of("random", 20'000);
    probe.outstanding = outstanding;
    const MemoryProbeResult result = probe_memory(device, probe);
    const double in_flight = result.latency.mean * static_cast<double>(probe.requests) /
                             static_cast<double>(result.cycles);
    CHECK(in_flight <= outstanding);
    CHECK(in_flight >= 0.98 * outstanding);
  }
}

TEST_CASE("a probe repeats itself, whatever the fidelity, and another seed is another run") {
  const DeviceFile device = device_file("hbm2_neupims");
  for (const FidelityLevel fidelity : {FidelityLevel::kCommand, FidelityLevel::kTransaction}) {
    MemoryProbe probe = probe_of("mixed:30", 5'000, fidelity);
    const MemoryProbeResult first = probe_memory(device, probe);
    const MemoryProbeResult again = probe_memory(device, probe);
    probe.seed = 2;
    const MemoryProbeResult other = probe_memory(device, probe);
    CHECK(first.cycles == again.cycles);
    CHECK(first.latency.mean == again.latency.mean);
    CHECK(first.commands == again.commands);
    CHECK(first.energy.total_picojoules() == again.energy.total_picojoules());
    CHECK(first.cycles != other.cycles);
  }
}

TEST_CASE("channels work side by side") {
  const DeviceFile device = device_file("ddr4_3200");
  for (const FidelityLevel fidelity : {FidelityLevel::kCommand, FidelityLevel::kTransaction}) {
    for (const char* pattern : {"sequential", "random"}) {
      CAPTURE(pattern);
      MemoryProbe probe = probe_of(pattern, 20'000, fidelity);
      const double one = probe_memory(device, probe).gb_per_s;
      probe.channels = 4;
      probe.requests *= 4;
      const MemoryProbeResult four = probe_memory(device, probe);
      CHECK(four.peak_gb_per_s == Approx(4 * 25.6));
      CHECK(four.gb_per_s == Approx(4 * one).epsilon(0.05));
      CHECK(four.limit->gb_per_s ==
            Approx(4 * memory_limit(device, probe_of(pattern, 1'000'000))->gb_per_s));
    }
  }
}

TEST_CASE("energy is what the commands cost, and standby") {
  const DeviceFile device = device_file("ddr4_3200");
  const MemoryProbeResult result = probe_memory(device, probe_of("random", 10'000));
  const auto energy = [&result](const std::string& component) {
    for (const tandem::observe::EnergyEntry& entry : result.energy.entries()) {
      if (entry.component == component) return entry.picojoules;
    }
    return -1.0;
  };
  const tandem::memory::DeviceEnergy& e = device.device.energy;
  CHECK(energy("read") == Approx(10'000 * 512 * e.read_pj_per_bit));
  CHECK(energy("activate") == Approx(static_cast<double>(count_of(result, "ACT")) * e.activate_pj));
  CHECK(energy("refresh") == Approx(static_cast<double>(result.refreshes) * e.refresh_pj));
  CHECK(result.pj_per_bit() == Approx(result.energy.total_picojoules() / (10'000 * 512)));
  for (const tandem::observe::EnergyEntry& entry : result.energy.entries()) {
    CHECK_FALSE(entry.source.empty());
  }
}

TEST_CASE("what cannot be probed is refused") {
  const DeviceFile device = device_file("hbm2_dramsim3");
  MemoryProbe probe = probe_of("sequential", 10);
  SECTION("no requests") {
    probe.requests = 0;
    CHECK_THROWS_WITH(probe_memory(device, probe), "--requests 0: expected at least 1");
  }
  SECTION("three channels") {
    probe.channels = 3;
    CHECK_THROWS_WITH(probe_memory(device, probe), "--channels 3: expected a power of two");
  }
  SECTION("a check without commands") {
    probe.fidelity = FidelityLevel::kTransaction;
    probe.check = true;
    CHECK_THROWS_WITH(probe_memory(device, probe),
                      Catch::Contains("--check needs --fidelity command"));
    probe.check = false;
    probe.log = "x.log";
    CHECK_THROWS_WITH(probe_memory(device, probe),
                      Catch::Contains("--log needs --fidelity command"));
  }
}
