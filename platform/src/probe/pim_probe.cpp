// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/probe/pim_probe.h"

#include <algorithm>
#include <chrono>

#include "channel_log.h"
#include "pim_work.h"
#include "tandem/memory/command_report.h"

namespace tandem::platform {
namespace {

using memory::Command;
using memory::CommandChannel;
using memory::CommandKind;
using memory::Cycle;

// When results and reads have crossed the data bus.
class Client final : public CommandChannel::Client, public pim::PimChannel::Client {
 public:
  void request_done(std::uint64_t tag, Cycle done) override {
    latencies.add(done - tag);  // the tag is the cycle of its acceptance
    last_read = std::max(last_read, done);
    ++reads;
  }
  void operation_done(std::uint64_t, Cycle done) override {
    last_result = std::max(last_result, done);
  }

  LatencyHistogram latencies;
  Cycle last_result = 0;
  Cycle last_read = 0;
  std::uint64_t reads = 0;
};

// Counts computes, and the time without PIM commands around refreshes.
class PimWatch final : public memory::CommandListener {
 public:
  explicit PimWatch(const memory::ComputeBanks& banks) : banks_(banks) {}

  void on_command(const Command& command) override {
    if (command.kind == CommandKind::kRefresh || command.kind == CommandKind::kRefreshBank) {
      refreshed_ = busy_until_ != 0;
    }
    if (command.kind < CommandKind::kGroupActivate) return;
    if (refreshed_ && command.cycle > busy_until_) stall_cycles += command.cycle - busy_until_;
    refreshed_ = false;
    busy_until_ = command.cycle + 1;
    if (command.kind == CommandKind::kCompute || command.kind == CommandKind::kComputeRead) {
      computes += command.count;
      busy_until_ = command.cycle + Cycle{command.count} * banks_.compute_spacing;
    }
    if (command.kind == CommandKind::kBufferWrite) {
      busy_until_ = command.cycle + banks_.buffer_write_cycles;
    }
  }

  std::uint64_t computes = 0;
  std::uint64_t stall_cycles = 0;

 private:
  const memory::ComputeBanks& banks_;
  Cycle busy_until_ = 0;
  bool refreshed_ = false;
};

// Ordinary reads in the third quarter of the rows; tiles lie below it, vectors above.
class Reads {
 public:
  Reads(const DeviceFile& device, std::uint64_t count)
      : mapping_(device.mapping, 1, device.device.geometry, device.interleave_bytes, device.hash),
        geometry_(device.device.geometry),
        count_(count) {}

  bool left() const { return next_ < count_; }
  CommandChannel::Request take(Cycle now) {
    const std::uint64_t address = next_ * geometry_.burst_bytes() & (mapping_.size_bytes() - 1);
    const memory::Location at = mapping_.decode(address);
    ++next_;
    return {now, mapping_.flat_bank(at), geometry_.rows / 2 + at.row % (geometry_.rows / 4),
            at.column_byte / geometry_.burst_bytes(), false};
  }

 private:
  memory::AddressMapping mapping_;
  const memory::DeviceGeometry& geometry_;
  std::uint64_t count_;
  std::uint64_t next_ = 0;
};

// Returns the number of PIM operations.
std::uint64_t run(CommandChannel& channel, pim::PimChannel& banks, PimWork& work, Reads& reads) {
  std::uint64_t operations = 0;
  for (Cycle now = 0; now != memory::kNoCycle;) {
    if (!work.empty() && banks.accepts()) {
      banks.submit(work.front(), now);
      work.pop();
      ++operations;
    }
    if (reads.left() && channel.accepts(false)) channel.submit(reads.take(now), now);
    channel.tick(now);
    const bool more =
        (!work.empty() && banks.accepts()) || (reads.left() && channel.accepts(false));
    const Cycle next = more ? now + 1 : channel.next();
    now = next == memory::kNoCycle ? next : std::max(next, now + 1);
  }
  return operations;
}

void spend_on_computing(const DeviceFile& device, const CommandChannel& channel,
                        std::uint64_t computes, const pim::CommandSetConfig& config,
                        observe::EnergySink& sink) {
  const PimEnergy& energy = device.pim.energy;
  const CommandChannel::Counters& c = channel.counters();
  const auto spend = [&](const char* component, double picojoules, std::uint64_t count) {
    sink.spend(component, picojoules * static_cast<double>(count), energy.source);
  };
  const std::uint64_t units = device.device.geometry.banks() / config.banks_per_unit;
  spend("pim_activate", energy.group_activate_pj, c.of(CommandKind::kGroupActivate));
  spend("pim_compute", energy.compute_pj, computes);
  spend("pim_mac", energy.mac_pj, computes * units * (config.column_bytes / 2));
  spend("pim_buffer_write", energy.buffer_write_pj, c.of(CommandKind::kBufferWrite));
  spend("pim_result", energy.result_read_pj,
        c.of(CommandKind::kResultRead) + c.of(CommandKind::kComputeRead));
}

double gb_per_s(double bytes, std::uint64_t ps) {
  return ps == 0 ? 0 : bytes * 1e3 / static_cast<double>(ps);
}

}  // namespace

PimProbeResult probe_pim(const DeviceFile& device, const PimProbe& probe) {
  const std::unique_ptr<pim::PimCommandSet> set = command_set_of(device, probe);
  const memory::ComputeBanks& banks = set->banks();
  const auto begin = std::chrono::steady_clock::now();
  Client client;
  CommandChannel channel(device.device, device.controller, client, banks);
  pim::PimChannel pim_channel(set->channel(), channel, client);
  ChannelLog log(device.device, &banks, probe.check, !probe.log.empty());
  log.attach(channel);
  PimWatch watch(banks);
  channel.add_listener(watch);
  PimWork work(*set, probe);
  Reads reads(device, probe.reads);
  const std::uint64_t operations = run(channel, pim_channel, work, reads);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;

  const std::uint64_t tck_ps = device.device.timing.tCK;
  PimProbeResult result;
  result.row_buffer = probe.row_buffer_of(device.pim);
  result.form = probe.commands_of(device.pim);
  result.pim_cycles = client.last_result == 0 ? 0 : client.last_result + 1;
  result.read_cycles = probe.reads == 0 ? 0 : client.last_read + 1;
  result.cycles = std::max(result.pim_cycles, result.read_cycles);
  result.time_ps = result.cycles * tck_ps;
  if (probe.tiles != 0) {
    result.cycles_per_tile =
        static_cast<double>(result.pim_cycles) / static_cast<double>(probe.tiles);
  }
  const double bytes_per_compute = static_cast<double>(device.device.geometry.banks()) /
                                   set->config().banks_per_unit * set->config().column_bytes;
  result.inside_gb_per_s =
      gb_per_s(bytes_per_compute * static_cast<double>(watch.computes), result.pim_cycles * tck_ps);
  result.inside_peak_gb_per_s = gb_per_s(bytes_per_compute, banks.compute_spacing * tck_ps);
  result.read_gb_per_s =
      gb_per_s(static_cast<double>(probe.reads) * device.device.geometry.burst_bytes(),
               result.read_cycles * tck_ps);
  result.read_latency = client.latencies.summary();
  result.compute_cycles = watch.computes * banks.compute_spacing;
  result.refresh_stall_cycles = watch.stall_cycles;
  result.wall_s = elapsed.count();
  if (result.wall_s > 0) {
    result.requests_per_wall_s = static_cast<double>(operations + probe.reads) / result.wall_s;
  }

  channel.catch_up(result.cycles);
  const CommandChannel::Counters& counters = channel.counters();
  result.row_hits = counters.row_hits;
  result.refreshes = counters.of(CommandKind::kRefresh) + counters.of(CommandKind::kRefreshBank);
  for (std::size_t kind = 0; kind < memory::kCommandKinds; ++kind) {
    if (counters.commands[kind] == 0) continue;
    result.commands.emplace_back(memory::kCommandNames[kind], counters.commands[kind]);
  }
  memory::collect_energy(channel, device.device, result.time_ps, result.energy);
  spend_on_computing(device, channel, watch.computes, set->config(), result.energy);
  log.finish(result.cycles);
  if (probe.check) result.violations = log.violations();
  result.violation_report = log.report();
  log.write(probe.log);
  return result;
}

}  // namespace tandem::platform
