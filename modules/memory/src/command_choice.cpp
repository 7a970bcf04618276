// SPDX-License-Identifier: Apache-2.0
// Which command comes next: bank by bank, in the direction that the data bus has.
#include <algorithm>

#include "bank_bits.h"
#include "tandem/memory/command_channel.h"

namespace tandem::memory {

// --- Choice of a command ---------------------------------------------------------------------

bool CommandChannel::pick(Cycle now, Bus bus) {
  const Choice choice =
      controller_.scheduling == Scheduling::kFcfs || controller_.queues == CommandQueues::kPerRank
          ? pick_oldest(now, bus)
          : pick_round_robin(now, bus);
  if (!choice.found) return false;
  last_was_column_ = is_column(choice.kind);
  serve(choice, now);
  return true;
}

CommandChannel::Choice CommandChannel::pick_round_robin(Cycle now, Bus bus) {
  const std::uint64_t banks = active_banks_ & ~blocked_banks_;
  const std::uint64_t after =
      round_robin_ + 1 >= 64 ? 0 : banks & (~std::uint64_t{0} << (round_robin_ + 1));
  for (std::uint64_t left : {after, banks & ~after}) {
    for (; left != 0; left &= left - 1) {
      const unsigned bank = lowest_bit(left);
      if (sleeps(bank, now)) continue;
      const Choice choice = candidate(bank, now, bus);
      if (!choice.found) continue;
      round_robin_ = bank;
      return choice;
    }
  }
  return {};
}

// The oldest that is ready, rank by rank; with FCFS the oldest of all, ready or not.
CommandChannel::Choice CommandChannel::pick_oldest(Cycle now, Bus bus) {
  const std::uint64_t banks = active_banks_ & ~blocked_banks_;
  if (controller_.scheduling == Scheduling::kFcfs) {
    unsigned oldest = timing_.banks();
    for (std::uint64_t left = active_banks_; left != 0; left &= left - 1) {
      const unsigned bank = lowest_bit(left);
      if (oldest == timing_.banks() ||
          queues_[bank].entries.front().order < queues_[oldest].entries.front().order) {
        oldest = bank;
      }
    }
    return active_banks_ == 0 || blocked(oldest) ? Choice{} : candidate(oldest, now, bus);
  }
  for (unsigned i = 1; i <= timing_.ranks(); ++i) {
    const unsigned rank = (round_robin_ + i) % timing_.ranks();
    Choice best;
    for (std::uint64_t left = banks & rank_mask(rank); left != 0; left &= left - 1) {
      const unsigned bank = lowest_bit(left);
      if (sleeps(bank, now)) continue;
      if (best.found && queues_[bank].entries.front().order > best.order) continue;
      const Choice choice = candidate(bank, now, bus);
      if (choice.found && (!best.found || choice.order < best.order)) best = choice;
    }
    if (!best.found) continue;
    round_robin_ = rank;
    return best;
  }
  return {};
}

// --- Direction of the data bus ---------------------------------------------------------------

// The bus keeps its direction until nothing is queued for it or the first of the others could be
// served, turn included, before the next one. Beyond that, a batch of writes that has become due
// makes it turn, and back when so many writes have been served.
bool CommandChannel::turns(Cycle now) {
  if (controller_.scheduling == Scheduling::kFcfs || queued_[!writing_] == 0) return false;
  if (queued_[writing_] == 0) return true;
  if (writing_ ? written_ >= controller_.write_queue : batch_ready()) return true;
  if (column_issued_) return false;
  const Cycle turned = std::max(now, timing_.column_from(!writing_));
  const Cycle next = next_column(writing_, now, turned);
  return next > turned && next_column(!writing_, now, turned) < next;
}

void CommandChannel::turn_bus() {
  writing_ = !writing_;
  batch_due_ = !writing_ && queued_[kWrites] >= controller_.write_queue;
  note_unfinished();
  written_ = 0;
  bank_from_.fill(0);
}

void CommandChannel::note_unfinished() {
  unfinished_ = active_banks_;
  due_order_ = next_order_;
}

// Whether a row of the batch is open and all rows opened for reads before it have been used.
bool CommandChannel::batch_ready() {
  if (!batch_due_) return false;
  bool ready = false;
  for (std::uint64_t left = active_banks_ & ~blocked_banks_; left != 0; left &= left - 1) {
    const unsigned bank = lowest_bit(left);
    const Queue& queue = queues_[bank];
    const bool reads =
        queue.hits[kReads] != 0 &&
        queue.entries[first_hit(queue, timing_.open_row(bank), false)].order < due_order_;
    if (!reads) unfinished_ &= ~(std::uint64_t{1} << bank);
    ready = ready || queue.hits[kWrites] != 0;
  }
  return ready && (unfinished_ & active_banks_ & ~blocked_banks_) == 0;
}

// When the first read or write may have its column command if it is given the banks from now on.
// Nobody cares how long before `enough`.
Cycle CommandChannel::next_column(bool is_write, Cycle now, Cycle enough) const {
  Cycle first = kNoCycle;
  std::uint64_t left = active_banks_ & ~blocked_banks_;
  for (; left != 0 && first > enough; left &= left - 1) {
    const unsigned bank = lowest_bit(left);
    if (queues_[bank].count[is_write] == 0) continue;
    first = std::min(first, next_column_of(bank, is_write, now));
  }
  return first;
}

Cycle CommandChannel::next_column_of(unsigned bank, bool is_write, Cycle now) const {
  const CycleTiming& t = timing_.cycles();
  const Queue& queue = queues_[bank];
  const Cycle column = std::max(now, is_write ? timing_.write_from(bank) : timing_.read_from(bank));
  const std::uint32_t row = timing_.open_row(bank);
  const std::size_t next =
      queue.hits[is_write] != 0 ? first_hit(queue, row, is_write) : queue.oldest(is_write);
  if (next == queue.entries.size() || (is_write && overtakes_read(queue, next))) return kNoCycle;
  if (queue.hits[is_write] != 0) return column;
  const bool open = row != BankTiming::kNoRow;
  const Cycle shut = open ? std::max(now, timing_.precharge_from(bank)) + t.RP : now;
  const Cycle activate = std::max(shut, timing_.activate_from(bank));
  return std::max(column, activate + (is_write ? t.RCDWR : t.RCDRD));
}

// Whether the bank is prepared for its writes; it is for its reads otherwise.
bool CommandChannel::works_for_writes(const Queue& queue) const {
  return writing_ || batch_due_ ? queue.count[kWrites] != 0 : queue.count[kReads] == 0;
}

std::size_t CommandChannel::Queue::oldest(bool is_write) const {
  std::size_t i = 0;
  while (entries[i].is_write != is_write) ++i;
  return i;
}

// Whether requests want the open row that should be served before it is closed.
bool CommandChannel::keeps_row(unsigned bank, bool for_writes) const {
  if (timing_.row_hits(bank) >= controller_.row_hit_cap) return false;
  const Queue& queue = queues_[bank];
  return queue.hits[for_writes] != 0 || queue.hits[writing_] != 0;
}

// Whether a bank need not be looked at yet.
bool CommandChannel::sleeps(unsigned bank, Cycle now) {
  const Cycle from = bank_from_[bank];
  if (from <= now) return false;
  ready_ = std::min(ready_, from);
  return true;
}

// The first command of the bank's queue that may be issued now. Notes when one may be, if none.
CommandChannel::Choice CommandChannel::candidate(unsigned bank, Cycle now, Bus bus) {
  bank_ready_ = kNoCycle;
  denied_ = false;
  const Choice choice = first_ready(bank, now, bus);
  if (!choice.found && !denied_ && bus == Bus::kAny) bank_from_[bank] = bank_ready_;
  return choice;
}

CommandChannel::Choice CommandChannel::first_ready(unsigned bank, Cycle now, Bus bus) {
  const Queue& queue = queues_[bank];
  const bool fcfs = controller_.scheduling == Scheduling::kFcfs;
  const bool for_writes = works_for_writes(queue);
  const std::uint32_t row = timing_.open_row(bank);
  Choice choice;
  choice.bank = bank;
  choice.entry = fcfs ? 0 : queue.oldest(for_writes);
  const Entry& oldest = queue.entries[choice.entry];
  choice.order = oldest.order;
  if (row == BankTiming::kNoRow) {
    if (bus == Bus::kColumn) return choice;
    // A row may not be open in both buffers.
    const bool clash = timing_.dual() && timing_.compute_row(bank) == oldest.row;
    clash ? try_command(CommandKind::kComputePrecharge, timing_.compute_precharge_from(bank), now,
                        choice)
          : try_command(CommandKind::kActivate, timing_.activate_from(bank), now, choice);
    return choice;
  }
  if (bus != Bus::kColumn && oldest.row != row && (fcfs || !keeps_row(bank, for_writes)) &&
      try_command(CommandKind::kPrecharge, timing_.precharge_from(bank), now, choice)) {
    return choice;
  }
  if (bus != Bus::kRow) fcfs ? try_oldest(row, now, choice) : try_hits(row, now, choice);
  return choice;
}

void CommandChannel::try_oldest(std::uint32_t row, Cycle now, Choice& choice) {
  if (queues_[choice.bank].entries.front().row == row) try_column(0, now, choice);
}

void CommandChannel::try_hits(std::uint32_t row, Cycle now, Choice& choice) {
  const Queue& queue = queues_[choice.bank];
  if (queue.hits[writing_] == 0) return;
  const std::size_t hit = first_hit(queue, row, writing_);
  if (hit != queue.entries.size()) try_column(hit, now, choice);
}

// The oldest read or write of the open row that may be served; the size of the queue if none may.
std::size_t CommandChannel::first_hit(const Queue& queue, std::uint32_t row, bool is_write) const {
  std::size_t i = 0;
  for (; i < queue.entries.size(); ++i) {
    const Entry& entry = queue.entries[i];
    if (entry.row == row && entry.is_write == is_write && !(is_write && overtakes_read(queue, i))) {
      break;
    }
  }
  return i;
}

bool CommandChannel::overtakes_read(const Queue& queue, std::size_t entry) const {
  const Entry& write = queue.entries[entry];
  return std::any_of(queue.entries.begin(), queue.entries.begin() + static_cast<long>(entry),
                     [&write](const Entry& other) {
                       return !other.is_write && other.row == write.row &&
                              other.column == write.column;
                     });
}

bool CommandChannel::try_column(std::size_t index, Cycle now, Choice& choice) {
  const Queue& queue = queues_[choice.bank];
  const Entry& entry = queue.entries[index];
  choice.entry = index;
  choice.order = entry.order;
  const Cycle from =
      entry.is_write ? timing_.write_from(choice.bank) : timing_.read_from(choice.bank);
  if (timing_.needs_wck_sync(std::max(now, from))) {
    // So that WCK runs again when the column command may follow.
    const Cycle sync = timing_.cycles().WCKSYNC;
    return try_command(CommandKind::kWckSync, from > sync ? from - sync : 0, now, choice);
  }
  const bool closes = controller_.page == PagePolicy::kClosed && queue.hits[0] + queue.hits[1] == 1;
  if (entry.is_write) {
    return try_command(closes ? CommandKind::kWritePrecharge : CommandKind::kWrite, from, now,
                       choice);
  }
  return try_command(closes ? CommandKind::kReadPrecharge : CommandKind::kRead, from, now, choice);
}

// For the request choice.entry, or the oldest. Notes when the command may be issued, if not now.
bool CommandChannel::try_command(CommandKind kind, Cycle from, Cycle now, Choice& choice) {
  if (from > now) {
    soon(from);
    return false;
  }
  if (agent_ != nullptr) {
    const std::uint32_t row = queues_[choice.bank].entries[choice.entry].row;
    if (!agent_->permits(make(kind, choice.bank, row, now), row)) {
      denied_ = true;
      return false;
    }
  }
  choice.kind = kind;
  choice.found = true;
  return true;
}

}  // namespace tandem::memory
