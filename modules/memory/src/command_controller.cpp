// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/command_controller.h"

#include <algorithm>

namespace tandem::memory {

// One channel and the accesses that wait for room in its queues.
struct CommandController::Lane final : CommandChannel::Client {
  Lane(CommandController& controller, unsigned number, const DeviceConfig& device,
       const ControllerConfig& config, const ComputeBanks& compute)
      : owner(controller), index(number), channel(device, config, *this, compute) {}

  void request_done(std::uint64_t tag, Cycle done) override {
    owner.burst_done(*this, static_cast<std::uint32_t>(tag), done);
  }

  CommandController& owner;
  unsigned index;
  CommandChannel channel;
  std::deque<Piece> reads;
  std::deque<Piece> writes;
  Cycle now = 0;  // first cycle that has not been run

  void archive(common::Archive& archive) { archive(channel, reads, writes, now); }
};

CommandController::CommandController(const sc_core::sc_module_name& name,
                                     const DeviceConfig& device, const ControllerConfig& controller,
                                     const ComputeBanks& compute, const AddressMapping& mapping,
                                     Listener& listener)
    : sc_module(name),
      mapping_(mapping),
      listener_(listener),
      tck_ps_(device.timing.tCK),
      burst_bytes_(device.geometry.burst_bytes()) {
  for (unsigned i = 0; i < mapping.channels(); ++i) {
    lanes_.push_back(std::make_unique<Lane>(*this, i, device, controller, compute));
  }
}

CommandController::~CommandController() = default;

CommandChannel& CommandController::channel(unsigned index) {
  return lanes_[index]->channel;
}
const CommandChannel& CommandController::channel(unsigned index) const {
  return lanes_[index]->channel;
}

Cycle CommandController::cycle_at(unsigned channel, std::uint64_t time_ps) const {
  return std::max((time_ps + tck_ps_ - 1) / tck_ps_, lanes_[channel]->now);
}

std::uint32_t CommandController::take_access() {
  if (free_.empty()) {
    accesses_.emplace_back();
    return static_cast<std::uint32_t>(accesses_.size() - 1);
  }
  const std::uint32_t access = free_.back();
  free_.pop_back();
  return access;
}

std::uint32_t CommandController::begin(std::uint64_t address, std::uint64_t bytes, bool is_write,
                                       std::uint64_t arrival_ps) {
  const std::uint32_t id = take_access();
  std::uint64_t bursts = 0;
  const std::uint64_t granule = mapping_.interleave_bytes();
  for (std::uint64_t at = address; at < address + bytes;) {
    const std::uint64_t end = std::min((at / granule + 1) * granule, address + bytes);
    const Location location = mapping_.decode(at);
    Lane& lane = *lanes_[location.channel];
    const std::uint32_t first = location.column_byte / burst_bytes_;
    const std::uint64_t last = (location.column_byte + (end - at) - 1) / burst_bytes_;
    const auto count = static_cast<std::uint32_t>(last - first + 1);
    (is_write ? lane.writes : lane.reads)
        .push_back({cycle_at(location.channel, arrival_ps), id, location.row, first, count,
                    static_cast<std::uint8_t>(mapping_.flat_bank(location))});
    bursts += count;
    at = end;
  }
  accesses_[id] = {bursts, 0, is_write, false};
  arm();
  return id;
}

std::uint64_t CommandController::finish(std::uint32_t access) {
  accesses_[access].finishing = true;
  run_ahead([&] { return accesses_[access].bursts == 0; });
  free_.push_back(access);
  return accesses_[access].last * tck_ps_;
}

void CommandController::burst_done(Lane& lane, std::uint32_t id, Cycle done) {
  Access& access = accesses_[id];
  access.last = std::max(access.last, done);
  const Cycle burst = lane.channel.timing().cycles().burst;
  if (!access.is_write) {
    listener_.data_moved(lane.index, false, (done - burst) * tck_ps_, done * tck_ps_);
  }
  if (--access.bursts > 0 || access.finishing) return;
  free_.push_back(id);
  listener_.access_done(id, access.last * tck_ps_);
}

void CommandController::feed(Lane& lane, Cycle now) {
  for (std::deque<Piece>* pieces : {&lane.reads, &lane.writes}) {
    const bool is_write = pieces == &lane.writes;
    while (!pieces->empty() && pieces->front().arrival <= now && lane.channel.accepts(is_write)) {
      Piece& piece = pieces->front();
      const CommandChannel::Request request{piece.access, piece.bank, piece.row, piece.column++,
                                            is_write};
      const bool last = --piece.bursts == 0;
      if (last) pieces->pop_front();
      lane.channel.submit(request, now);
    }
  }
}

Cycle CommandController::next_of(const Lane& lane) const {
  Cycle next = lane.channel.next();
  if (!lane.reads.empty() && lane.channel.accepts(false)) {
    next = std::min(next, lane.reads.front().arrival);
  }
  if (!lane.writes.empty() && lane.channel.accepts(true)) {
    next = std::min(next, lane.writes.front().arrival);
  }
  return next == kNoCycle ? kNoCycle : std::max(next, lane.now);
}

void CommandController::step(Lane& lane, Cycle now) {
  feed(lane, now);
  lane.channel.tick(now);
  lane.now = now + 1;
}

bool CommandController::step_earliest() {
  Lane* earliest = nullptr;
  Cycle cycle = kNoCycle;
  for (const auto& lane : lanes_) {
    const Cycle next = next_of(*lane);
    if (next >= cycle) continue;
    cycle = next;
    earliest = lane.get();
  }
  if (earliest == nullptr) return false;
  step(*earliest, cycle);
  return true;
}

void CommandController::run() {
  armed_ = kNoCycle;
  const Cycle now = common::now_ps() / tck_ps_;
  for (const auto& lane : lanes_) {
    for (Cycle next = next_of(*lane); next <= now; next = next_of(*lane)) step(*lane, next);
  }
  arm();
}

void CommandController::arm() {
  Cycle next = kNoCycle;
  for (const auto& lane : lanes_) next = std::min(next, next_of(*lane));
  if (next >= armed_) return;
  armed_ = next;
  due_.set(next * tck_ps_);
}

void CommandController::wake(unsigned) {
  arm();
}

void CommandController::catch_up(std::uint64_t time_ps) {
  for (const auto& lane : lanes_) lane->channel.catch_up(time_ps / tck_ps_);
}

void CommandController::archive(common::Archive& archive) {
  for (const auto& lane : lanes_) archive(*lane);
  archive(accesses_, free_);
  if (!archive.loading()) return;
  armed_ = kNoCycle;
  arm();
}

void CommandController::reset() {
  due_.cancel();
  armed_ = kNoCycle;
  accesses_.clear();
  free_.clear();
  const Cycle now = common::now_ps() / tck_ps_;
  for (const auto& lane : lanes_) {
    lane->reads.clear();
    lane->writes.clear();
    lane->now = std::max(lane->now, now);
    lane->channel.reset(lane->now);
  }
}

}  // namespace tandem::memory
