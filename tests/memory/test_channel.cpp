// SPDX-License-Identifier: Apache-2.0
// The channel against closed forms worked out by hand from the timing parameters.
#include <catch2/catch.hpp>
#include <random>

#include "tandem/memory/channel.h"
#include "tandem/test/devices.h"

using namespace tandem::memory;

namespace {

DeviceConfig without_refresh(const char* preset) {
  DeviceConfig device = tandem::test::device(preset);
  device.timing.tREFI = 0;
  return device;
}

// A bank of another bank group for every step, rows advancing after all banks.
struct Place {
  unsigned bank, row;
};
Place interleaved(unsigned step, const DeviceGeometry& geometry) {
  const unsigned groups = geometry.ranks * geometry.bank_groups;
  const unsigned bank_in_group = step / groups % geometry.banks_per_group;
  return {step % groups * geometry.banks_per_group + bank_in_group, step / geometry.banks()};
}

}  // namespace

TEST_CASE("a first read costs activate, CAS latency and its bursts") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  Channel channel(device, {});
  const Interval data = channel.reserve(0, 5, 0, 64, false, 1000);
  REQUIRE(data.begin_ps == 1000 + 14'000 + 14'000);
  REQUIRE(data.end_ps == data.begin_ps + 2000);
  REQUIRE(channel.counters().row_misses == 1);
}

TEST_CASE("a row hit costs CAS latency only, a conflict waits for precharge") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  Channel channel(device, {});
  channel.reserve(0, 5, 0, 64, false, 0);
  const Interval hit = channel.reserve(0, 5, 64, 64, false, 100'000);
  REQUIRE(hit.begin_ps == 100'000 + 14'000);
  const Interval conflict = channel.reserve(0, 6, 0, 64, false, 200'000);
  REQUIRE(conflict.begin_ps == 200'000 + 14'000 + 14'000 + 14'000);
  REQUIRE(channel.counters().row_hits == 1);
  REQUIRE(channel.counters().row_conflicts == 1);
}

TEST_CASE("a conflict respects tRAS, tRC, tRTP and write recovery") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  {
    Channel channel(device, {});
    channel.reserve(0, 0, 0, 64, false, 0);  // activated at 0, read at tRCD
    const Interval data = channel.reserve(0, 1, 0, 64, false, 0);
    REQUIRE(data.begin_ps == t.tRAS + t.tRP + t.tRCDRD + t.CL);
  }
  {
    Channel channel(device, {});
    const Interval write = channel.reserve(0, 0, 0, 1024, true, 0);
    REQUIRE(write.begin_ps == t.tRCDRD + t.CWL);
    const Interval data = channel.reserve(0, 1, 0, 64, true, 0);
    REQUIRE(data.begin_ps == write.end_ps + t.tWR + t.tRP + t.tRCDRD + t.CWL);
  }
}

TEST_CASE("reads after writes and writes after reads turn the bus around") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  const Interval read = channel.reserve(0, 0, 0, 64, false, 0);
  const Interval write = channel.reserve(4, 0, 0, 64, true, 0);
  REQUIRE(write.begin_ps == read.end_ps + t.tRTRS);
  const Interval again = channel.reserve(8, 0, 0, 64, false, 0);
  REQUIRE(again.begin_ps == write.end_ps + t.tWTR_L + t.CL);
}

TEST_CASE("four activates at most fall into tFAW") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  std::vector<std::uint64_t> begins;
  for (unsigned i = 0; i < 8; ++i)
    begins.push_back(channel.reserve(4 * i, 0, 0, 64, false, 0).begin_ps);
  REQUIRE(begins[3] == 3 * t.tRRD_S + t.tRCDRD + t.CL);
  REQUIRE(begins[4] == t.tFAW + t.tRCDRD + t.CL);
  REQUIRE(begins[7] == t.tFAW + 3 * t.tRRD_S + t.tRCDRD + t.CL);
}

TEST_CASE("one bank group alone is paced by tCCD_L") {
  const DeviceConfig device = without_refresh("lpddr5_6400");
  Channel channel(device, {});
  const Interval data = channel.reserve(0, 0, 0, 2048, false, 0);
  REQUIRE(data.end_ps - data.begin_ps == 63 * device.timing.tCCD_L + 2500);
  // Another group fits its bursts between.
  const Interval other = channel.reserve(4, 0, 0, 32, false, 0);
  REQUIRE(other.begin_ps == data.begin_ps + 64 * 2500);
}

TEST_CASE("an access that begins within a burst pays for the whole burst") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  Channel channel(device, {});
  channel.reserve(0, 0, 60, 8, false, 0);
  REQUIRE(channel.counters().read_bursts == 2);
  REQUIRE(channel.counters().read_bytes == 8);
}

TEST_CASE("a stream over interleaved banks reaches the peak less refresh") {
  for (const std::string& name : tandem::test::device_names()) {
    const DeviceConfig device = tandem::test::device(name);
    const DeviceTiming& t = device.timing;
    Channel channel(device, {});
    const std::uint64_t rows = std::uint64_t{64} << 20;
    std::uint64_t bytes = 0;
    std::uint64_t end_ps = 0;
    unsigned step = 0;
    for (; bytes < rows; bytes += device.geometry.row_bytes, ++step) {
      const Place place = interleaved(step, device.geometry);
      end_ps =
          channel.reserve(place.bank, place.row, 0, device.geometry.row_bytes, false, 0).end_ps;
    }
    const double efficiency = static_cast<double>(bytes) * 1e12 / static_cast<double>(end_ps) /
                              device.geometry.peak_bytes_per_s();
    const double refresh = static_cast<double>(t.tRFC) / static_cast<double>(t.tREFI);
    const double reopen = static_cast<double>(t.tRP + t.tRCDRD) / static_cast<double>(t.tREFI);
    INFO(name << " efficiency " << efficiency << ", bound " << 1 - refresh);
    CHECK(efficiency <= 1 - refresh + 0.001);
    CHECK(efficiency >= 1 - refresh - reopen - 0.01);
    CHECK(channel.refreshes(end_ps) == end_ps / t.tREFI);
  }
}

TEST_CASE("no random traffic moves more than the peak, nor less than one row cycle each") {
  for (const std::string& name : tandem::test::device_names()) {
    const DeviceConfig device = tandem::test::device(name);
    Channel channel(device, {});
    std::mt19937 engine(11);
    const auto random = [&engine] { return static_cast<unsigned>(engine()); };
    std::uint64_t now_ps = 0;
    std::uint64_t last_ps = 0;
    std::uint64_t bursts = 0;
    const unsigned burst = device.geometry.burst_bytes();
    for (int i = 0; i < 20'000; ++i) {
      now_ps += random() % 20'000;
      const unsigned slots = device.geometry.row_bytes / burst;
      const unsigned first = random() % slots;
      const unsigned count = 1 + random() % std::min(slots - first, 4u);
      const Interval data =
          channel.reserve(random() % device.geometry.banks(), random() % 8, first * burst,
                          count * burst, random() % 3 == 0, now_ps);
      bursts += count;
      REQUIRE(data.begin_ps > now_ps);
      REQUIRE(data.end_ps >= data.begin_ps + count * device.geometry.burst_ps());
      last_ps = std::max(last_ps, data.end_ps);
      REQUIRE(bursts * device.geometry.burst_ps() <= last_ps);
    }
    REQUIRE(channel.counters().busy_ps == bursts * device.geometry.burst_ps());
  }
}

TEST_CASE("data never overlap on the bus, whatever the mix of reads and writes") {
  const DeviceConfig device = tandem::test::device("ddr4_3200");
  Channel channel(device, {});
  std::mt19937 random(2);
  std::uint64_t previous_end_ps = 0;
  for (int i = 0; i < 10'000; ++i) {
    // One burst each, so that an interval is exactly the time on the bus.
    const Interval data = channel.reserve(random() % 16, random() % 4, 0, 64, random() % 2 == 0, 0);
    REQUIRE(data.begin_ps >= previous_end_ps);
    previous_end_ps = data.end_ps;
  }
}

TEST_CASE("refresh closes rows and delays an access that falls into it") {
  const DeviceConfig device = tandem::test::device("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  channel.reserve(0, 5, 0, 64, false, 0);
  const Interval data = channel.reserve(0, 5, 64, 64, false, t.tREFI + 1000);
  REQUIRE(data.begin_ps == t.tREFI + t.tRP + t.tRFC + t.tRCDRD + t.CL);
  REQUIRE(channel.counters().row_hits == 0);
  // Long idle: many refreshes pass, none is in the way.
  const std::uint64_t later_ps = 1000 * t.tREFI + t.tREFI / 2;
  REQUIRE(channel.reserve(0, 5, 0, 64, false, later_ps).begin_ps == later_ps + t.tRCDRD + t.CL);
}

TEST_CASE("computation in the banks keeps ordinary accesses out and pauses for refresh") {
  const DeviceConfig device = tandem::test::device("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  channel.reserve(0, 5, 0, 64, false, 0);
  const Interval first = channel.reserve_compute(Channel::kAllBanks, 0, 200'000, 32);
  REQUIRE(first.begin_ps == t.tRAS + t.tRP);
  REQUIRE(first.end_ps == first.begin_ps + 200'000);
  REQUIRE(channel.counters().activates == 33);
  const Interval read = channel.reserve(7, 0, 0, 64, false, 0);
  REQUIRE(read.begin_ps == first.end_ps + t.tRCDRD + t.CL);
  const Interval other = channel.reserve_compute(0x2, 0, 100, 1);
  REQUIRE(other.begin_ps == first.end_ps);

  Channel fresh(device, {});
  const Interval paused = fresh.reserve_compute(Channel::kAllBanks, t.tREFI - 1000, 10'000, 32);
  REQUIRE(paused.begin_ps == t.tREFI - 1000);
  REQUIRE(paused.end_ps == paused.begin_ps + 10'000 + t.tRP + t.tRFC + t.tRCDRD);
}

TEST_CASE("a bank left out of the mask stays available") {
  Channel channel(without_refresh("hbm2_neupims"), {});
  channel.reserve(8, 3, 0, 64, false, 0);
  channel.reserve_compute(0x1, 0, 1'000'000, 1);
  REQUIRE(channel.reserve(8, 3, 64, 64, false, 100'000).begin_ps == 100'000 + 14'000);
}

TEST_CASE("reset makes a channel behave as new") {
  const DeviceConfig device = tandem::test::device("gddr6_aim");
  const auto run = [&](Channel& channel, std::uint64_t start_ps) {
    std::mt19937 random(7);
    std::vector<std::uint64_t> ends;
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t at_ps = start_ps + static_cast<std::uint64_t>(i) * 7'000;
      ends.push_back(
          channel.reserve(random() % 16, random() % 4, 0, 256, random() % 2 == 0, at_ps).end_ps -
          start_ps);
    }
    return ends;
  };
  Channel fresh(device, {});
  Channel used(device, {});
  run(used, 0);
  const std::uint64_t reset_ps = 1'234'567;
  used.reset(reset_ps);
  REQUIRE(run(used, reset_ps) == run(fresh, 0));
}

TEST_CASE("energy is counts times energy per operation") {
  const DeviceConfig device = tandem::test::device("hbm2_neupims");
  Channel channel(device, {});
  channel.reserve(0, 0, 0, 1024, false, 0);
  channel.reserve(4, 0, 0, 128, true, 0);
  tandem::observe::EnergyLedger ledger;
  channel.collect_energy(ledger, 1'000'000);
  const double expected = 2 * device.energy.activate_pj + 1024 * 8 * device.energy.read_pj_per_bit +
                          128 * 8 * device.energy.write_pj_per_bit +
                          device.energy.active_standby_mw * 1000;
  REQUIRE(ledger.total_picojoules() == Approx(expected));
}
