// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/pim_channel.h"

#include <algorithm>

namespace tandem::pim {

using memory::BankTiming;
using memory::Command;
using memory::CommandKind;
using memory::Cycle;
using memory::kNoCycle;

PimChannel::PimChannel(const Config& config, memory::CommandChannel& channel, Client& client)
    : config_(config), channel_(channel), timing_(channel.timing()), client_(client) {
  channel.set_agent(this);
}

void PimChannel::submit(const BankOperation& operation, Cycle now) {
  channel_.wake(now);
  waiting_.push_back(operation);
}

void PimChannel::reset() {
  waiting_.clear();
  queue_.clear();
  in_group_ = in_mode_ = writing_buffer_ = skipping_ = false;
  slack_ = 0;
  reserved_row_ = BankTiming::kNoRow;
}

// --- Arbitration -----------------------------------------------------------------------------

bool PimChannel::admits_requests() const {
  return dual() || (queue_.empty() && !in_mode_);
}

// Dual row buffers: reads go before PIM as long as PIM has something to do.
bool PimChannel::take_transfer(Cycle now, bool ordinary, bool draining) {
  if (waiting_.empty() || queue_.size() >= config_.command_queue) return false;
  if (waiting_.front().not_before > now) return false;
  const bool enough = queue_.size() >= 2;
  if (dual() && enough && (draining || ordinary)) return false;
  queue_.push_back(waiting_.front());
  waiting_.pop_front();
  return true;
}

PimChannel::Verdict PimChannel::step(Cycle now, bool refreshing, bool busy, Command& command) {
  ready_ = kNoCycle;
  if (writing_buffer_ && buffer_ready_ <= now) writing_buffer_ = false;
  if (skipping_ || queue_.empty()) return Verdict::kNothing;
  if (!dual()) {
    if (busy && !in_group_ && !in_mode_) return Verdict::kNothing;
    if (refreshing) return Verdict::kHold;
    const Verdict verdict = front(now, command);
    return skipping_ || verdict == Verdict::kCommand ? verdict : Verdict::kHold;
  }
  if (refreshing) return Verdict::kNothing;
  const Verdict verdict = front(now, command);
  if (verdict != Verdict::kNothing || skipping_) return verdict;
  return slack_ < kLeastSlack ? Verdict::kHold : Verdict::kNothing;
}

bool PimChannel::permits(const Command& command, std::uint32_t row) {
  if (!dual() || idle()) return true;
  if (row == reserved_row_) return false;
  if (writing_buffer_ && command.bank == buffer_bank_) return false;
  if (slack_ == 0 || queue_.empty()) return true;
  const memory::CycleTiming& t = timing_.cycles();
  if (command.kind == CommandKind::kPrecharge) return slack_ > t.RP + t.RCDWR;
  if (command.kind == CommandKind::kActivate) return slack_ > t.RCDWR;
  return true;
}

void PimChannel::issued(const Command& command) {
  if (!dual() || slack_ == 0 || queue_.empty()) return;
  const memory::CycleTiming& t = timing_.cycles();
  if (command.kind == CommandKind::kPrecharge) slack_ -= t.RP;
  if (command.kind == CommandKind::kActivate) slack_ -= t.RCDWR;
}

void PimChannel::refreshed() {
  skipping_ = false;
  slack_ = 0;
  reserved_row_ = BankTiming::kNoRow;
}

Cycle PimChannel::next(Cycle now) const {
  Cycle cycle = kNoCycle;
  if (!waiting_.empty() && waiting_.front().not_before > now) {
    cycle = waiting_.front().not_before;
  }
  if (skipping_) return cycle;
  cycle = std::min(cycle, ready_);
  if (writing_buffer_ && buffer_ready_ > now) cycle = std::min(cycle, buffer_ready_);
  return cycle;
}

bool PimChannel::meets_refresh(Cycle estimate, Cycle now) {
  if (!config_.refresh_guard) return true;
  const Cycle slack = channel_.refresh_slack(now);
  slack_ = slack > estimate ? slack - estimate : 0;
  skipping_ = slack_ == 0;
  return !skipping_;
}

Cycle PimChannel::buffer_write_estimate(const BankOperation& operation) const {
  const memory::CycleTiming& t = timing_.cycles();
  const std::uint32_t open = timing_.open_row(operation.bank);
  Cycle estimate = timing_.compute_banks().buffer_write_cycles;
  if (open == operation.row) return estimate;
  if (open != BankTiming::kNoRow) estimate += t.RTP;
  return estimate + t.RP + t.RCDRD;
}

bool PimChannel::takes_part(const BankOperation& operation, unsigned first_bank) const {
  if (operation.bank_mask == 0) return true;
  const unsigned banks = timing_.compute_banks().banks_per_activate;
  const std::uint64_t ones = banks >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << banks) - 1;
  return (operation.bank_mask >> first_bank & ones) != 0;
}

// All banks that one activate opens have the row in their compute buffer.
bool PimChannel::is_open(unsigned first_bank, std::uint32_t row) const {
  for (unsigned i = 0; i < timing_.compute_banks().banks_per_activate; ++i) {
    if (timing_.compute_row(first_bank + i) != row) return false;
  }
  return true;
}

Cycle PimChannel::group_estimate(const BankOperation& operation) const {
  const memory::CycleTiming& t = timing_.cycles();
  const memory::ComputeBanks& banks = timing_.compute_banks();
  Cycle precharges = 0;
  Cycle activates = 0;
  for (unsigned first = 0; first < timing_.banks(); first += banks.banks_per_activate) {
    if (!takes_part(operation, first) || is_open(first, operation.row)) continue;
    ++activates;
    for (unsigned bank = first; bank < first + banks.banks_per_activate; ++bank) {
      if (timing_.compute_row(bank) != BankTiming::kNoRow) ++precharges;
    }
  }
  if (config_.precharge_all) precharges = std::min<Cycle>(precharges, 1);
  const Cycle pairs = activates / timing_.ranks();
  const Cycle activation = pairs > 1 ? (pairs - 1) * banks.activate_spacing : 0;
  const Cycle reads = operation.results > 1 ? operation.results - 1 : 0;
  return precharges * t.RTP + activation + banks.activate_to_compute +
         Cycle{banks.compute_spacing} * std::max<Cycle>(operation.count, banks.pipeline_computes) +
         std::max(t.burst, t.CCD_L) * reads;
}

// --- Operations ------------------------------------------------------------------------------

PimChannel::Verdict PimChannel::front(Cycle now, Command& command) {
  const BankOperation& operation = queue_.front();
  if (writing_buffer_ && operation.kind != Kind::kBufferWrite) return Verdict::kNothing;
  switch (operation.kind) {
    case Kind::kBufferWrite:
      return buffer_write(operation, now, command);
    case Kind::kHeader:
      return header(operation, now, command);
    case Kind::kCompute:
    case Kind::kComputeRead:
    case Kind::kResultRead:
      return compute(operation, now, command);
    case Kind::kBufferLoad:
      return buffer_load(operation, now, command);
    case Kind::kMode:
      return mode(now, command);
  }
  return Verdict::kNothing;
}

// The command itself if its time has come; else notes when that will be.
PimChannel::Verdict PimChannel::at(CommandKind kind, unsigned bank, std::uint32_t row, Cycle from,
                                   Cycle now, Command& command) {
  if (from > now) {
    soon(from);
    return Verdict::kNothing;
  }
  command = channel_.make(kind, bank, row, now);
  return Verdict::kCommand;
}

// Before a command that moves data, so that it waits no longer than it must.
PimChannel::Verdict PimChannel::synchronise(Cycle from, Cycle now, Command& command) {
  const Cycle sync = timing_.cycles().WCKSYNC;
  return at(CommandKind::kWckSync, 0, 0, from > sync ? from - sync : 0, now, command);
}

PimChannel::Verdict PimChannel::finish(Cycle done) {
  const BankOperation operation = queue_.front();
  queue_.pop_front();
  if (operation.last) {
    in_group_ = false;
    if (!dual()) reserved_row_ = BankTiming::kNoRow;
    if (!dual()) slack_ = 0;
  }
  if (operation.counted) client_.operation_done(operation.tag, done);
  return Verdict::kCommand;
}

PimChannel::Verdict PimChannel::buffer_write(const BankOperation& operation, Cycle now,
                                             Command& command) {
  if (!writing_buffer_) {
    if (!meets_refresh(buffer_write_estimate(operation), now)) return Verdict::kNothing;
    writing_buffer_ = true;
    buffer_ready_ = kNoCycle;
    buffer_bank_ = operation.bank;
  }
  const unsigned bank = operation.bank;
  const std::uint32_t open = timing_.open_row(bank);
  if (open == operation.row) {
    const Verdict verdict = at(CommandKind::kBufferWrite, bank, operation.row,
                               timing_.buffer_write_from(bank), now, command);
    if (verdict != Verdict::kCommand) return verdict;
    buffer_ready_ = now + timing_.compute_banks().buffer_write_cycles;
    return finish(buffer_ready_);
  }
  if (open != BankTiming::kNoRow) {
    return at(CommandKind::kPrecharge, bank, 0, timing_.precharge_from(bank), now, command);
  }
  if (dual() && timing_.compute_row(bank) == operation.row) return shut(bank, now, command);
  return at(CommandKind::kActivate, bank, operation.row, timing_.activate_from(bank), now, command);
}

PimChannel::Verdict PimChannel::buffer_load(const BankOperation& operation, Cycle now,
                                            Command& command) {
  if (in_group_ && open_rows(operation, now, command) == Verdict::kCommand) {
    return Verdict::kCommand;
  }
  if (wck_stopped(timing_.buffer_load_from(), now)) {
    return synchronise(timing_.buffer_load_from(), now, command);
  }
  const Verdict verdict =
      at(CommandKind::kBufferLoad, 0, 0, timing_.buffer_load_from(), now, command);
  if (verdict != Verdict::kCommand || --queue_.front().count > 0) return verdict;
  return finish(now + timing_.cycles().CWL + timing_.cycles().burst);
}

// Between modes no row is open.
PimChannel::Verdict PimChannel::mode(Cycle now, Command& command) {
  Cycle from = 0;
  for (unsigned bank = 0; bank < timing_.banks(); ++bank) {
    if (timing_.compute_row(bank) != BankTiming::kNoRow) return shut(bank, now, command);
    from = std::max(from, timing_.activate_from(bank));
  }
  const Verdict verdict = at(CommandKind::kMode, 0, 0, from, now, command);
  if (verdict != Verdict::kCommand) return verdict;
  in_mode_ = !in_mode_;
  return finish(now + timing_.compute_banks().mode_cycles);
}

// Shuts whatever stands in the way of the group's row; the header itself takes a cycle.
PimChannel::Verdict PimChannel::header(const BankOperation& operation, Cycle now,
                                       Command& command) {
  if (!meets_refresh(group_estimate(operation), now)) return Verdict::kNothing;
  in_group_ = true;
  reserved_row_ = operation.row;
  const unsigned step = timing_.compute_banks().banks_per_activate;
  bool shut_all = true;
  for (unsigned bank = 0; bank < timing_.banks(); ++bank) {
    const unsigned first = bank / step * step;
    if (!takes_part(operation, first) || is_open(first, operation.row)) continue;
    const bool clash = dual() && timing_.open_row(bank) == operation.row;
    if (!clash && timing_.compute_row(bank) == BankTiming::kNoRow) continue;
    shut_all = false;
    const Verdict verdict =
        clash ? at(CommandKind::kPrecharge, bank, 0, timing_.precharge_from(bank), now, command)
              : shut(bank, now, command);
    if (verdict == Verdict::kCommand) return verdict;
  }
  if (!shut_all) return Verdict::kNothing;
  finish(now);
  soon(now + 1);
  return Verdict::kHold;
}

PimChannel::Verdict PimChannel::shut(unsigned bank, Cycle now, Command& command) {
  if (config_.precharge_all) {
    return at(CommandKind::kComputePrechargeAll, 0, 0, timing_.compute_precharge_all_from(), now,
              command);
  }
  return dual() ? at(CommandKind::kComputePrecharge, bank, 0, timing_.compute_precharge_from(bank),
                     now, command)
                : at(CommandKind::kPrecharge, bank, 0, timing_.precharge_from(bank), now, command);
}

bool PimChannel::rows_open(const BankOperation& operation) const {
  const unsigned step = timing_.compute_banks().banks_per_activate;
  for (unsigned first = 0; first < timing_.banks(); first += step) {
    if (takes_part(operation, first) && !is_open(first, operation.row)) return false;
  }
  return true;
}

// Opens what is shut, because the group has just begun or a refresh came between.
PimChannel::Verdict PimChannel::open_rows(const BankOperation& operation, Cycle now,
                                          Command& command) {
  const unsigned step = timing_.compute_banks().banks_per_activate;
  for (unsigned first = 0; first < timing_.banks(); first += step) {
    if (!takes_part(operation, first) || is_open(first, operation.row)) continue;
    bool all_shut = true;
    for (unsigned bank = first; bank < first + step; ++bank) {
      if (timing_.compute_row(bank) == BankTiming::kNoRow) continue;
      all_shut = false;
      if (shut(bank, now, command) == Verdict::kCommand) return Verdict::kCommand;
    }
    if (!all_shut) continue;
    const Verdict verdict = at(CommandKind::kGroupActivate, first, operation.row,
                               timing_.group_activate_from(first), now, command);
    if (verdict == Verdict::kCommand) return verdict;
  }
  return Verdict::kNothing;
}

PimChannel::Verdict PimChannel::compute(const BankOperation& operation, Cycle now,
                                        Command& command) {
  const memory::CycleTiming& t = timing_.cycles();
  if (operation.kind == Kind::kResultRead) {
    if (wck_stopped(timing_.result_from(), now)) {
      return synchronise(timing_.result_from(), now, command);
    }
    const Verdict verdict =
        at(CommandKind::kResultRead, 0, operation.row, timing_.result_from(), now, command);
    if (verdict != Verdict::kCommand || --queue_.front().count > 0) return verdict;
    return finish(now + t.CL + t.burst);
  }
  if (!rows_open(operation)) return open_rows(operation, now, command);
  const bool composite = operation.kind == Kind::kComputeRead;
  if (composite && wck_stopped(timing_.compute_from(), now)) {
    return synchronise(timing_.compute_from(), now, command);
  }
  const CommandKind kind = composite ? CommandKind::kComputeRead : CommandKind::kCompute;
  const Verdict verdict = at(kind, 0, operation.row, timing_.compute_from(), now, command);
  if (verdict != Verdict::kCommand) return verdict;
  command.count =
      static_cast<std::uint16_t>(composite ? operation.count * operation.repeat : operation.repeat);
  if (composite) return finish(now + t.CL + t.burst);
  return --queue_.front().count > 0 ? verdict : finish(now);
}

}  // namespace tandem::pim
