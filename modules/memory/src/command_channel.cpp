// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/command_channel.h"

#include <algorithm>

#include "bank_bits.h"

namespace tandem::memory {

CommandChannel::CommandChannel(const DeviceConfig& device, const ControllerConfig& controller,
                               Client& client, const ComputeBanks& compute)
    : controller_(controller),
      timing_(device, compute),
      client_(client),
      banks_per_group_(device.geometry.banks_per_group),
      separate_buses_(device.geometry.separate_command_buses),
      queues_(device.geometry.banks()),
      rank_entries_(device.geometry.ranks),
      open_since_(device.geometry.ranks) {
  const bool per_rank = controller.queues == CommandQueues::kPerRank;
  most_queued_ =
      controller.command_queue * (per_rank ? device.geometry.ranks : device.geometry.banks());
  reads_.reserve(controller.read_queue);
  writes_.reserve(controller.write_queue);
  const Cycle interval = timing_.cycles().REFI;
  if (interval != 0) {
    const unsigned targets = controller.refresh == RefreshMode::kAllBank ? device.geometry.ranks
                                                                         : device.geometry.banks();
    refresh_interval_ = std::max<Cycle>(1, interval / targets);
    refresh_due_ = refresh_interval_;
  }
}

// The n-th refresh of the channel: rank after rank, and of each its banks in turn.
unsigned CommandChannel::refresh_target(std::uint64_t n) const {
  const unsigned ranks = timing_.ranks();
  const auto rank = static_cast<unsigned>(n % ranks);
  if (controller_.refresh == RefreshMode::kAllBank) return rank;
  const unsigned banks = timing_.banks_per_rank();
  return rank * banks + static_cast<unsigned>(n / ranks % banks);
}

bool CommandChannel::idle() const {
  return reads_.empty() && pending_writes_ == 0 && active_banks_ == 0 &&
         (agent_ == nullptr || agent_->idle());
}

// --- Requests --------------------------------------------------------------------------------

void CommandChannel::submit(const Request& request, Cycle now) {
  wake(now);
  last_activity_ = now;
  if (pending_writes_ != 0 && has_pending_write(request)) {
    ++(request.is_write ? counters_.merged_writes : counters_.forwarded);
    return client_.request_done(request.tag, now + 1);
  }
  if (!request.is_write) return reads_.push_back(request);
  writes_.push_back(request);
  ++pending_writes_;
  client_.request_done(request.tag, now + 1);
}

bool CommandChannel::has_pending_write(const Request& request) const {
  const auto same = [&request](const auto& other) {
    return other.is_write && other.row == request.row && other.column == request.column;
  };
  const std::vector<Entry>& entries = queues_[request.bank].entries;
  return std::any_of(entries.begin(), entries.end(), same) ||
         std::any_of(writes_.begin(), writes_.end(), [&](const Request& other) {
           return other.bank == request.bank && same(other);
         });
}

void CommandChannel::wake(Cycle now) {
  catch_up(now);
  next_ = std::min(next_, std::max(now, stepped_));
}

void CommandChannel::catch_up(Cycle now) {
  while (next_ < now && (next_ != kNoCycle)) tick(next_);
}

// One request per cycle moves from where it waits into its command queue.
bool CommandChannel::transfer(Cycle now) {
  if (agent_ != nullptr) {
    const bool ordinary = !reads_.empty() || to_drain_ > 0;
    if (agent_->take_transfer(now, ordinary, to_drain_ > 0)) return true;
    if (!agent_->admits_requests()) return false;
  }
  if (to_drain_ == 0 && !writes_.empty()) start_drain(now);
  if (to_drain_ == 0) return transfer_from(reads_);
  if (!transfer_from(writes_)) return false;
  --to_drain_;
  return true;
}

bool CommandChannel::start_drain(Cycle now) {
  const bool quiet = active_banks_ == 0 && reads_.empty();
  const bool drain = writes_.size() >= controller_.write_queue ||
                     (active_banks_ == 0 && writes_.size() > controller_.write_low) ||
                     (quiet && now >= last_activity_ + controller_.write_idle);
  if (drain) {
    to_drain_ = static_cast<unsigned>(writes_.size());
    batch_due_ = !writing_;
    note_unfinished();
  } else if (quiet) {
    soon(last_activity_ + controller_.write_idle);
  }
  return drain;
}

bool CommandChannel::transfer_from(std::vector<Request>& waiting) {
  if (waiting.empty() || queued_[0] + queued_[1] >= most_queued_) return false;
  const auto it = std::find_if(waiting.begin(), waiting.end(),
                               [this](const Request& request) { return room(request.bank); });
  if (it == waiting.end()) return false;
  Queue& queue = queues_[it->bank];
  queue.entries.push_back({it->tag, next_order_++, it->row, it->column, it->is_write});
  ++queue.count[it->is_write];
  if (it->row == timing_.open_row(it->bank)) ++queue.hits[it->is_write];
  bank_from_[it->bank] = 0;
  ++rank_entries_[timing_.rank_of(it->bank)];
  ++queued_[it->is_write];
  active_banks_ |= std::uint64_t{1} << it->bank;
  waiting.erase(it);
  return true;
}

bool CommandChannel::room(unsigned bank) const {
  if (controller_.queues == CommandQueues::kPerRank) {
    return rank_entries_[timing_.rank_of(bank)] < controller_.command_queue;
  }
  return queues_[bank].entries.size() < controller_.command_queue;
}

// --- One cycle -------------------------------------------------------------------------------

void CommandChannel::tick(Cycle now) {
  catch_up(now);
  if (now < next_) return;
  step(now);
}

void CommandChannel::step(Cycle now) {
  stepped_ = now + 1;
  ready_ = kNoCycle;
  issued_ = column_issued_ = false;
  insert_refreshes(now);
  const bool refreshing = !refresh_wait_.empty();

  // 1. A refresh that is due comes first.
  bool row_bus_used = refreshing && refresh_step(now);
  bool hold = false;
  // 2. Then whoever computes in the banks.
  if (!row_bus_used && agent_ != nullptr && !agent_->idle()) {
    Command command;
    const BankAgent::Verdict verdict = agent_->step(now, refreshing, active_banks_ != 0, command);
    hold = verdict != BankAgent::Verdict::kNothing;
    if (verdict == BankAgent::Verdict::kCommand) issue(command);
  }
  // 3. Then ordinary requests: on one bus, or on each of two.
  if (!hold && active_banks_ != 0) {
    if (!separate_buses_) {
      if (!row_bus_used) pick(now, Bus::kAny);
    } else if (row_bus_used) {
      pick(now, Bus::kColumn);
    } else if (pick(now, Bus::kAny)) {
      pick(now, last_was_column_ ? Bus::kRow : Bus::kColumn);
    }
  }
  // 4. A waiting request enters its queue.
  const bool transferred = transfer(now);

  const bool turned = turns(now);
  if (turned) turn_bus();

  // 5. What comes next? Whatever changed may have made more possible in the next cycle.
  if (transferred) last_activity_ = now;
  if (issued_ || transferred || turned) {
    next_ = now + 1;
    return;
  }
  next_ = std::min(ready_, refresh_due_);
  if (agent_ != nullptr && !agent_->idle()) next_ = std::min(next_, agent_->next(now));
  next_ = std::max(next_, now + 1);
}

// --- Refresh ---------------------------------------------------------------------------------

Cycle CommandChannel::refresh_slack(Cycle now) const {
  if (refresh_interval_ == 0) return kNoCycle;
  return refresh_due_ - now;
}

void CommandChannel::insert_refreshes(Cycle now) {
  for (; now >= refresh_due_; refresh_due_ += refresh_interval_) {
    refresh_wait_.push_back(refresh_target(refreshes_inserted_++));
  }
  if (refresh_wait_.empty()) return;
  const unsigned target = refresh_wait_.front();
  blocked_banks_ =
      controller_.refresh == RefreshMode::kAllBank ? rank_mask(target) : bits(target, 1);
}

// Shuts the banks to be refreshed, one command per cycle, then refreshes them.
bool CommandChannel::refresh_step(Cycle now) {
  const unsigned target = refresh_wait_.front();
  bool shut = true;
  for (std::uint64_t left = blocked_banks_; left != 0; left &= left - 1) {
    const unsigned bank = lowest_bit(left);
    if (timing_.open_row(bank) == BankTiming::kNoRow &&
        timing_.compute_row(bank) == BankTiming::kNoRow) {
      continue;
    }
    shut = false;
    if (shut_bank(bank, now)) return true;
  }
  if (!shut) return false;
  const bool all = controller_.refresh == RefreshMode::kAllBank;
  const Cycle from = all ? timing_.refresh_from(target) : timing_.refresh_bank_from(target);
  if (from > now) {
    soon(from);
    return false;
  }
  const unsigned bank = all ? target * timing_.banks_per_rank() : target;
  issue(make(all ? CommandKind::kRefresh : CommandKind::kRefreshBank, bank, 0, now));
  refresh_wait_.erase(refresh_wait_.begin());
  blocked_banks_ = 0;
  if (agent_ != nullptr) agent_->refreshed();
  return true;
}

bool CommandChannel::shut_bank(unsigned bank, Cycle now) {
  const bool normal = timing_.open_row(bank) != BankTiming::kNoRow;
  const Cycle from = normal ? timing_.precharge_from(bank) : timing_.compute_precharge_from(bank);
  if (from > now) {
    soon(from);
    return false;
  }
  issue(make(normal ? CommandKind::kPrecharge : CommandKind::kComputePrecharge, bank, 0, now));
  return true;
}

// --- Issue -----------------------------------------------------------------------------------

Command CommandChannel::make(CommandKind kind, unsigned bank, std::uint32_t row, Cycle now) const {
  Command command;
  command.cycle = now;
  command.kind = kind;
  command.rank = static_cast<std::uint8_t>(timing_.rank_of(bank));
  command.group = static_cast<std::uint8_t>(bank % timing_.banks_per_rank() / banks_per_group_);
  command.bank = static_cast<std::uint8_t>(bank);
  command.row = row;
  return command;
}

void CommandChannel::issue(const Command& command) {
  timing_.issue(command);
  ++counters_.commands[static_cast<std::size_t>(command.kind)];
  issued_ = true;
  for (CommandListener* listener : listeners_) listener->on_command(command);
  switch (command.kind) {
    case CommandKind::kActivate:
    case CommandKind::kPrecharge:
    case CommandKind::kReadPrecharge:
    case CommandKind::kWritePrecharge:
    case CommandKind::kComputePrecharge:
      return row_changed(command.bank, command.cycle);
    case CommandKind::kGroupActivate:
    case CommandKind::kComputePrechargeAll:
      for (unsigned bank = 0; bank < timing_.banks(); ++bank) row_changed(bank, command.cycle);
      return;
    default:
      return;
  }
}

void CommandChannel::serve(const Choice& choice, Cycle now) {
  last_activity_ = now;
  Queue& queue = queues_[choice.bank];
  const Entry entry = queue.entries[choice.entry];
  Command command = make(choice.kind, choice.bank, entry.row, now);
  if (agent_ != nullptr) agent_->issued(command);
  if (!is_column(choice.kind)) return issue(command);

  command.column = entry.column;
  if (timing_.row_hits(choice.bank) != 0) ++counters_.row_hits;
  counters_.data_cycles += timing_.cycles().burst;
  queue.entries.erase(queue.entries.begin() + static_cast<long>(choice.entry));
  --queue.count[entry.is_write];
  --queue.hits[entry.is_write];
  bank_from_[choice.bank] = 0;
  --rank_entries_[command.rank];
  --queued_[entry.is_write];
  if (queue.entries.empty()) active_banks_ &= ~(std::uint64_t{1} << choice.bank);
  if (entry.is_write) {
    --pending_writes_;
    ++written_;
  }
  column_issued_ = true;
  issue(command);
  if (!entry.is_write) {
    const CycleTiming& t = timing_.cycles();
    client_.request_done(entry.tag, now + t.CL + t.burst);
  }
}

void CommandChannel::row_changed(unsigned bank, Cycle now) {
  Queue& queue = queues_[bank];
  bank_from_[bank] = 0;
  const std::uint32_t row = timing_.open_row(bank);
  queue.hits = {};
  for (const Entry& entry : queue.entries) {
    if (entry.row == row) ++queue.hits[entry.is_write];
  }

  const std::uint64_t before = open_banks_;
  const std::uint64_t bit = std::uint64_t{1} << bank;
  const bool open = row != BankTiming::kNoRow || timing_.compute_row(bank) != BankTiming::kNoRow;
  open_banks_ = open ? open_banks_ | bit : open_banks_ & ~bit;
  const unsigned rank = timing_.rank_of(bank);
  const std::uint64_t mask = rank_mask(rank);
  if ((before & mask) == 0 && open) open_since_[rank] = now;
  if ((before & mask) != 0 && (open_banks_ & mask) == 0) active_cycles_ += now - open_since_[rank];
}

void CommandChannel::reset(Cycle now) {
  active_cycles_ = active_cycles(now);
  open_banks_ = 0;
  timing_.reset();
  reads_.clear();
  writes_.clear();
  for (Queue& queue : queues_) queue = {};
  bank_from_.fill(0);
  std::fill(rank_entries_.begin(), rank_entries_.end(), 0);
  queued_ = {};
  writing_ = batch_due_ = false;
  unfinished_ = due_order_ = 0;
  written_ = 0;
  active_banks_ = 0;
  to_drain_ = pending_writes_ = 0;
  refresh_wait_.clear();
  blocked_banks_ = 0;
  refreshes_inserted_ = 0;
  round_robin_ = 0;
  next_order_ = 0;
  last_activity_ = now;
  stepped_ = now;
  last_was_column_ = false;
  refresh_due_ = refresh_interval_ == 0 ? kNoCycle : now + refresh_interval_;
  next_ = now;
}

std::uint64_t CommandChannel::rank_mask(unsigned rank) const {
  return bits(rank * timing_.banks_per_rank(), timing_.banks_per_rank());
}

std::uint64_t CommandChannel::active_cycles(Cycle now) const {
  std::uint64_t cycles = active_cycles_;
  for (unsigned rank = 0; rank < timing_.ranks(); ++rank) {
    if ((open_banks_ & rank_mask(rank)) != 0 && now > open_since_[rank]) {
      cycles += now - open_since_[rank];
    }
  }
  return cycles;
}

}  // namespace tandem::memory
