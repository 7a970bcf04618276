// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <queue>

#include "memory_drivers.h"
#include "tandem/memory/channel.h"
#include "tandem/observe/energy_sum.h"

namespace tandem::platform {
namespace {

using memory::Channel;

class InFlight {
 public:
  explicit InFlight(std::size_t limit) : limit_(limit) {}
  // The earliest time, not before `now_ps`, at which another request may begin.
  std::uint64_t admit(std::uint64_t now_ps) {
    while (!ends_.empty() && (ends_.top() <= now_ps || ends_.size() >= limit_)) {
      now_ps = std::max(now_ps, ends_.top());
      ends_.pop();
    }
    return now_ps;
  }
  void add(std::uint64_t end_ps) { ends_.push(end_ps); }

 private:
  std::size_t limit_;
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> ends_;
};

struct Totals {
  std::uint64_t runs = 0, hits = 0, activates = 0, reads = 0, writes = 0;
};

void add_counts(const Channel& channel, Totals& totals, MemoryProbeResult& result) {
  const Channel::Counters& c = channel.counters();
  totals.runs += c.row_hits + c.row_misses + c.row_conflicts;
  totals.activates += c.activates;
  totals.reads += c.read_bursts;
  totals.writes += c.write_bursts;
  result.row_hits += c.row_hits;
  result.forwarded += c.forwarded;
  result.merged += c.merged_writes;
  result.refreshes += channel.refreshes(result.time_ps);
}

}  // namespace

void drive_transactions(const DeviceFile& device, const MemoryProbe& probe,
                        const memory::AddressMapping& mapping, MemoryProbeResult& result) {
  const memory::DeviceGeometry& geometry = device.device.geometry;
  const std::uint64_t tck_ps = device.device.timing.tCK;
  AddressStream stream(probe.pattern, mapping, geometry, probe.seed);
  std::vector<Channel> channels(probe.channels, Channel(device.device, device.controller));
  InFlight in_flight(probe.in_flight());
  LatencyHistogram latencies;
  std::uint64_t now_ps = 0;
  std::uint64_t last_ps = 0;
  for (std::uint64_t i = 0; i < probe.requests; ++i) {
    const AddressStream::Access access = stream.next();
    const memory::Location at = mapping.decode(access.address);
    now_ps = in_flight.admit(now_ps);
    const memory::Interval interval =
        channels[at.channel].reserve(mapping.flat_bank(at), at.row, at.column_byte,
                                     geometry.burst_bytes(), access.is_write, now_ps);
    in_flight.add(interval.end_ps);
    latencies.add((interval.end_ps - now_ps + tck_ps - 1) / tck_ps);
    last_ps = std::max(last_ps, interval.end_ps);
  }
  for (Channel& channel : channels) last_ps = std::max(last_ps, channel.finish_writes());

  result.cycles = last_ps / tck_ps + 1;
  result.time_ps = result.cycles * tck_ps;
  result.latency = latencies.summary();
  Totals totals;
  observe::EnergySum energy;
  for (const Channel& channel : channels) {
    add_counts(channel, totals, result);
    channel.collect_energy(energy, result.time_ps);
  }
  const bool per_bank = device.controller.refresh == memory::RefreshMode::kPerBank;
  for (const auto& [name, count] : NamedCounts{{"ACT", totals.activates},
                                               {"RD", totals.reads},
                                               {"WR", totals.writes},
                                               {per_bank ? "REFPB" : "REF", result.refreshes}}) {
    if (count != 0) result.commands.emplace_back(name, count);
  }
  energy.pour(result.energy);
}

}  // namespace tandem::platform
