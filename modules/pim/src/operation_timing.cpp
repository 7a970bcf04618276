// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/operation_timing.h"

#include <algorithm>

namespace tandem::pim {

using memory::BankTiming;
using memory::Cycle;
using memory::kNoCycle;
using Kind = BankOperation::Kind;

OperationTiming::OperationTiming(const memory::DeviceConfig& device,
                                 const memory::ControllerConfig& controller,
                                 const memory::ComputeBanks& banks,
                                 const PimChannel::Config& config)
    : t_(device),
      banks_(banks),
      config_(config),
      ranks_count_(device.geometry.ranks),
      banks_per_rank_(device.geometry.banks_per_rank()),
      groups_per_rank_(device.geometry.banks_per_rank() / banks.banks_per_activate),
      ranks_(device.geometry.ranks) {
  const bool all = controller.refresh == memory::RefreshMode::kAllBank;
  refresh_targets_ = all ? ranks_count_ : device.geometry.banks();
  refresh_length_ = all ? t_.RFC : t_.RFCpb;
  if (t_.REFI != 0) refresh_interval_ = std::max<Cycle>(1, t_.REFI / refresh_targets_);
  reset();
}

void OperationTiming::reset(Cycle epoch) {
  for (Rank& rank : ranks_) rank = {0, epoch};
  row_ = BankTiming::kNoRow;
  now_ = first_activate_ = last_activate_ = epoch;
  compute_from_ = result_from_ = load_from_ = precharge_from_ = epoch;
  read_from_ = epoch;
  run_open_ = false;
  left_over_ = 0;
  vector_row_ = BankTiming::kNoRow;
  refresh_due_ = refresh_interval_ == 0 ? kNoCycle : epoch + refresh_interval_;
  next_refresh_ = 0;
}

void OperationTiming::wait_until(Cycle cycle) {
  pass_idle_rounds(cycle);
  while (refresh_due_ < cycle) refresh();
  now_ = std::max(now_, cycle);
}

// A refresh of every target leaves a channel that does nothing as the round before left it. All
// rounds but the first and the last are passed over.
void OperationTiming::pass_idle_rounds(Cycle cycle) {
  const Cycle round = refresh_interval_ * refresh_targets_;
  if (refresh_interval_ == 0 || refresh_due_ + 3 * round >= cycle) return;
  for (unsigned i = 0; i < refresh_targets_; ++i) refresh();
  const auto busy = [this](const Rank& rank) { return rank.ready > refresh_due_ + t_.RP; };
  if (now_ > refresh_due_ || std::any_of(ranks_.begin(), ranks_.end(), busy)) return;
  refresh_due_ += ((cycle - refresh_due_) / round - 1) * round;
}

void OperationTiming::shut_rows() {
  for (Rank& rank : ranks_) rank.open = 0;
  row_ = BankTiming::kNoRow;
  left_over_ = 0;
  vector_row_ = BankTiming::kNoRow;
}

Cycle OperationTiming::shut_by() const {
  if (open_groups() == 0) return now_;
  return std::max({now_, precharge_from_, last_activate_ + t_.RAS}) + t_.RP;
}

Cycle OperationTiming::run(const BankOperation& operation) {
  switch (operation.kind) {
    case Kind::kHeader:
      return header(operation);
    case Kind::kCompute:
      return compute(operation);
    case Kind::kComputeRead:
      return compute_read(operation);
    case Kind::kResultRead:
      return result_read(operation);
    case Kind::kBufferWrite:
      return buffer_write(operation);
    case Kind::kBufferLoad:
      return buffer_load(operation);
    case Kind::kMode:
      return mode();
  }
  return now_;
}

// --- Rows ------------------------------------------------------------------------------------

std::uint64_t OperationTiming::groups_of(const BankOperation& operation, unsigned rank) const {
  std::uint64_t groups = 0;
  for (unsigned i = 0; i < groups_per_rank_; ++i) {
    const unsigned first = rank * banks_per_rank_ + i * banks_.banks_per_activate;
    const std::uint64_t ones = banks_.banks_per_activate >= 64
                                   ? ~std::uint64_t{0}
                                   : (std::uint64_t{1} << banks_.banks_per_activate) - 1;
    if (operation.bank_mask == 0 || (operation.bank_mask >> first & ones) != 0) {
      groups |= std::uint64_t{1} << i;
    }
  }
  return groups;
}

unsigned OperationTiming::open_groups() const {
  unsigned groups = 0;
  for (const Rank& rank : ranks_) {
    groups += static_cast<unsigned>(__builtin_popcountll(rank.open));
  }
  return groups;
}

// One command per bank, or one for all; returns the last. `left_over` banks among them belong to a
// group that is not open: the others may be opened first.
Cycle OperationTiming::precharge(unsigned banks, unsigned left_over) {
  if (banks + left_over == 0) return now_;
  const unsigned commands = config_.precharge_all ? 1 : banks + left_over;
  const Cycle first = std::max({now_, precharge_from_, first_activate_ + t_.RAS});
  const Cycle spacing = std::max<Cycle>(1, t_.PPD);
  const Cycle last = std::max(first + (commands - 1) * spacing, last_activate_ + t_.RAS);
  now_ = last + 1;
  if (banks == 0 && groups_per_rank_ > 1) return last;
  for (unsigned i = 0; i < ranks_count_; ++i) {
    // A rank's first group may be opened while banks behind it are still being shut.
    const unsigned before = std::min(commands, i * banks_per_rank_ + banks_.banks_per_activate);
    const Cycle shut = commands == 1 ? last : first + (before - 1) * spacing;
    ranks_[i].ready = std::max({ranks_[i].ready, shut + t_.RP, first_activate_ + t_.RC});
  }
  return last;
}

void OperationTiming::activate(const BankOperation& operation) {
  Cycle first = kNoCycle, last = 0;
  for (unsigned i = 0; i < ranks_count_; ++i) {
    Rank& rank = ranks_[i];
    const std::uint64_t shut = groups_of(operation, i) & ~rank.open;
    if (shut == 0) continue;
    const auto groups = static_cast<Cycle>(__builtin_popcountll(shut));
    const Cycle begin = std::max(now_, rank.ready);
    now_ = begin == now_ ? now_ + 1 : now_;  // the command bus
    first = std::min(first, begin);
    last = std::max(last, begin + (groups - 1) * banks_.activate_spacing);
    rank.open |= shut;
    rank.ready = begin + groups * banks_.activate_spacing;
  }
  if (first == kNoCycle) return;
  first_activate_ = first;
  last_activate_ = last;
  now_ = std::max(now_, last + 1);
  compute_from_ = std::max(compute_from_, last + banks_.activate_to_compute);
  result_from_ = std::max(result_from_, last + banks_.activate_to_compute);
}

// --- Refresh ---------------------------------------------------------------------------------

// The target's banks are shut one by one, then refreshed; PIM goes on with the other ranks.
void OperationTiming::refresh() {
  const bool all = refresh_targets_ == ranks_count_;
  const unsigned rank_index = all ? next_refresh_ : next_refresh_ / banks_per_rank_;
  Rank& rank = ranks_[rank_index];
  const std::uint64_t group =
      all ? ~std::uint64_t{0}
          : std::uint64_t{1} << (next_refresh_ % banks_per_rank_ / banks_.banks_per_activate);
  const auto groups = static_cast<unsigned>(__builtin_popcountll(rank.open & group));
  Cycle begin = std::max({refresh_due_, now_, rank.ready > t_.RP ? rank.ready - t_.RP : 0});
  if (groups > 0) {
    const unsigned banks = all ? groups * banks_.banks_per_activate : 1;
    now_ = std::max(now_, refresh_due_);
    begin = precharge(banks, 0) + t_.RP;
  }
  rank.open &= ~group;
  rank.ready = begin + refresh_length_;
  if (all && rank_index == 0) {
    vector_row_ = BankTiming::kNoRow;
    left_over_ = 0;
  }
  // Of an idle channel nobody waits for it.
  now_ = std::max(now_, begin + 1);
  refresh_due_ += refresh_interval_;
  next_refresh_ = (next_refresh_ + 1) % refresh_targets_;
}

void OperationTiming::refresh_if_due(Cycle next_command) {
  while (refresh_due_ <= next_command) {
    refresh();
    next_command = std::max(next_command, now_);
  }
}

void OperationTiming::guard(Cycle estimate) {
  refresh_if_due(now_);
  if (!config_.refresh_guard) return;
  while (refresh_due_ - now_ <= estimate) {
    now_ = refresh_due_;
    refresh();
  }
}

// PimChannel::group_estimate().
Cycle OperationTiming::group_estimate(const BankOperation& operation) const {
  const bool same = row_ == operation.row;
  Cycle shut = 0, activates = 0;
  for (unsigned i = 0; i < ranks_count_; ++i) {
    const std::uint64_t groups = groups_of(operation, i);
    const std::uint64_t other = same ? 0 : groups & ranks_[i].open;
    shut += static_cast<Cycle>(__builtin_popcountll(other)) * banks_.banks_per_activate;
    const std::uint64_t open = same ? ranks_[i].open : 0;
    activates += static_cast<Cycle>(__builtin_popcountll(groups & ~open));
  }
  if (config_.precharge_all) shut = std::min<Cycle>(shut, 1);
  const Cycle pairs = activates / ranks_count_;
  const Cycle reads = operation.results > 1 ? operation.results - 1 : 0;
  return shut * t_.RTP + (pairs > 1 ? (pairs - 1) * banks_.activate_spacing : 0) +
         banks_.activate_to_compute +
         Cycle{banks_.compute_spacing} *
             std::max<Cycle>(operation.count, banks_.pipeline_computes) +
         std::max(t_.burst, t_.CCD_L) * reads;
}

// --- Operations ------------------------------------------------------------------------------

Cycle OperationTiming::header(const BankOperation& operation) {
  guard(group_estimate(operation));
  const bool same = row_ == operation.row;
  precharge(same ? 0 : open_groups() * banks_.banks_per_activate, left_over_);
  left_over_ = 0;
  if (!same) {
    for (Rank& rank : ranks_) rank.open = 0;
    row_ = operation.row;
  }
  return now_++;
}

void OperationTiming::computed(Cycle last, Cycle length) {
  compute_from_ = last + length;
  result_from_ = std::max(result_from_, last + length);
  precharge_from_ = std::max(precharge_from_, last + banks_.compute_to_precharge);
  load_from_ = std::max(load_from_, last + t_.read_to_write());
  read_from_ = std::max(read_from_, last + t_.burst + t_.RTRS);
  now_ = std::max(now_, last + 1);
}

Cycle OperationTiming::compute(const BankOperation& operation) {
  const Cycle length = Cycle{banks_.compute_spacing} * operation.repeat;
  Cycle last = now_;
  for (Cycle left = operation.count; left > 0;) {
    refresh_if_due(now_);
    activate(operation);
    const Cycle begin = std::max(now_, compute_from_);
    // A refresh comes between columns, if there is no guard.
    const Cycle before = refresh_due_ <= begin ? 0 : (refresh_due_ - begin + length - 1) / length;
    const Cycle columns = std::min(left, before);
    if (columns == 0) {
      now_ = std::max(now_, refresh_due_);
      continue;
    }
    if (!run_open_) {
      result_from_ = std::max(result_from_, begin + banks_.pipeline_computes * t_.CCD_S);
    }
    run_open_ = true;
    last = begin + (columns - 1) * length;
    computed(last, length);
    left -= columns;
  }
  return last;
}

Cycle OperationTiming::compute_read(const BankOperation& operation) {
  refresh_if_due(now_);
  activate(operation);
  const Cycle begin = std::max(now_, compute_from_);
  const Cycle computes =
      std::max<Cycle>(Cycle{operation.count} * operation.repeat, banks_.pipeline_computes) + 1;
  computed(begin, computes * banks_.compute_spacing);
  return begin + t_.CL + t_.burst;
}

Cycle OperationTiming::result_read(const BankOperation& operation) {
  refresh_if_due(now_);
  const Cycle begin = std::max(now_, result_from_);
  const Cycle last = begin + (operation.count - 1) * Cycle{banks_.result_spacing};
  run_open_ = false;
  computed(last, banks_.result_spacing);
  return last + t_.CL + t_.burst;
}

// The row is opened in the ordinary row buffer of bank 0, which holds the one before, if any. With
// a single row buffer the group of bank 0 is then no longer open for computing.
Cycle OperationTiming::buffer_write(const BankOperation& operation) {
  const bool single = !banks_.dual_row_buffer;
  const bool group_open = single && (ranks_[0].open & 1) != 0;
  const bool hit = vector_row_ == operation.row;
  const bool shut = !hit && (group_open || vector_row_ != BankTiming::kNoRow);
  guard(banks_.buffer_write_cycles + (hit ? 0 : t_.RP + t_.RCDRD + (shut ? t_.RTP : 0)));
  Cycle begin = std::max(now_, read_from_);
  if (vector_row_ != operation.row) {  // a refresh may have shut it
    begin = std::max(now_, ranks_[0].ready);
    if (shut)
      begin = std::max({now_, precharge_from_, single ? last_activate_ + t_.RAS : 0}) + t_.RP;
    begin += t_.RCDRD;
  }
  if (single) {
    left_over_ = group_open ? banks_.banks_per_activate : std::max(left_over_, 1u);
    ranks_[0].open &= ~std::uint64_t{1};
  }
  vector_row_ = operation.row;
  const Cycle done = begin + banks_.buffer_write_cycles;
  compute_from_ = std::max(compute_from_, done);
  now_ = std::max(now_, done);
  return done;
}

Cycle OperationTiming::buffer_load(const BankOperation& operation) {
  refresh_if_due(now_);
  if (row_ == operation.row && row_ != BankTiming::kNoRow) activate(operation);
  const Cycle spacing = std::max({t_.burst, t_.CCD_S, Cycle{banks_.load_spacing}});
  const Cycle last = std::max(now_, load_from_) + (operation.count - 1) * spacing;
  load_from_ = last + spacing;
  const Cycle end = last + t_.CWL + t_.burst;
  compute_from_ = std::max(compute_from_, end + banks_.load_to_compute);
  now_ = last + 1;
  return end;
}

Cycle OperationTiming::mode() {
  refresh_if_due(now_);
  precharge(open_groups() * banks_.banks_per_activate, left_over_);
  Cycle begin = now_;
  for (const Rank& rank : ranks_) begin = std::max(begin, rank.ready);
  shut_rows();
  now_ = begin + banks_.mode_cycles;
  for (Rank& rank : ranks_) rank.ready = std::max(rank.ready, now_);
  return now_;
}

}  // namespace tandem::pim
