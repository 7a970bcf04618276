// SPDX-License-Identifier: Apache-2.0
// Channel: rows, activates and columns.
#include <algorithm>

#include "tandem/memory/channel.h"

namespace tandem::memory {
namespace {

constexpr double kShareWindow = 128;  // accesses: some batches of writes

}  // namespace

// Column commands of a run that is in its command queue and may be looked at from `ready` on.
Channel::Columns Channel::place(const Run& run, Cycle ready) {
  if (controller_.scheduling == Scheduling::kFcfs) ready = std::max(ready, last_column_ + 1);
  Columns columns{kNoCycle, 0, 0};
  std::uint64_t left = run.bursts;
  // A payload is cut into runs row by row, but its bursts come in the order of the addresses. Where
  // bank groups alternate for their pace, the rows of all of them are open from its arrival on.
  const bool alternates = pace_ > t_.burst && run.bursts > 1;
  const Cycle row_ready = alternates ? std::min(ready, run.arrival + 1) : ready;
  bool hit = true;
  while (left > 0) {
    if (join(run, row_ready, ready, columns, left)) continue;
    if (hit) count_miss(run, ready);
    hit = false;
    Run opening = run;
    opening.paced = run.bursts == 1 && opening_share_ > 0.5;
    open(opening, row_ready, ready, columns, left);
  }
  opening_share_ += ((hit ? 0 : 1) - opening_share_) / kShareWindow;
  if (!hit && run.bursts == 1) {
    const Cycle paced = pace(run.is_write, ready) + (run.is_write ? t_.RCDWR : t_.RCDRD);
    const Cycle told = columns.last + columns.told_later;
    if (paced > told) columns.told_later += paced - told;
  }
  if (hit) counters_.row_hits += times_;
  counters_.busy_ps += times_ * run.bursts * burst_ps_;
  data_ps_ += run.bursts * burst_ps_;
  if (!run.is_write) counters_.read_bursts += times_ * run.bursts;
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
  (open ? counters_.row_conflicts : counters_.row_misses) += times_;
}

// Columns in a stay of the run's row that it is in time for, the first one first.
bool Channel::join(const Run& run, Cycle row_ready, Cycle ready, Columns& columns,
                   std::uint64_t& left) {
  const Bank& bank = banks_[run.bank];
  const bool closed = controller_.page == PagePolicy::kClosed;
  for (unsigned i = 0; i < bank.count; ++i) {
    const Session& s = bank.sessions[i];
    if (s.row != run.row || ready >= s.closes || (closed && ready > s.last_column)) continue;
    const Cycle opened = s.activate + (run.is_write ? t_.RCDWR : t_.RCDRD);
    const Cycle from = std::max({row_ready, opened, s.last_column + pace_});
    if (i + 1 < bank.count) {
      if (overtake(run, i, ready, std::max(ready, from), columns)) return left = 0, true;
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
    Slot slot = find_slot(run, from, from, more);
    const Cycle open = after_refresh(target_of(run.bank), slot.begin);
    if (open != slot.begin) slot = find_slot(run, open, open, more);
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
      std::max(s.precharge_ready, run.is_write ? last + data + t_.burst + t_.WR : last + t_.RTP);
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

// Queues of banks are served in turn: a bank whose last activate lies ahead has its next one when
// the other banks of its rank that have work have had theirs. Banks of writes that wait for the bus
// to turn stand still; runs of several bursts are not held up by activates.
Cycle Channel::next_turn(const Run& run, Cycle ready) const {
  const Bank& bank = banks_[run.bank];
  const bool in_turn = per_bank_queues_ && controller_.scheduling == Scheduling::kFrFcfs;
  if (!in_turn || run.bursts > 1 || bank.count == 0) return 0;
  const Cycle now = run.is_write ? std::max(ready, last_read_) : ready;
  const auto last_activate = [](const Bank& b) { return b.sessions[b.count - 1].activate; };
  if (last_activate(bank) <= now) return 0;
  const std::uint64_t still = run.is_write ? 0 : banks_of_writes();
  const unsigned first = rank_of(run.bank) << rank_shift_;
  Cycle turns = 0;
  for (unsigned i = first; i < first + (1u << rank_shift_); ++i) {
    const bool has_work = banks_[i].count != 0 && last_activate(banks_[i]) > now;
    if (has_work && (still >> i & 1) == 0) ++turns;
  }
  return last_activate(bank) + turns * std::max(4 * t_.RRD_S, t_.FAW) / 4;
}

// When an access that opens a row would have its turn if random reads and writes went at the pace
// of MixedPace, one after the other. Reads alone go by the rules.
Cycle Channel::pace(bool is_write, Cycle ready) {
  write_share_ += ((is_write ? 1 : 0) - write_share_) / kShareWindow;
  const double begin = std::max(paced_until_, static_cast<double>(ready));
  if (write_share_ < 1.0 / kShareWindow) return ready;
  paced_until_ = begin + mixed_pace_->cycles(write_share_);
  return static_cast<Cycle>(begin);
}

// Until when a write has to wait so that no more are ahead of that pace than the queues hold.
Cycle Channel::posted_lead() const {
  if (paced_until_ == 0) return 0;
  const double queued =
      static_cast<double>(controller_.write_queue) +
      static_cast<double>(controller_.command_queue) * static_cast<double>(queues_.size());
  const double lead = paced_until_ - queued * mixed_pace_->cycles(write_share_);
  return lead > 0 ? static_cast<Cycle>(lead) : 0;
}

// Those of which a write waits, as a mask.
std::uint64_t Channel::banks_of_writes() const {
  std::uint64_t mask = 0;
  for (const Run& run : buffer_) mask |= std::uint64_t{1} << run.bank;
  for (const WaitingWrite& write : waiting_writes_) mask |= std::uint64_t{1} << write.run.bank;
  return mask;
}

// Rows opened before the last refresh that begins up to `column` would be shut by then. The refresh
// before it is looked at as well, as it would be on the way there.
Cycle Channel::last_closing(unsigned target, Cycle closes, Cycle column) {
  const Cycle period = schedule_.period();
  const Cycle more = schedule_.periods(column - closes);
  if (more == 0) return closes;
  after_refresh(target, closes + (more - 1) * period);
  return closes + more * period;
}

// `from`, or where the bus is taken for longer than a row could stay open from then on, the time of
// the refresh behind which it can.
Cycle Channel::after_bus(const Run& run, unsigned target, Cycle from) {
  const Cycle to_data = (run.is_write ? t_.RCDWR : t_.RCDRD) + latency(run.is_write);
  const Cycle closes = next_refresh(target, from);
  const DataBus::User user{rank_of(run.bank), run.is_write, run.paced};
  const Cycle column = bus_.find(user, from + to_data, 1, t_).begin - latency(run.is_write);
  return column < closes ? from : last_closing(target, closes, column);
}

// Opens the run's row and takes columns in it.
void Channel::open(const Run& run, Cycle row_ready, Cycle ready, Columns& columns,
                   std::uint64_t& left) {
  Bank& bank = banks_[run.bank];
  RankState& rank = ranks_[rank_of(run.bank)];
  const unsigned group = group_of(run.bank);
  const unsigned target = target_of(run.bank);
  const Cycle to_column = run.is_write ? t_.RCDWR : t_.RCDRD;
  Cycle from = std::max(precharged(bank, run, row_ready), next_turn(run, ready));
  Cycle activate = 0, closes = 0;
  Slot slot{};
  from = after_bus(run, target, after_refresh(target, from));
  for (;;) {
    from = after_refresh(target, from);
    const Cycle allowed = rank.activates.find(from, group, t_);
    activate = commands_.find(allowed);
    closes = next_refresh(target, activate);
    if ((activate != from && after_refresh(target, activate) != activate) ||
        (activate != allowed && rank.activates.find(activate, group, t_) != activate)) {
      from = activate;
      continue;
    }
    slot = find_columns(run, std::max(ready, activate + 1), activate + to_column, left);
    if (slot.begin < closes) break;
    from = last_closing(target, closes, slot.begin);
  }
  columns.told_later += rank.activates.take(activate, group, t_);
  commands_.take(activate);
  counters_.activates += times_;
  if (bank.count == kSessions) {
    std::move(bank.sessions.begin() + 1, bank.sessions.end(), bank.sessions.begin());
    --bank.count;
  }
  if (bank.count != 0) {
    Session& before = bank.sessions[bank.count - 1];
    before.precharge = std::min(before.closes, precharge_of(bank, row_ready));
    if (controller_.page == PagePolicy::kOpen && before.precharge < before.closes) {
      commands_.take(before.precharge);
    }
  }
  Session& opened = bank.sessions[bank.count++];
  opened.row = run.row;
  opened.columns = opened.last_column = 0;
  opened.activate = activate;
  opened.precharge_ready = activate + t_.RAS;
  opened.precharge = kNoCycle;
  opened.closes = closes;
  bank.activate_ready = activate + t_.RC;
  banks_used_ |= std::uint64_t{1} << run.bank;
  take_columns(run, bank.count - 1, slot, columns, left);
  const Session& session = bank.sessions[bank.count - 1];
  const bool stays_open = controller_.page == PagePolicy::kOpen;
  mark_open(rank.open, activate, stays_open ? closes : std::min(closes, session.precharge_ready));
}

// A place for column commands in the group and on the bus. `ready`: from when WCK may be started.
Channel::Slot Channel::find_columns(const Run& run, Cycle ready, Cycle from,
                                    std::uint64_t bursts) const {
  Slot slot = find_slot(run, ready, from, bursts);
  if (!run.is_write && !run.paced) {
    const Cycle write_end = groups_[group_of(run.bank)].write_end;
    if (slot.begin + t_.CL >= write_end && slot.begin < write_end + t_.WTR_L) {
      slot = find_slot(run, ready, write_end + t_.WTR_L, bursts);
    }
  }
  if (t_.WCKSYNC != 0 && slot.begin > wck_until_ && slot.begin < ready + t_.WCKSYNC) {
    slot = find_slot(run, ready, ready + t_.WCKSYNC, bursts);
  }
  return slot;
}

Channel::Slot Channel::find_slot(const Run& run, Cycle ready, Cycle from,
                                 std::uint64_t bursts) const {
  const DataBus::User user{rank_of(run.bank), run.is_write, run.paced};
  const Cycle data = latency(run.is_write);
  const GroupPace& pace = groups_[group_of(run.bank)].pace;
  if (pace_ > t_.burst && run.bursts > 1) {
    // The data are charged to the bus without holes, from the time at which the group could have
    // begun: bursts of other groups go between them.
    const Cycle since = pace.find(from, bursts * pace_);
    const DataBus::Slot slot = bus_.find(user, std::max(since, ready) + data, bursts, t_);
    return {slot.begin - data, since, slot.bursts};
  }
  from = std::max(from, ready);
  for (;;) {
    const Cycle paced = pace_ > t_.burst ? pace.find(from, pace_) : from;
    const DataBus::Slot slot = bus_.find(user, paced + data, bursts, t_);
    const Cycle column = slot.begin - data;
    const Cycle command = shared_commands_ ? commands_.find(column) : column;
    const bool fits = pace_ <= t_.burst || column == paced;
    if (command == column && fits) return {column, column, slot.bursts};
    from = command;
  }
}

void Channel::claim(const Run& run, const Slot& slot) {
  const DataBus::User user{rank_of(run.bank), run.is_write, run.paced};
  bus_.take(user, {slot.begin + latency(run.is_write), slot.bursts}, t_);
  if (pace_ > t_.burst) groups_[group_of(run.bank)].pace.take(slot.since, slot.bursts * pace_);
  if (shared_commands_) commands_.take(slot.begin);
}

void Channel::take_columns(const Run& run, unsigned index, Slot slot, Columns& columns,
                           std::uint64_t& left) {
  Bank& bank = banks_[run.bank];
  Session& s = bank.sessions[index];
  Group& group = groups_[group_of(run.bank)];
  // How many of the bursts begin before the row is closed; a division only if not all do.
  const auto fit = [&](Cycle begin, Cycle pace) {
    if (begin + (slot.bursts - 1) * pace < s.closes) return slot.bursts;
    return begin < s.closes ? (s.closes - begin + pace - 1) / pace : std::uint64_t{1};
  };
  const std::uint64_t bursts =
      std::max<std::uint64_t>(1, std::min(fit(slot.begin, t_.burst), fit(slot.since, pace_)));
  const Cycle data = latency(run.is_write);
  slot.bursts = bursts;
  claim(run, slot);
  const Cycle last =
      std::max(slot.begin + (bursts - 1) * t_.burst, slot.since + (bursts - 1) * pace_);
  const Cycle data_end = last + data + t_.burst;
  if (run.is_write && !run.paced) group.write_end = std::max(group.write_end, data_end);
  wck_until_ = std::max(wck_until_, data_end + t_.WCKIDLE);
  columns.first = std::min(columns.first, slot.begin);
  columns.last = std::max(columns.last, last);
  left -= bursts;

  s.columns += bursts;
  s.last_column = std::max(s.last_column, last);
  const Cycle precharge = run.is_write ? data_end + t_.WR : last + t_.RTP;
  s.precharge_ready = std::max(s.precharge_ready, precharge);
}

void Channel::mark_open(OpenTime& open, Cycle from, Cycle until) {
  Cycle known = open.until;
  if (from > open.until) {
    open.cycles += open.until - open.since;
    const Cycle shut = from - open.until;
    const Cycle stood_for = std::min(shut, open.owed_cycles);
    open.cycles += stood_for;
    open.owed_cycles -= stood_for;
    open.since = open.until = known = from;
  }
  open.until = std::max(open.until, until);
  open.owed_cycles += (times_ - 1) * (open.until - known);
}

Channel::OpenTime Channel::open_time(const RankState& rank) const {
  OpenTime open = rank.open;
  if (streamed_.on_bus) {
    open.until = streamed_.end;
    open.owed_cycles += streamed_.owed_cycles;
  }
  return open;
}

// Up to `now`.
Cycle Channel::open_cycles(const OpenTime& open, Cycle now) {
  Cycle cycles = open.cycles;
  if (open.since < now) cycles += std::min(open.until, now) - open.since;
  if (open.until < now) cycles += std::min(open.owed_cycles, now - open.until);
  return cycles;
}

}  // namespace tandem::memory
