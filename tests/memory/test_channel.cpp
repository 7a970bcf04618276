// SPDX-License-Identifier: Apache-2.0
// The channel against closed forms worked out by hand from the timing parameters.
#include <catch2/catch.hpp>
#include <random>

#include "tandem/memory/channel.h"
#include "tandem/test/devices.h"

using namespace tandem::memory;

namespace {

DeviceConfig without_refresh(const char* name) {
  DeviceConfig device = tandem::test::device(name);
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

// First data of a read that finds everything idle: taken in one cycle, activated in the next.
std::uint64_t miss_ps(const DeviceTiming& t) {
  return t.tCK + t.tRCDRD + t.CL;
}

ControllerConfig closed_page() {
  ControllerConfig controller;
  controller.page = PagePolicy::kClosed;
  return controller;
}

// Drains only when the buffer is full.
ControllerConfig patient() {
  ControllerConfig controller;
  controller.write_low = controller.write_queue - 1;
  controller.write_idle = 1'000'000;
  controller.command_queue = controller.write_queue;
  return controller;
}

}  // namespace

TEST_CASE("a first read is taken in one cycle and costs activate, CAS latency and its burst") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  Channel channel(device, {});
  const Interval data = channel.reserve(0, 5, 0, 64, false, 1000);
  REQUIRE(data.begin_ps == 1000 + 1000 + 14'000 + 14'000);
  REQUIRE(data.end_ps == data.begin_ps + 2000);
  REQUIRE(channel.counters().row_misses == 1);
}

TEST_CASE("a row hit costs CAS latency only, a conflict waits for precharge") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  Channel channel(device, {});
  channel.reserve(0, 5, 0, 64, false, 0);
  const Interval hit = channel.reserve(0, 5, 64, 64, false, 100'000);
  REQUIRE(hit.begin_ps == 100'000 + 1'000 + 14'000);
  const Interval conflict = channel.reserve(0, 6, 0, 64, false, 200'000);
  REQUIRE(conflict.begin_ps == 200'000 + 1'000 + 14'000 + 14'000 + 14'000);
  REQUIRE(channel.counters().row_hits == 1);
  REQUIRE(channel.counters().row_conflicts == 1);
}

TEST_CASE("a closed page is shut by its last queued access") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, closed_page());
  channel.reserve(0, 5, 0, 64, false, 0);
  // In time: the first one has not had its column command yet.
  REQUIRE(channel.reserve(0, 5, 64, 64, false, 5'000).begin_ps == miss_ps(t) + 2'000);
  REQUIRE(channel.counters().activates == 1);
  // Too late for the row, but it need not wait for a precharge.
  REQUIRE(channel.reserve(0, 6, 0, 64, false, 200'000).begin_ps == 200'000 + miss_ps(t));
  REQUIRE(channel.reserve(0, 6, 64, 64, false, 400'000).begin_ps == 400'000 + miss_ps(t));
  REQUIRE(channel.counters().row_conflicts == 0);
}

TEST_CASE("a conflict respects tRAS and tRP, and tRC where it is longer") {
  DeviceConfig device = without_refresh("hbm2_neupims");
  DeviceTiming& t = device.timing;
  for (const std::uint64_t row_cycle_ps : {t.tRAS + t.tRP, t.tRAS + t.tRP + 5'000}) {
    t.tRC = row_cycle_ps;
    Channel channel(device, {});
    channel.reserve(0, 0, 0, 64, false, 0);
    REQUIRE(channel.reserve(0, 1, 0, 64, false, 0).begin_ps == t.tRC + miss_ps(t));
  }
}

TEST_CASE("a conflict does not hold up other banks") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  channel.reserve(0, 0, 0, 64, false, 0);
  const Interval conflict = channel.reserve(0, 1, 0, 64, false, 0);
  const Interval other = channel.reserve(4, 0, 0, 64, false, 0);
  REQUIRE(other.begin_ps == miss_ps(t) + t.tRRD_S);
  REQUIRE(other.end_ps < conflict.begin_ps);
}

TEST_CASE("a read overtakes those that wait for another row of its bank") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  channel.reserve(0, 0, 0, 64, false, 0);
  const Interval waits = channel.reserve(0, 1, 0, 64, false, 0);
  REQUIRE(channel.reserve(0, 0, 64, 64, false, 0).begin_ps == miss_ps(t) + t.tCCD_L);
  REQUIRE(channel.counters().activates == 2);
  // Once the row has been closed it comes too late.
  const Interval late = channel.reserve(0, 0, 128, 64, false, t.tRC + 5'000);
  REQUIRE(late.begin_ps > waits.end_ps);
  REQUIRE(channel.counters().activates == 3);

  ControllerConfig in_order;
  in_order.scheduling = Scheduling::kFcfs;
  Channel strict(device, in_order);
  strict.reserve(0, 0, 0, 64, false, 0);
  const Interval second = strict.reserve(0, 1, 0, 64, false, 0);
  REQUIRE(strict.reserve(0, 0, 64, 64, false, 0).begin_ps > second.end_ps);
}

TEST_CASE("four activates at most fall into tFAW, in each rank") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  REQUIRE(device.geometry.ranks == 2);
  Channel channel(device, {});
  std::vector<std::uint64_t> begins;
  for (unsigned i = 0; i < 8; ++i) {
    const unsigned bank = i % 4 * 4 + i / 4;  // all in the first rank
    begins.push_back(channel.reserve(bank, 0, 0, 64, false, 0).begin_ps);
  }
  REQUIRE(begins[3] == 3 * t.tRRD_S + miss_ps(t));
  REQUIRE(begins[4] == t.tFAW + miss_ps(t));
  REQUIRE(begins[7] == t.tFAW + 3 * t.tRRD_S + miss_ps(t));
  // The other rank has a window of its own; the bus changes hands in a hole.
  REQUIRE(channel.reserve(16, 0, 0, 64, false, 0).begin_ps < begins[4]);
}

TEST_CASE("data of different ranks keep tRTRS apart") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  channel.reserve(0, 0, 0, 64, false, 0);
  channel.reserve(16, 0, 0, 64, false, 0);
  const Interval first = channel.reserve(0, 0, 64, 64, false, 500'000);
  const Interval second = channel.reserve(16, 0, 64, 64, false, 500'000);
  REQUIRE(second.begin_ps == first.end_ps + t.tRTRS);
}

TEST_CASE("one bank group alone is paced by tCCD_L") {
  const DeviceConfig device = without_refresh("lpddr5_6400");
  Channel channel(device, {});
  const Interval data = channel.reserve(0, 0, 0, 2048, false, 0);
  REQUIRE(data.end_ps - data.begin_ps == 63 * device.timing.tCCD_L + 2500);
  // The bursts of another group go between.
  const Interval other = channel.reserve(4, 0, 0, 2048, false, 0);
  REQUIRE(other.end_ps <= data.end_ps + device.timing.tRRD_S);
}

TEST_CASE("an access that begins within a burst pays for the whole burst") {
  const DeviceConfig device = without_refresh("hbm2_neupims");
  Channel channel(device, {});
  channel.reserve(0, 0, 60, 8, false, 0);
  REQUIRE(channel.counters().read_bursts == 2);
  REQUIRE(channel.counters().read_bytes == 8);
}

TEST_CASE("writes are posted and turn the bus once per batch") {
  const DeviceConfig device = without_refresh("hbm2_dramsim3");
  const DeviceTiming& t = device.timing;
  const ControllerConfig controller = patient();
  const unsigned batch = controller.write_queue;
  Channel channel(device, controller);
  for (unsigned i = 0; i < batch; ++i) {
    REQUIRE(channel.counters().drains == 0);
    REQUIRE(channel.reserve(0, 0, i * 64, 64, true, 0).end_ps == t.tCK);
  }
  REQUIRE(channel.counters().drains == 1);
  REQUIRE(channel.last_drain().begin_ps == t.tCK + t.tRCDWR + t.CWL);
  REQUIRE(channel.last_drain().end_ps == channel.last_drain().begin_ps + batch * 2'000);
  const Interval read = channel.reserve(0, 0, 0, 64, false, 0);
  REQUIRE(read.begin_ps == channel.last_drain().end_ps + t.tWTR_L + t.CL);
  const Interval conflict = channel.reserve(0, 1, 0, 64, false, 0);
  REQUIRE(conflict.begin_ps == channel.last_drain().end_ps + std::max(t.tWR, t.tWTR_L + t.tRTP_L) +
                                   t.tRP + t.tRCDRD + t.CL);
}

TEST_CASE("a full write buffer takes writes at the pace of the bus") {
  const DeviceConfig device = without_refresh("hbm2_dramsim3");
  Channel channel(device, {});
  const std::uint64_t bytes = 1 << 20;
  std::uint64_t accepted_ps = 0;
  for (std::uint64_t row = 0; row < bytes / 2048; ++row) {
    const Place place = interleaved(static_cast<unsigned>(row), device.geometry);
    accepted_ps = channel.reserve(place.bank, place.row, 0, 2048, true, 0).end_ps;
  }
  const std::uint64_t bus_ps = bytes / 64 * 2'000;
  REQUIRE(accepted_ps > bus_ps * 9 / 10);
  REQUIRE(channel.finish_writes() >= bus_ps);
  REQUIRE(channel.finish_writes() < bus_ps * 101 / 100);
}

TEST_CASE("the write buffer answers reads and merges writes") {
  const DeviceConfig device = without_refresh("hbm2_dramsim3");
  Channel channel(device, patient());
  channel.reserve(3, 7, 64, 64, true, 0);
  REQUIRE(channel.reserve(3, 7, 64, 64, false, 10'000).end_ps == 10'000 + device.timing.tCK);
  REQUIRE(channel.reserve(3, 7, 64, 64, true, 20'000).end_ps == 20'000 + device.timing.tCK);
  REQUIRE(channel.reserve(3, 7, 128, 64, false, 30'000).end_ps > 30'000 + device.timing.CL);
  REQUIRE(channel.counters().forwarded == 1);
  REQUIRE(channel.counters().merged_writes == 1);
  REQUIRE(channel.counters().read_bursts == 1);
  REQUIRE(channel.counters().write_bursts == 1);
}

TEST_CASE("a few writes are drained after a pause") {
  const DeviceConfig device = without_refresh("hbm2_dramsim3");
  const ControllerConfig controller;
  Channel channel(device, controller);
  channel.reserve(0, 0, 0, 64, true, 0);
  channel.reserve(4, 0, 0, 64, false, 50'000);
  REQUIRE(channel.counters().drains == 0);
  channel.reserve(4, 0, 64, 64, false, 1'000'000);
  REQUIRE(channel.counters().drains == 1);
  REQUIRE(channel.last_drain().begin_ps >= controller.write_idle * device.timing.tCK);
  REQUIRE(channel.last_drain().end_ps < 1'000'000);
}

TEST_CASE("a stream of rows reaches the peak less refresh") {
  for (const std::string& name : tandem::test::device_names()) {
    for (const bool is_write : {false, true}) {
      const DeviceConfig device = tandem::test::device(name);
      const DeviceTiming& t = device.timing;
      Channel channel(device, {});
      std::uint64_t bytes = 0;
      unsigned step = 0;
      std::uint64_t end_ps = 0;
      for (; bytes < std::uint64_t{32} << 20; bytes += device.geometry.row_bytes, ++step) {
        const Place place = interleaved(step, device.geometry);
        end_ps = std::max(
            end_ps,
            channel.reserve(place.bank, place.row, 0, device.geometry.row_bytes, is_write, 0)
                .end_ps);
      }
      end_ps = std::max(end_ps, channel.finish_writes());
      const double efficiency = static_cast<double>(bytes) * 1e12 / static_cast<double>(end_ps) /
                                device.geometry.peak_bytes_per_s();
      const double refresh = static_cast<double>(t.tRFC) / static_cast<double>(t.tREFI);
      INFO(name << (is_write ? " write" : " read") << " efficiency " << efficiency << ", one rank "
                << 1 - refresh);
      // While one rank of several is refreshed, the queues may or may not hold work for the others.
      const unsigned ranks = device.geometry.ranks;
      CHECK(efficiency <= (ranks == 1 ? 1 - refresh + 0.002 : 1.0));
      CHECK(efficiency >= 1 - ranks * refresh - 0.03);
    }
  }
}

TEST_CASE("no random traffic moves more than the peak") {
  for (const std::string& name : tandem::test::device_names()) {
    const DeviceConfig device = tandem::test::device(name);
    Channel channel(device, {});
    std::mt19937 engine(11);
    const auto random = [&engine] { return static_cast<unsigned>(engine()); };
    const unsigned burst = device.geometry.burst_bytes();
    std::uint64_t now_ps = 0;
    std::uint64_t last_ps = 0;
    std::uint64_t reads = 0;
    for (int i = 0; i < 20'000; ++i) {
      now_ps += random() % 20'000;
      const unsigned slots = device.geometry.row_bytes / burst;
      const unsigned first = random() % slots;
      const unsigned count = 1 + random() % std::min(slots - first, 4u);
      const bool is_write = random() % 3 == 0;
      const Interval data = channel.reserve(random() % device.geometry.banks(), random() % 8,
                                            first * burst, count * burst, is_write, now_ps);
      REQUIRE(data.end_ps > now_ps);
      last_ps = std::max(last_ps, data.end_ps);
      if (is_write) continue;
      reads += count;
      REQUIRE(reads * device.geometry.burst_ps() <= last_ps);
    }
    last_ps = std::max(last_ps, channel.finish_writes());
    const Channel::Counters& c = channel.counters();
    REQUIRE(c.busy_ps == (c.read_bursts + c.write_bursts) * device.geometry.burst_ps());
    REQUIRE(c.busy_ps <= last_ps);
  }
}

TEST_CASE("refresh shuts one rank after the other") {
  const DeviceConfig device = tandem::test::device("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  const std::uint64_t due_ps = t.tREFI / 2;  // of the first of two ranks
  Channel channel(device, {});
  channel.reserve(0, 5, 0, 64, false, 0);
  channel.reserve(16, 5, 0, 64, false, 0);
  // Its row is shut, then the refresh runs, then the row is opened again.
  const Interval data = channel.reserve(0, 5, 64, 64, false, due_ps + 1'000);
  REQUIRE(data.begin_ps == due_ps + t.tRP + t.tRFC + t.tRCDRD + t.CL);
  REQUIRE(channel.counters().row_hits == 0);
  REQUIRE(channel.reserve(16, 5, 64, 64, false, due_ps + 1'000).begin_ps ==
          due_ps + 3'000 + t.CL);  // one cycle after the other has entered its queue
  REQUIRE(channel.reserve(16, 5, 64, 64, false, 2 * due_ps).begin_ps ==
          2 * due_ps + t.tRP + t.tRFC + t.tRCDRD + t.CL);
  REQUIRE(channel.refreshes(2 * due_ps) == 2);
  // Long idle: many refreshes pass, none is in the way.
  const std::uint64_t later_ps = 1000 * t.tREFI + t.tREFI / 4;
  REQUIRE(channel.reserve(0, 5, 0, 64, false, later_ps).begin_ps == later_ps + miss_ps(t));
}

TEST_CASE("refresh of single banks leaves the others alone") {
  const DeviceConfig device = tandem::test::device("lpddr5_6400");
  const DeviceTiming& t = device.timing;
  ControllerConfig controller;
  controller.refresh = RefreshMode::kPerBank;
  Channel channel(device, controller);
  const std::uint64_t cycles = t.tREFI / t.tCK / device.geometry.banks();
  const std::uint64_t due_ps = cycles * t.tCK;  // of bank 0
  const std::uint64_t lone_ps = Channel(device, controller).reserve(4, 0, 0, 32, false, 0).begin_ps;
  REQUIRE(channel.reserve(4, 0, 0, 32, false, due_ps).begin_ps == due_ps + lone_ps);
  REQUIRE(channel.reserve(0, 0, 0, 32, false, due_ps).begin_ps ==
          due_ps + t.tRFCpb + t.tRCDRD + t.CL);
  REQUIRE(channel.refreshes(t.tREFI) == device.geometry.banks());
}

TEST_CASE("computation in the banks keeps ordinary accesses out") {
  const DeviceConfig device = tandem::test::device("hbm2_neupims");
  const DeviceTiming& t = device.timing;
  Channel channel(device, {});
  channel.reserve(0, 5, 0, 64, false, 0);
  const std::uint64_t begin_ps = channel.banks_free_ps(Channel::kAllBanks, 0);
  REQUIRE(begin_ps == t.tCK + t.tRAS + t.tRP);
  channel.reserve_compute(Channel::kAllBanks, begin_ps, begin_ps + 200'000, 32);
  REQUIRE(channel.counters().activates == 33);
  REQUIRE(channel.counters().compute_ps == 200'000);
  REQUIRE(channel.banks_free_ps(0x2, 0) == begin_ps + 200'000);
  const Interval read = channel.reserve(7, 0, 0, 64, false, 0);
  REQUIRE(read.begin_ps == begin_ps + 200'000 + t.tRCDRD + t.CL);

  Channel fresh(device, {});
  const std::uint64_t due_ps = t.tREFI / device.geometry.ranks;
  REQUIRE(fresh.banks_free_ps(Channel::kAllBanks, due_ps - 1'000) == due_ps - 1'000);
  REQUIRE(fresh.banks_free_ps(Channel::kAllBanks, due_ps) == due_ps + t.tRFC);
}

TEST_CASE("a bank left out of the mask stays available") {
  Channel channel(without_refresh("hbm2_neupims"), {});
  channel.reserve(8, 3, 0, 64, false, 0);
  channel.reserve_compute(0x1, 0, 1'000'000, 1);
  REQUIRE(channel.reserve(8, 3, 64, 64, false, 100'000).begin_ps == 100'000 + 1'000 + 14'000);
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
  const std::uint64_t reset_ps = 1'234'500;
  used.reset(reset_ps);
  REQUIRE(run(used, reset_ps) == run(fresh, 0));
}

TEST_CASE("energy is counts times energy per operation") {
  DeviceConfig device = without_refresh("hbm2_neupims");
  DeviceEnergy& e = device.energy;
  e.io_pj_per_bit = 0.5;
  Channel channel(device, {});
  channel.reserve(0, 0, 0, 1024, false, 0);
  channel.reserve(4, 0, 0, 128, true, 0);
  channel.finish_writes();
  tandem::observe::EnergyLedger ledger;
  channel.collect_energy(ledger, 1'000'000);
  // One of two ranks has a row open from its first activate on.
  const double active_ps = 1'000'000.0 - static_cast<double>(device.timing.tCK);
  REQUIRE(channel.active_ps(1'000'000) == static_cast<std::uint64_t>(active_ps));
  const double expected = 2 * e.activate_pj + 1024 * 8 * (e.read_pj_per_bit + e.io_pj_per_bit) +
                          128 * 8 * (e.write_pj_per_bit + e.io_pj_per_bit) +
                          e.active_standby_mw * 1e-3 * active_ps +
                          e.standby_mw * 1e-3 * (2e6 - active_ps);
  REQUIRE(ledger.total_picojoules() == Approx(expected));
  for (const tandem::observe::EnergyEntry& entry : ledger.entries()) {
    REQUIRE(entry.source == e.source);
  }
}
