// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/channel.h"

#include <algorithm>

namespace tandem::memory {
namespace {

constexpr unsigned kPiece = 8;  // bursts of a run that are taken to move together

unsigned log2_of(std::uint64_t power_of_two) {
  unsigned bits = 0;
  while ((std::uint64_t{1} << bits) < power_of_two) ++bits;
  return bits;
}

unsigned at_most(std::uint64_t value, unsigned limit) {
  return static_cast<unsigned>(std::min<std::uint64_t>(value, limit));
}

}  // namespace

Channel::Channel(const DeviceConfig& device, const ControllerConfig& controller)
    : device_(device),
      controller_(controller),
      t_(device),
      burst_shift_(log2_of(device.geometry.burst_bytes())),
      group_shift_(log2_of(device.geometry.banks_per_group)),
      rank_shift_(log2_of(device.geometry.banks_per_rank())),
      per_bank_refresh_(controller.refresh == RefreshMode::kPerBank),
      per_bank_queues_(controller.queues == CommandQueues::kPerBank),
      shared_commands_(!device.geometry.separate_command_buses),
      pace_(std::max(t_.burst, t_.CCD_L)),
      schedule_(per_bank_refresh_ ? device.geometry.banks() : device.geometry.ranks, t_.REFI),
      read_slots_(controller.read_queue),
      write_slots_(controller.write_queue) {
  reset(0);
}

void Channel::reset(std::uint64_t time_ps) {
  const Cycle now = to_cycles(time_ps);
  refreshes_before_epoch_ += schedule_.count(now);
  schedule_.reset(now);
  const DeviceGeometry& g = device_.geometry;
  for (RankState& rank : ranks_) {
    open_cycles_before_ += rank.open_cycles;
    if (rank.open_since < now) {
      open_cycles_before_ += std::min(rank.open_until, now) - rank.open_since;
    }
  }
  banks_.assign(g.banks(), Bank{});
  ranks_.assign(g.ranks, RankState{});
  groups_.assign(std::size_t{g.ranks} * g.bank_groups, Group{});
  queues_.assign(per_bank_queues_ ? g.banks() : g.ranks, QueueSlots(controller_.command_queue));
  refreshed_.assign(per_bank_refresh_ ? g.banks() : g.ranks, Refreshed{});
  bus_.clear();
  commands_.clear();
  read_slots_.clear();
  write_slots_.clear();
  buffer_.clear();
  buffered_ = 0;
  over_low_since_ = drain_until_ = head_of_line_ = next_transfer_ = 0;
  last_column_ = last_read_ = last_write_ = last_activity_ = wck_until_ = 0;
  waiting_writes_.clear();
}

// --- Refresh ---------------------------------------------------------------------------------

// `cycle`, or the end of the refresh of `target` that it falls into.
Cycle Channel::after_refresh(unsigned target, Cycle cycle) {
  if (!schedule_.enabled() || cycle < schedule_.first(target)) return cycle;
  Refreshed& r = refreshed_[target];
  if (r.until != 0 && cycle >= r.previous_due && cycle < r.due) {
    return std::max(cycle, r.previous_until);
  }
  const Cycle period = schedule_.period();
  if (r.until == 0 || cycle >= r.due + period) {
    const Cycle due = schedule_.next(target, cycle) - period;
    const bool next = r.until != 0 && due == r.due + period;
    r.previous_due = next ? r.due : due;
    r.previous_until = next ? r.until : due;
    r.due = due;
    r.until = refresh_end(target, due);
  }
  return cycle < r.due ? cycle : std::max(cycle, r.until);
}

// Banks that are open are shut one per cycle, then refreshed.
Cycle Channel::refresh_end(unsigned target, Cycle due) const {
  const unsigned banks = per_bank_refresh_ ? 1 : 1u << rank_shift_;
  Cycle open = 0;
  Cycle shut = due;
  for (unsigned i = 0; i < banks; ++i) {
    const Bank& bank = banks_[std::size_t{target} * banks + i];
    for (unsigned s = 0; s < bank.count; ++s) {
      const Session& session = bank.sessions[s];
      const bool stays_open = controller_.page == PagePolicy::kOpen;
      if (session.closes != due || (!stays_open && session.precharge_ready <= due) ||
          session.precharge < due) {
        continue;
      }
      ++open;
      shut = std::max(shut, session.precharge_ready);
    }
  }
  if (open != 0) shut = std::max(shut, due + (open - 1) * std::max<Cycle>(1, t_.PPD)) + t_.RP;
  return shut + (per_bank_refresh_ ? t_.RFCpb : t_.RFC);
}

// --- Queues ----------------------------------------------------------------------------------

Interval Channel::reserve(unsigned bank, unsigned row, unsigned column_byte, std::uint64_t bytes,
                          bool is_write, std::uint64_t earliest_ps) {
  const std::uint64_t burst_mask = (std::uint64_t{1} << burst_shift_) - 1;
  const Run run{bank, row, column_byte >> burst_shift_,
                ((column_byte & burst_mask) + bytes + burst_mask) >> burst_shift_, is_write};
  (is_write ? counters_.write_bytes : counters_.read_bytes) += bytes;
  Cycle at = std::max(to_cycles(earliest_ps), head_of_line_);
  commands_.forget(at);
  settle_writes(at);
  if (buffered_ != 0 && holds(run)) {
    ++(is_write ? counters_.merged_writes : counters_.forwarded);
    return {at * t_.tck_ps, (at + 1) * t_.tck_ps};
  }
  if (is_write) {
    const Cycle accepted = write(run, at);
    return {at * t_.tck_ps, (accepted + 1) * t_.tck_ps};
  }
  const Columns columns = read(run, at);
  return {(columns.first + t_.CL) * t_.tck_ps,
          (columns.last + columns.told_later + t_.CL + t_.burst) * t_.tck_ps};
}

Channel::Columns Channel::read(const Run& run, Cycle at) {
  const Cycle admitted = read_slots_.admit(at);
  if (admitted > at) head_of_line_ = admitted;
  const Cycle offered = std::max(admitted, drain_until_);
  const Cycle entered = enter(run, offered);
  if (!waiting_writes_.empty() &&
      expected_column(run, entered + 1) > last_read_ + t_.read_to_write()) {
    serve_writes();
  }
  Columns columns{};
  transfer(run, offered, entered, read_slots_, columns);
  return columns;
}

// The column command of a read, if nobody else wanted the bus.
Cycle Channel::expected_column(const Run& run, Cycle ready) const {
  const Bank& bank = banks_[run.bank];
  if (bank.count != 0) {
    const Session& s = bank.sessions[bank.count - 1];
    if (s.row == run.row && ready < s.closes) {
      return std::max({ready, s.activate + t_.RCDRD, s.last_column + pace_});
    }
  }
  const ActivateSlots& activates = ranks_[rank_of(run.bank)].activates;
  return activates.find(precharged(bank, run, ready), group_of(run.bank), t_) + t_.RCDRD;
}

// When a run gets its command queue, one burst per cycle.
Cycle Channel::enter(const Run& run, Cycle at) {
  QueueSlots& queue = queue_of(run.bank);
  const Cycle offered = std::max(at, next_transfer_);
  // Writes that wait for the bus leave only when it turns.
  if (queue.held_up()) serve_writes();
  const Cycle entered = queue.admit(offered);
  if (entered == offered) next_transfer_ = offered + at_most(run.bursts, kPiece);
  return entered;
}

// Serves a run that has its command queue. Its last burst leaves `waiting` at the time returned.
Cycle Channel::transfer(const Run& run, Cycle at, Cycle entered, QueueSlots& waiting,
                        Columns& columns) {
  columns = place(run, entered + 1);
  queue_of(run.bank).take(columns.last, at_most(run.bursts, controller_.command_queue));
  if (run.bursts == 1) {
    if (entered > at) waiting.take(entered, 1);
    return entered;
  }
  // Burst k enters when burst k - command_queue has been served.
  const std::uint64_t capacity = controller_.command_queue;
  const Cycle served = columns.last - columns.first;
  Cycle left = entered;
  std::uint64_t k = run.bursts > 4 * kPiece ? run.bursts - 4 * kPiece : 0;
  while (k < run.bursts) {
    const std::uint64_t count = std::min<std::uint64_t>(kPiece, run.bursts - k);
    k += count;
    left = entered + k - 1;
    if (k > capacity) {
      left = std::max(left, columns.first + served * (k - 1 - capacity) / (run.bursts - 1));
    }
    waiting.take(left, static_cast<unsigned>(count));
  }
  return left;
}

// Returns when the write buffer has taken the last burst.
Cycle Channel::write(const Run& run, Cycle at) {
  Run piece = run;
  std::uint64_t left = run.bursts;
  counters_.write_bursts += run.bursts;
  while (left > 0) {
    const unsigned buffered = static_cast<unsigned>(buffered_);
    piece.bursts = at_most(left, controller_.write_queue - buffered);
    const Cycle slot = write_slots_.admit(at, static_cast<unsigned>(piece.bursts), buffered);
    if (slot > at) head_of_line_ = at = slot;
    buffer_.push_back(piece);
    const bool was_low = buffered_ <= controller_.write_low;
    buffered_ += piece.bursts;
    left -= piece.bursts;
    piece.column += static_cast<std::uint32_t>(piece.bursts);
    if (was_low && buffered_ > controller_.write_low) over_low_since_ = at;
    last_activity_ = std::max(last_activity_, at);
    if (buffered_ >= controller_.write_queue) drain(at);
  }
  settle_writes(at);
  return at;
}

// Does what would have been done by `now`: writes in the command queues get the bus when the reads
// leave it for long enough; the buffer is drained when it holds much and no command is queued, or
// after a pause.
void Channel::settle_writes(Cycle now) {
  if (!waiting_writes_.empty() && last_read_ + t_.read_to_write() <= now) serve_writes();
  if (buffered_ == 0 || !waiting_writes_.empty()) return;
  const Cycle quiet = last_column_ + 1;
  if (buffered_ > controller_.write_low) {
    const Cycle begin = std::max({quiet, over_low_since_, drain_until_});
    if (begin <= now) drain(begin);
  } else if (std::max(quiet, last_activity_) + controller_.write_idle <= now) {
    drain(std::max(quiet, last_activity_) + controller_.write_idle);
  }
}

// Moves the buffer's writes into the command queues. They wait there for as long as reads keep the
// bus.
void Channel::drain(Cycle at) {
  const Cycle begin = std::max(at, drain_until_);
  for (const Run& run : buffer_) {
    if (run.bursts > controller_.command_queue) {
      serve_writes();
      Columns columns{};
      const Cycle entered = enter(run, begin);
      drain_until_ = std::max(drain_until_, transfer(run, begin, entered, write_slots_, columns));
      continue;
    }
    const Cycle entered = enter(run, begin);
    const Cycle left = entered + run.bursts - 1;
    drain_until_ = std::max(drain_until_, left);
    write_slots_.take(left, static_cast<unsigned>(run.bursts));
    queue_of(run.bank).hold(static_cast<unsigned>(run.bursts));
    waiting_writes_.push_back({run, entered + 1});
  }
  ++counters_.drains;
  buffer_.clear();
  buffered_ = 0;
  if (last_write_ >= last_read_ || last_read_ + t_.read_to_write() <= begin) serve_writes();
}

std::uint64_t Channel::finish_writes() {
  if (buffered_ != 0) drain(std::max(last_column_, last_activity_));
  serve_writes();
  return last_drain_.end_ps;
}

void Channel::serve_writes() {
  Cycle begin = kNoCycle, end = 0;
  for (const WaitingWrite& write : waiting_writes_) {
    const unsigned slots = static_cast<unsigned>(write.run.bursts);
    QueueSlots& queue = queue_of(write.run.bank);
    const Columns columns = place(write.run, write.ready);
    queue.release(slots);
    queue.take(columns.last, slots);
    begin = std::min(begin, columns.first);
    end = std::max(end, columns.last);
  }
  if (waiting_writes_.empty()) return;
  waiting_writes_.clear();
  last_drain_ = {(begin + t_.CWL) * t_.tck_ps, (end + t_.CWL + t_.burst) * t_.tck_ps};
}

// Whether a queued write holds all of the run.
bool Channel::holds(const Run& run) const {
  return std::any_of(buffer_.begin(), buffer_.end(), [&run](const Run& other) {
    return other.bank == run.bank && other.row == run.row && other.column <= run.column &&
           run.column + run.bursts <= other.column + other.bursts;
  });
}

// --- Banks -----------------------------------------------------------------------------------

// Column commands of a run that is in its command queue and may be looked at from `ready` on.
Channel::Columns Channel::place(const Run& run, Cycle ready) {
  if (controller_.scheduling == Scheduling::kFcfs) ready = std::max(ready, last_column_ + 1);
  Columns columns{kNoCycle, 0, 0};
  std::uint64_t left = run.bursts;
  bool hit = true;
  while (left > 0) {
    if (join(run, ready, columns, left)) continue;
    if (hit) count_miss(run, ready);
    hit = false;
    open(run, ready, columns, left);
  }
  if (hit) ++counters_.row_hits;
  const std::uint64_t busy_ps = run.bursts * device_.geometry.burst_ps();
  counters_.busy_ps += busy_ps;
  if (!run.is_write) counters_.read_bursts += run.bursts;
  last_column_ = std::max(last_column_, columns.last);
  Cycle& last = run.is_write ? last_write_ : last_read_;
  last = std::max(last, columns.last);
  last_activity_ = std::max(last_activity_, columns.last);
  return columns;
}

void Channel::count_miss(const Run& run, Cycle ready) {
  const Bank& bank = banks_[run.bank];
  const bool open = bank.count != 0 && controller_.page == PagePolicy::kOpen &&
                    ready < bank.sessions[bank.count - 1].closes;
  ++(open ? counters_.row_conflicts : counters_.row_misses);
}

// Columns in a stay of the run's row that it is in time for, the first one first.
bool Channel::join(const Run& run, Cycle ready, Columns& columns, std::uint64_t& left) {
  const Bank& bank = banks_[run.bank];
  const bool closed = controller_.page == PagePolicy::kClosed;
  for (unsigned i = 0; i < bank.count; ++i) {
    const Session& s = bank.sessions[i];
    if (s.row != run.row || ready >= s.closes || (closed && ready > s.last_column)) continue;
    const Cycle opened = s.activate + (run.is_write ? t_.RCDWR : t_.RCDRD);
    const Cycle from = std::max({ready, opened, s.last_column + pace_});
    if (i + 1 < bank.count) {
      if (overtake(run, i, ready, from, columns)) return left = 0, true;
      continue;
    }
    const Slot slot = find_columns(run, ready, from, left);
    if (slot.begin >= s.closes) continue;
    take_columns(run, i, slot, columns, left);
    return true;
  }
  return false;
}

// The run overtakes those that wait for another row, as long as its row is open and it comes
// before the row may be closed. They have been told their time: what they lose is added to the
// time of the one that they lose it to.
bool Channel::overtake(const Run& run, unsigned index, Cycle ready, Cycle from, Columns& columns) {
  if (controller_.scheduling != Scheduling::kFrFcfs) return false;
  Bank& bank = banks_[run.bank];
  Session& s = bank.sessions[index];
  if (ready > s.precharge) return false;
  if (s.columns >= controller_.row_hit_cap && from >= s.precharge) return false;
  const Cycle last = from + (run.bursts - 1) * pace_;
  if (last >= s.closes) return false;
  const Cycle data = latency(run.is_write);
  Cycle on_bus = 0;
  for (std::uint64_t more = run.bursts; more > 0;) {
    Slot slot = find_slot(run, from, more);
    const Cycle open = after_refresh(target_of(run.bank), slot.begin);
    if (open != slot.begin) slot = find_slot(run, open, more);
    claim(run, slot);
    more -= slot.bursts;
    on_bus = slot.begin + (slot.bursts - 1) * t_.burst;
  }
  if (run.is_write) {
    Group& group = groups_[group_of(run.bank)];
    group.write_end = std::max(group.write_end, last + data + t_.burst);
  }
  s.columns += run.bursts;
  s.last_column = last;
  s.precharge_ready =
      std::max(s.precharge_ready, run.is_write ? last + data + t_.burst + t_.WR : last + t_.RTP_L);
  const Cycle delay = s.precharge_ready > s.precharge ? s.precharge_ready - s.precharge : 0;
  if (delay != 0 && per_bank_queues_) queues_[run.bank].delay(s.precharge, delay);
  s.precharge += delay;
  bank.activate_ready += delay;
  Cycle lost = 0;
  for (unsigned i = index + 1; i < bank.count; ++i) {
    Session& later = bank.sessions[i];
    lost += delay * later.columns;
    later.activate += delay;
    later.last_column += delay;
    later.precharge_ready += delay;
    if (later.precharge != kNoCycle) later.precharge += delay;
  }
  columns.first = std::min(columns.first, from);
  columns.last = std::max(columns.last, last);
  columns.told_later += std::max(lost, on_bus > last ? on_bus - last : 0);
  return true;
}

// When the row that is open in the bank is shut for a run that comes at `ready`.
Cycle Channel::precharge_of(const Bank& bank, Cycle ready) const {
  const Session& s = bank.sessions[bank.count - 1];
  if (controller_.page == PagePolicy::kClosed) return s.precharge_ready;  // with its last column
  return commands_.find(std::max(ready, s.precharge_ready));
}

// When the bank can be activated for the run.
Cycle Channel::precharged(const Bank& bank, const Run& run, Cycle ready) const {
  const Cycle from = std::max(ready, bank.activate_ready);
  if (bank.count == 0) return from;
  const Session& s = bank.sessions[bank.count - 1];
  // Its own row, which the refresh will have closed by then.
  if (s.row == run.row && ready < s.closes && controller_.page == PagePolicy::kOpen) {
    return std::max(from, s.closes);
  }
  const Cycle precharge = precharge_of(bank, ready);
  return precharge < s.closes ? std::max(from, precharge + t_.RP) : from;
}

// Opens the run's row and takes columns in it.
void Channel::open(const Run& run, Cycle ready, Columns& columns, std::uint64_t& left) {
  Bank& bank = banks_[run.bank];
  RankState& rank = ranks_[rank_of(run.bank)];
  const unsigned group = group_of(run.bank);
  const unsigned target = target_of(run.bank);
  const Cycle to_column = run.is_write ? t_.RCDWR : t_.RCDRD;
  Cycle from = precharged(bank, run, ready);
  Cycle activate = 0, closes = 0;
  Slot slot{};
  for (;;) {
    from = after_refresh(target, from);
    activate = commands_.find(rank.activates.find(from, group, t_));
    closes = schedule_.next(target, activate);
    if (after_refresh(target, activate) != activate ||
        rank.activates.find(activate, group, t_) != activate) {
      from = activate;
      continue;
    }
    slot = find_columns(run, activate + 1, activate + to_column, left);
    if (slot.begin < closes) break;
    from = closes;
  }
  columns.told_later += rank.activates.take(activate, group, t_);
  commands_.take(activate);
  ++counters_.activates;
  if (bank.count == kSessions) {
    std::move(bank.sessions.begin() + 1, bank.sessions.end(), bank.sessions.begin());
    --bank.count;
  }
  if (bank.count != 0) {
    Session& before = bank.sessions[bank.count - 1];
    before.precharge = std::min(before.closes, precharge_of(bank, ready));
    if (controller_.page == PagePolicy::kOpen && before.precharge < before.closes) {
      commands_.take(before.precharge);
    }
  }
  bank.sessions[bank.count++] = {run.row, 0, activate, 0, activate + t_.RAS, kNoCycle, closes};
  bank.activate_ready = activate + t_.RC;
  take_columns(run, bank.count - 1, slot, columns, left);
  const Session& session = bank.sessions[bank.count - 1];
  const bool stays_open = controller_.page == PagePolicy::kOpen;
  mark_open(rank, activate, stays_open ? closes : std::min(closes, session.precharge_ready));
}

// A place for column commands in the group and on the bus. `ready`: from when WCK may be started.
Channel::Slot Channel::find_columns(const Run& run, Cycle ready, Cycle from,
                                    std::uint64_t bursts) const {
  Slot slot = find_slot(run, from, bursts);
  if (!run.is_write) {
    const Cycle write_end = groups_[group_of(run.bank)].write_end;
    if (slot.begin + t_.CL >= write_end && slot.begin < write_end + t_.WTR_L) {
      slot = find_slot(run, write_end + t_.WTR_L, bursts);
    }
  }
  if (t_.WCKSYNC != 0 && slot.begin > wck_until_ && slot.begin < ready + t_.WCKSYNC) {
    slot = find_slot(run, ready + t_.WCKSYNC, bursts);
  }
  return slot;
}

Channel::Slot Channel::find_slot(const Run& run, Cycle from, std::uint64_t bursts) const {
  const DataBus::User user{rank_of(run.bank), run.is_write};
  const Cycle data = latency(run.is_write);
  const bool paced = pace_ > t_.burst;
  const GroupPace& pace = groups_[group_of(run.bank)].pace;
  for (;;) {
    // A single burst has its place in the group. The data of longer runs are charged to the bus
    // without holes, from the time at which the group could have begun: bursts of other groups go
    // between them.
    const Cycle since = paced ? pace.find(from, bursts * pace_) : from;
    const DataBus::Slot slot = bus_.find(user, since + data, bursts, t_);
    const Cycle column = slot.begin - data;
    const Cycle command = shared_commands_ ? commands_.find(column) : column;
    const bool fits = !paced || bursts > 1 || column == since;
    if (command == column && fits) return {column, paced ? since : column, slot.bursts};
    from = command;
  }
}

void Channel::claim(const Run& run, const Slot& slot) {
  const DataBus::User user{rank_of(run.bank), run.is_write};
  bus_.take(user, {slot.begin + latency(run.is_write), slot.bursts}, t_);
  if (pace_ > t_.burst) groups_[group_of(run.bank)].pace.take(slot.since, slot.bursts * pace_);
  if (shared_commands_) commands_.take(slot.begin);
}

void Channel::take_columns(const Run& run, unsigned index, Slot slot, Columns& columns,
                           std::uint64_t& left) {
  Bank& bank = banks_[run.bank];
  Session& s = bank.sessions[index];
  Group& group = groups_[group_of(run.bank)];
  const std::uint64_t fit =
      std::min((s.closes - slot.begin + t_.burst - 1) / t_.burst,
               slot.since < s.closes ? (s.closes - slot.since + pace_ - 1) / pace_ : 1);
  const std::uint64_t bursts = std::min(slot.bursts, std::max<std::uint64_t>(1, fit));
  const Cycle data = latency(run.is_write);
  slot.bursts = bursts;
  claim(run, slot);
  const Cycle last =
      std::max(slot.begin + (bursts - 1) * t_.burst, slot.since + (bursts - 1) * pace_);
  const Cycle data_end = last + data + t_.burst;
  if (run.is_write) group.write_end = std::max(group.write_end, data_end);
  wck_until_ = std::max(wck_until_, data_end + t_.WCKIDLE);
  columns.first = std::min(columns.first, slot.begin);
  columns.last = std::max(columns.last, last);
  left -= bursts;

  s.columns += bursts;
  s.last_column = std::max(s.last_column, last);
  const Cycle precharge = run.is_write ? data_end + t_.WR : last + t_.RTP_L;
  s.precharge_ready = std::max(s.precharge_ready, precharge);
}

void Channel::mark_open(RankState& rank, Cycle from, Cycle until) {
  if (from > rank.open_until) {
    rank.open_cycles += rank.open_until - rank.open_since;
    rank.open_since = from;
    rank.open_until = until;
  }
  rank.open_until = std::max(rank.open_until, until);
}

// --- Bus and banks for computation -----------------------------------------------------------

Interval Channel::reserve_bus(std::uint64_t bytes, bool is_write, std::uint64_t earliest_ps) {
  const std::uint64_t burst_mask = (std::uint64_t{1} << burst_shift_) - 1;
  std::uint64_t left = (bytes + burst_mask) >> burst_shift_;
  (is_write ? counters_.write_bytes : counters_.read_bytes) += bytes;
  (is_write ? counters_.write_bursts : counters_.read_bursts) += left;
  counters_.busy_ps += left * device_.geometry.burst_ps();
  // To the data bus it is a rank of its own, unless there is only one.
  const unsigned ranks = device_.geometry.ranks;
  const DataBus::User user{ranks == 1 ? 0 : ranks, is_write};
  Cycle begin = kNoCycle;
  Cycle end = to_cycles(earliest_ps) + latency(is_write);
  while (left > 0) {
    const DataBus::Slot slot = bus_.find(user, end, left, t_);
    bus_.take(user, slot, t_);
    begin = std::min(begin, slot.begin);
    end = slot.begin + slot.bursts * t_.burst;
    left -= slot.bursts;
  }
  return {std::min(begin, end) * t_.tck_ps, end * t_.tck_ps};
}

// The targets of refresh that have a bank in the mask; all of them for an empty one.
Cycle Channel::after_refreshes(std::uint64_t bank_mask, Cycle cycle) {
  for (bool again = true; again;) {
    again = false;
    for (unsigned bank = 0; bank < banks_.size(); ++bank) {
      if (bank_mask != 0 && (bank_mask >> bank & 1) == 0) continue;
      const Cycle after = after_refresh(target_of(bank), cycle);
      again = again || after != cycle;
      cycle = after;
    }
  }
  return cycle;
}

Interval Channel::reserve_compute(std::uint64_t bank_mask, std::uint64_t earliest_ps,
                                  std::uint64_t duration_ps, std::uint64_t rows_opened) {
  const auto computes = [bank_mask](unsigned bank) { return (bank_mask >> bank & 1) != 0; };
  Cycle begin = to_cycles(earliest_ps);
  for (unsigned i = 0; i < banks_.size(); ++i) {
    if (!computes(i)) continue;
    const Run none{i, BankTiming::kNoRow, 0, 0, false};
    begin = std::max(begin, precharged(banks_[i], none, to_cycles(earliest_ps)));
  }
  begin = after_refreshes(bank_mask, begin);
  Cycle end = begin + to_cycles(duration_ps);
  const Cycle pause = t_.RP + (per_bank_refresh_ ? t_.RFCpb : t_.RFC) + t_.RCDRD;
  std::uint64_t targets = 0;
  for (unsigned i = 0; i < banks_.size(); ++i) {
    if (bank_mask == 0 || computes(i)) targets |= std::uint64_t{1} << target_of(i);
  }
  for (Cycle due = begin; (due = schedule_.next(due)) < end;) {
    if ((targets >> schedule_.target(due) & 1) != 0) end += pause;
  }
  for (unsigned i = 0; i < banks_.size(); ++i) {
    if (!computes(i)) continue;
    banks_[i].count = 0;
    banks_[i].activate_ready = end;
  }
  for (RankState& rank : ranks_) mark_open(rank, begin, end);
  counters_.activates += rows_opened;
  counters_.compute_ps += (end - begin) * t_.tck_ps;
  return {begin * t_.tck_ps, end * t_.tck_ps};
}

// --- Results ---------------------------------------------------------------------------------

std::uint64_t Channel::refreshes(std::uint64_t time_ps) const {
  return refreshes_before_epoch_ + schedule_.count(time_ps / t_.tck_ps);
}

std::uint64_t Channel::active_ps(std::uint64_t time_ps) const {
  const Cycle now = time_ps / t_.tck_ps;
  Cycle cycles = open_cycles_before_;
  for (const RankState& rank : ranks_) {
    cycles += rank.open_cycles;
    if (rank.open_since < now) cycles += std::min(rank.open_until, now) - rank.open_since;
  }
  return std::min(cycles, now * ranks_.size()) * t_.tck_ps;
}

void Channel::collect(observe::StatisticsSink& sink, std::uint64_t time_ps) const {
  const Counters& c = counters_;
  sink.value("read_bytes", c.read_bytes, "B", "bytes read by transactions");
  sink.value("write_bytes", c.write_bytes, "B", "bytes written by transactions");
  sink.value("row_hits", c.row_hits, "1", "runs within a row that found it open");
  sink.value("row_misses", c.row_misses, "1", "runs that found their bank precharged");
  sink.value("row_conflicts", c.row_conflicts, "1", "runs that found another row open");
  sink.value("activates", c.activates, "1", "rows opened");
  sink.value("refreshes", refreshes(time_ps), "1",
             per_bank_refresh_ ? "refreshes of one bank" : "refreshes of all banks of a rank");
  sink.value("write_drains", c.drains, "1", "batches of buffered writes");
  sink.value("busy", c.busy_ps, "ps", "time with data on the bus");
  sink.value("active", active_ps(time_ps), "ps", "time with a row open, summed over the ranks");
  sink.value("compute", c.compute_ps, "ps", "time reserved for computation in the banks");
  sink.value("utilisation",
             time_ps == 0 ? 0.0 : static_cast<double>(c.busy_ps) / static_cast<double>(time_ps),
             "fraction", "busy time over simulated time");
}

void Channel::collect_energy(observe::EnergySink& sink, std::uint64_t time_ps) const {
  const DeviceEnergy& e = device_.energy;
  const auto spend = [&sink, &e](const char* component, double picojoules) {
    sink.spend(component, picojoules, e.source);
  };
  const double burst_bits = 8.0 * device_.geometry.burst_bytes();
  const double read_bits = burst_bits * static_cast<double>(counters_.read_bursts);
  const double write_bits = burst_bits * static_cast<double>(counters_.write_bursts);
  const double active_ps_sum = static_cast<double>(active_ps(time_ps));
  const double shut_ps = static_cast<double>(time_ps * ranks_.size()) - active_ps_sum;
  spend("activate", e.activate_pj * static_cast<double>(counters_.activates));
  spend("read", e.read_pj_per_bit * read_bits);
  spend("write", e.write_pj_per_bit * write_bits);
  spend("io", e.io_pj_per_bit * (read_bits + write_bits));
  spend("refresh", (per_bank_refresh_ ? e.refresh_bank_pj : e.refresh_pj) *
                       static_cast<double>(refreshes(time_ps)));
  // 1 mW for 1 ps is 0.001 pJ.
  spend("active_standby", e.active_standby_mw * 1e-3 * active_ps_sum);
  spend("standby", e.standby_mw * 1e-3 * shut_ps);
}

}  // namespace tandem::memory
