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
    : read_lead_(CycleTiming(device).RCDRD + CycleTiming(device).CL),
      t_(device),
      device_(device),
      controller_(controller),
      by_tck_(t_.tck_ps),
      burst_ps_(device.geometry.burst_ps()),
      burst_shift_(log2_of(device.geometry.burst_bytes())),
      group_shift_(log2_of(device.geometry.banks_per_group)),
      rank_shift_(log2_of(device.geometry.banks_per_rank())),
      per_bank_refresh_(controller.refresh == RefreshMode::kPerBank),
      per_bank_queues_(controller.queues == CommandQueues::kPerBank),
      shared_commands_(!device.geometry.separate_command_buses),
      pace_(std::max(t_.burst, t_.CCD_L)),
      schedule_(per_bank_refresh_ ? device.geometry.banks() : device.geometry.ranks,
                device.geometry.ranks, t_.REFI),
      read_slots_(controller.read_queue),
      write_slots_(controller.write_queue),
      mixed_pace_(std::make_shared<MixedPace>(device, controller)) {
  reset(0);
}

void Channel::reset(std::uint64_t time_ps) {
  enter_streams();
  const Cycle now = to_cycles(time_ps);
  refreshes_before_epoch_ += schedule_.count(now);
  schedule_.reset(now);
  const DeviceGeometry& g = device_.geometry;
  for (RankState& rank : ranks_) {
    open_cycles_before_ += open_cycles(rank.open, now);
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
  over_low_since_ = drain_until_ = head_of_line_ = next_transfer_ = 0;
  last_column_ = last_read_ = last_write_ = last_activity_ = wck_until_ = 0;
  waiting_writes_.clear();
  opening_share_ = write_share_ = paced_until_ = 0;
  streamed_until_ = 0;
  banks_used_ = 0;
}

// --- Refresh ---------------------------------------------------------------------------------

Cycle Channel::after_another_refresh(unsigned target, Cycle cycle) {
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
  const std::uint64_t used = banks_used_ >> (std::size_t{target} * banks);
  Cycle open = 0;
  Cycle shut = due;
  for (unsigned i = 0; i < banks && used >> i != 0; ++i) {
    if ((used >> i & 1) == 0) continue;
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

Interval Channel::reserve_from(unsigned bank, unsigned row, unsigned column_byte,
                               std::uint64_t bytes, bool is_write, Cycle arrival) {
  enter_streams();
  const std::uint64_t burst_mask = (std::uint64_t{1} << burst_shift_) - 1;
  const Run run{bank,
                row,
                column_byte >> burst_shift_,
                ((column_byte & burst_mask) + bytes + burst_mask) >> burst_shift_,
                is_write,
                arrival,
                false};
  (is_write ? counters_.write_bytes : counters_.read_bytes) += times_ * bytes;
  Cycle at = std::max(arrival, head_of_line_);
  commands_.forget(at);
  settle_writes(at);
  if (!buffer_.empty() && holds(run)) {
    (is_write ? counters_.merged_writes : counters_.forwarded) += times_;
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
  constexpr std::uint64_t kLastBursts = std::uint64_t{4} * kPiece;
  std::uint64_t k = run.bursts > kLastBursts ? run.bursts - kLastBursts : 0;
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
  counters_.write_bursts += times_ * run.bursts;
  const Cycle slot = write_slots_.admit(at, 1, static_cast<unsigned>(buffer_.size()));
  const Cycle lead = posted_lead();
  if (std::max(slot, lead) > at) head_of_line_ = at = std::max(slot, lead);
  if (run.bursts > 1) return write_row(run, at);
  buffer_.push_back(run);
  if (buffer_.size() == controller_.write_low + 1) over_low_since_ = at;
  last_activity_ = std::max(last_activity_, at);
  if (buffer_.size() + write_slots_.taken() >= controller_.write_queue) drain(at);
  settle_writes(at);
  return at;
}

// A run of several bursts is a batch of its own.
Cycle Channel::write_row(const Run& run, Cycle at) {
  Columns columns{};
  const Cycle entered = enter(run, at);
  transfer(run, at, entered, write_slots_, columns);
  drained(columns);
  const std::uint64_t queued = std::uint64_t{controller_.write_queue} + controller_.command_queue;
  if (run.bursts <= queued) return entered;
  const std::uint64_t served = (columns.last - columns.first) * (run.bursts - queued);
  return std::max(entered, columns.first + served / run.bursts);
}

// Does what would have been done by `now`: writes in the command queues get the bus when the reads
// leave it for long enough; the buffer is drained when it holds much and no command is queued, or
// after a pause.
void Channel::settle_writes(Cycle now) {
  if (!waiting_writes_.empty() && last_read_ + t_.read_to_write() <= now) serve_writes();
  if (buffer_.empty() || !waiting_writes_.empty()) return;
  const Cycle quiet = last_column_ + 1;
  if (buffer_.size() > controller_.write_low) {
    const Cycle begin = std::max({quiet, over_low_since_, drain_until_});
    if (begin <= now) drain(begin);
  } else if (std::max(quiet, last_activity_) + controller_.write_idle <= now) {
    drain(std::max(quiet, last_activity_) + controller_.write_idle);
  }
}

// Moves the buffer's writes into the command queues. They wait there for as long as reads keep the
// bus.
void Channel::drain(Cycle begin) {
  for (const Run& run : buffer_) {
    const Cycle entered = enter(run, begin);
    drain_until_ = std::max(drain_until_, entered);
    write_slots_.take(entered, 1);
    queue_of(run.bank).hold(1);
    waiting_writes_.push_back({run, entered + 1});
  }
  counters_.drains += times_;
  buffer_.clear();
  if (last_write_ >= last_read_ || last_read_ + t_.read_to_write() <= begin) serve_writes();
}

std::uint64_t Channel::finish_writes() {
  enter_streams();
  if (!buffer_.empty()) drain(std::max(last_column_, last_activity_));
  serve_writes();
  return last_drain_.end_ps;
}

void Channel::drained(const Columns& columns) {
  const std::uint64_t begin_ps = (columns.first + t_.CWL) * t_.tck_ps;
  const std::uint64_t end_ps = (columns.last + t_.CWL + t_.burst) * t_.tck_ps;
  last_drain_ = {begin_ps, std::max(last_drain_.end_ps, end_ps)};
}

void Channel::serve_writes() {
  Columns all{kNoCycle, 0, 0};
  for (const WaitingWrite& write : waiting_writes_) {
    QueueSlots& queue = queue_of(write.run.bank);
    const Columns columns = place(write.run, write.ready);
    queue.release(1);
    queue.take(columns.last, 1);
    all.first = std::min(all.first, columns.first);
    all.last = std::max(all.last, columns.last);
  }
  if (waiting_writes_.empty()) return;
  waiting_writes_.clear();
  drained(all);
}

// Whether a queued write holds all of the run.
bool Channel::holds(const Run& run) const {
  return std::any_of(buffer_.begin(), buffer_.end(), [&run](const Run& other) {
    return other.bank == run.bank && other.row == run.row && other.column == run.column &&
           run.bursts == 1;
  });
}

// --- Bus and banks for computation -----------------------------------------------------------

Interval Channel::reserve_bus(std::uint64_t bytes, bool is_write, std::uint64_t earliest_ps) {
  enter_streams();
  const std::uint64_t burst_mask = (std::uint64_t{1} << burst_shift_) - 1;
  std::uint64_t left = (bytes + burst_mask) >> burst_shift_;
  counters_.busy_ps += times_ * left * burst_ps_;
  data_ps_ += left * burst_ps_;
  // To the data bus it is a rank of its own, unless there is only one.
  const unsigned ranks = device_.geometry.ranks;
  const DataBus::User user{ranks == 1 ? 0 : ranks, is_write, false};
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

std::uint64_t Channel::banks_free_ps(std::uint64_t bank_mask, std::uint64_t earliest_ps) {
  enter_streams();
  Cycle begin = to_cycles(earliest_ps);
  if (bank_mask != 0) begin = std::max(begin, streamed_until_);
  for (unsigned i = 0; i < banks_.size(); ++i) {
    if ((bank_mask >> i & 1) == 0) continue;
    const Run none{i, BankTiming::kNoRow, 0, 0, false, 0, false};
    begin = std::max(begin, precharged(banks_[i], none, to_cycles(earliest_ps)));
  }
  return after_refreshes(bank_mask, begin) * t_.tck_ps;
}

void Channel::reserve_compute(std::uint64_t bank_mask, std::uint64_t begin_ps, std::uint64_t end_ps,
                              std::uint64_t rows_opened) {
  enter_streams();
  const Cycle begin = to_cycles(begin_ps), end = to_cycles(end_ps);
  for (unsigned i = 0; i < banks_.size(); ++i) {
    if ((bank_mask >> i & 1) == 0) continue;
    banks_[i].count = 0;
    banks_[i].activate_ready = std::max(banks_[i].activate_ready, end);
  }
  banks_used_ |= bank_mask;
  for (RankState& rank : ranks_) mark_open(rank.open, begin, end);
  counters_.activates += times_ * rows_opened;
  counters_.compute_ps += times_ * (end - begin) * t_.tck_ps;
}

// --- Results ---------------------------------------------------------------------------------

std::uint64_t Channel::refreshes(std::uint64_t time_ps) const {
  return refreshes_before_epoch_ + schedule_.count(time_ps / t_.tck_ps);
}

Channel::Counters Channel::counters() const {
  Counters sum = counters_;
  sum.read_bytes += streamed_.bytes;
  sum.read_bursts += streamed_.bursts;
  sum.activates += streamed_.rows;
  sum.row_misses += streamed_.rows;
  sum.busy_ps += streamed_.bursts * burst_ps_;
  return sum;
}

std::uint64_t Channel::active_ps(std::uint64_t time_ps) const {
  const Cycle now = time_ps / t_.tck_ps;
  Cycle cycles = open_cycles_before_;
  for (const RankState& rank : ranks_) cycles += open_cycles(open_time(rank), now);
  return std::min(cycles, now * ranks_.size()) * t_.tck_ps;
}

void Channel::collect(observe::StatisticsSink& sink, std::uint64_t time_ps) const {
  const Counters c = counters();
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
  const Counters c = counters();
  const auto spend = [&sink, &e](const char* component, double picojoules) {
    sink.spend(component, picojoules, e.source);
  };
  const double burst_bits = 8.0 * device_.geometry.burst_bytes();
  const double read_bits = burst_bits * static_cast<double>(c.read_bursts);
  const double write_bits = burst_bits * static_cast<double>(c.write_bursts);
  const std::uint64_t open_ps = active_ps(time_ps);
  // In whole cycles, as the open time is, so that neither sum ever falls.
  const std::uint64_t shut_ps = time_ps / t_.tck_ps * t_.tck_ps * ranks_.size() - open_ps;
  spend("activate", e.activate_pj * static_cast<double>(c.activates));
  spend("read", e.read_pj_per_bit * read_bits);
  spend("write", e.write_pj_per_bit * write_bits);
  spend("io", e.io_pj_per_bit * (read_bits + write_bits));
  spend("refresh", (per_bank_refresh_ ? e.refresh_bank_pj : e.refresh_pj) *
                       static_cast<double>(refreshes(time_ps)));
  // 1 mW for 1 ps is 0.001 pJ.
  spend("active_standby", e.active_standby_mw * 1e-3 * static_cast<double>(open_ps));
  spend("standby", e.standby_mw * 1e-3 * static_cast<double>(shut_ps));
}

}  // namespace tandem::memory
