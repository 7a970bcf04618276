// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "channel_log.h"
#include "completions.h"
#include "memory_drivers.h"
#include "tandem/memory/command_report.h"
#include "tandem/observe/energy_sum.h"

namespace tandem::platform {
namespace {

using memory::CommandChannel;
using memory::CommandKind;
using memory::Cycle;

// Requests in flight share one pool of tags; a tag is free again when its request's end is known.
class Initiator final : public CommandChannel::Client {
 public:
  std::uint64_t start(Cycle now) {
    if (free_.empty()) {
      free_.push_back(began_.size());
      began_.push_back(0);
    }
    const std::uint64_t tag = free_.back();
    free_.pop_back();
    began_[tag] = now;
    ++in_flight_;
    return tag;
  }
  void request_done(std::uint64_t tag, Cycle done) override {
    latencies.add(done - began_[tag]);
    last = std::max(last, done);
    completions_.add(done);
    free_.push_back(tag);
  }
  void advance(Cycle now) { in_flight_ -= completions_.take_until(now); }
  std::uint64_t in_flight() const { return in_flight_; }
  Cycle next() const { return completions_.next(); }

  LatencyHistogram latencies;
  Cycle last = 0;

 private:
  Completions completions_;
  std::vector<Cycle> began_;  // by tag
  std::vector<std::uint64_t> free_;
  std::uint64_t in_flight_ = 0;
};

// One channel and the requests that wait before it; it takes one per cycle.
class Lane {
 public:
  Lane(const DeviceFile& device, const MemoryProbe& probe, Initiator& initiator)
      : channel_(device.device, device.controller, initiator),
        log_(device.device, nullptr, probe.check, !probe.log.empty()) {
    log_.attach(channel_);
  }

  void add(const CommandChannel::Request& request) { waiting_.push_back(request); }
  void step(Cycle now) {
    if (can_submit()) {
      channel_.submit(waiting_.front(), now);
      waiting_.pop_front();
    }
    const bool was_idle = channel_.idle();
    channel_.tick(now);
    if (!was_idle && channel_.idle()) last_command_ = now;
  }
  Cycle next(Cycle now) const { return can_submit() ? now + 1 : channel_.next(); }
  bool idle() const { return waiting_.empty() && channel_.idle(); }
  Cycle last_command() const { return last_command_; }

  CommandChannel& channel() { return channel_; }
  ChannelLog& log() { return log_; }

 private:
  bool can_submit() const {
    return !waiting_.empty() && channel_.accepts(waiting_.front().is_write);
  }

  CommandChannel channel_;
  ChannelLog log_;
  std::deque<CommandChannel::Request> waiting_;
  Cycle last_command_ = 0;
};

using Lanes = std::vector<std::unique_ptr<Lane>>;

// Runs until every request is done and every write has left its queue. Returns the last cycle.
Cycle run(const DeviceFile& device, const MemoryProbe& probe, const memory::AddressMapping& mapping,
          Initiator& initiator, const Lanes& lanes) {
  AddressStream stream(probe.pattern, mapping, device.device.geometry, probe.seed);
  const unsigned burst_bytes = device.device.geometry.burst_bytes();
  const unsigned limit = probe.in_flight();
  std::uint64_t started = 0;
  bool writes = false;
  for (Cycle now = 0; now != memory::kNoCycle;) {
    // 1. The initiator keeps its requests in flight.
    initiator.advance(now);
    for (; started < probe.requests && initiator.in_flight() < limit; ++started) {
      const AddressStream::Access access = stream.next();
      const memory::Location at = mapping.decode(access.address);
      lanes[at.channel]->add({initiator.start(now), mapping.flat_bank(at), at.row,
                              at.column_byte / burst_bytes, access.is_write});
      writes |= access.is_write;
    }
    // 2. The channels work.
    Cycle next = memory::kNoCycle;
    for (const auto& lane : lanes) {
      lane->step(now);
      next = std::min(next, lane->next(now));
    }
    // 3. When does anything happen again?
    next = std::min(next, initiator.next());
    now = next == memory::kNoCycle ? next : std::max(next, now + 1);
  }
  Cycle end = initiator.last;
  if (!writes) return end;
  const memory::CycleTiming& t = lanes.front()->channel().timing().cycles();
  for (const auto& lane : lanes) end = std::max(end, lane->last_command() + t.CWL + t.burst);
  return end;
}

void add_counts(const CommandChannel::Counters& counters,
                std::array<std::uint64_t, memory::kCommandKinds>& commands,
                MemoryProbeResult& result) {
  for (std::size_t kind = 0; kind < commands.size(); ++kind) {
    commands[kind] += counters.commands[kind];
  }
  result.row_hits += counters.row_hits;
  result.forwarded += counters.forwarded;
  result.merged += counters.merged_writes;
  result.refreshes += counters.of(CommandKind::kRefresh) + counters.of(CommandKind::kRefreshBank);
}

}  // namespace

void drive_commands(const DeviceFile& device, const MemoryProbe& probe,
                    const memory::AddressMapping& mapping, MemoryProbeResult& result) {
  Initiator initiator;
  Lanes lanes;
  for (unsigned i = 0; i < probe.channels; ++i) {
    lanes.push_back(std::make_unique<Lane>(device, probe, initiator));
  }
  const Cycle end = run(device, probe, mapping, initiator, lanes);

  result.cycles = end + 1;
  result.time_ps = result.cycles * device.device.timing.tCK;
  result.latency = initiator.latencies.summary();
  observe::EnergySum energy;
  std::array<std::uint64_t, memory::kCommandKinds> commands{};
  if (probe.check) result.violations = 0;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    CommandChannel& channel = lanes[i]->channel();
    channel.catch_up(result.cycles);
    add_counts(channel.counters(), commands, result);
    memory::collect_energy(channel, device.device, result.time_ps, energy);
    ChannelLog& log = lanes[i]->log();
    log.finish(result.cycles);
    if (probe.check) *result.violations += log.violations();
    result.violation_report += log.report();
    std::filesystem::path file = probe.log;
    if (lanes.size() > 1) file += "." + std::to_string(i);
    log.write(file);
  }
  for (std::size_t kind = 0; kind < commands.size(); ++kind) {
    if (commands[kind] == 0) continue;
    result.commands.emplace_back(memory::kCommandNames[kind], commands[kind]);
  }
  energy.pour(result.energy);
}

}  // namespace tandem::platform
