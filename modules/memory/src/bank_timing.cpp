// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/bank_timing.h"

namespace tandem::memory {

CycleTiming::CycleTiming(const DeviceConfig& device) : tck_ps(device.timing.tCK) {
  const DeviceTiming& t = device.timing;
  const auto cycles = [this](std::uint64_t ps) { return (ps + tck_ps - 1) / tck_ps; };
  burst = cycles(device.geometry.burst_ps());
  CL = cycles(t.CL);
  CWL = cycles(t.CWL);
  RCDRD = cycles(t.tRCDRD);
  RCDWR = cycles(t.tRCDWR);
  RP = cycles(t.tRP);
  RAS = cycles(t.tRAS);
  RC = cycles(t.tRC);
  CCD_S = cycles(t.tCCD_S);
  CCD_L = cycles(t.tCCD_L);
  RTRS = cycles(t.tRTRS);
  RRD_S = cycles(t.tRRD_S);
  RRD_L = cycles(t.tRRD_L);
  FAW = cycles(t.tFAW);
  WTR_S = cycles(t.tWTR_S);
  WTR_L = cycles(t.tWTR_L);
  WR = cycles(t.tWR);
  const bool takes_short = t.tRTP_L == 0 || (device.geometry.bank_groups == 1 && t.tRTP_S != 0);
  RTP = cycles(takes_short ? t.tRTP_S : t.tRTP_L);
  PPD = cycles(t.tPPD);
  RFC = cycles(t.tRFC);
  RFCpb = cycles(t.tRFCpb);
  REFI = t.tREFI / tck_ps;
  WCKSYNC = cycles(t.tWCKSYNC);
  WCKIDLE = cycles(t.tWCKIDLE);
}

BankTiming::BankTiming(const DeviceConfig& device, const ComputeBanks& compute)
    : t_(device),
      compute_(compute),
      banks_per_group_(device.geometry.banks_per_group),
      banks_per_rank_(device.geometry.banks_per_rank()),
      banks_(device.geometry.banks()),
      groups_(std::size_t{device.geometry.ranks} * device.geometry.bank_groups),
      ranks_(device.geometry.ranks) {}

void BankTiming::reset() {
  std::fill(banks_.begin(), banks_.end(), Bank{});
  std::fill(groups_.begin(), groups_.end(), Group{});
  std::fill(ranks_.begin(), ranks_.end(), Rank{});
  wck_from_ = wck_until_ = 0;
  compute_from_ = result_from_ = buffer_write_from_ = buffer_load_from_ = compute_precharge_ = 0;
  run_open_ = false;
}

Cycle BankTiming::refresh_from(unsigned rank) const {
  Cycle from = 0;
  for (unsigned i = 0; i < banks_per_rank_; ++i) {
    raise(from, banks_[rank * banks_per_rank_ + i].refresh);
  }
  return from;
}

Cycle BankTiming::group_activate_from(unsigned first_bank) const {
  const Rank& rank = ranks_[rank_of(first_bank)];
  Cycle from = rank.activate;
  for (unsigned bank = first_bank; bank < first_bank + compute_.banks_per_activate; ++bank) {
    raise(from, std::max(banks_[bank].group_activate, groups_[group_of(bank)].activate));
  }
  return from;
}

Cycle BankTiming::compute_precharge_all_from() const {
  Cycle from = compute_precharge_;
  for (unsigned bank = 0; bank < banks(); ++bank) {
    raise(from, dual() ? compute_precharge_from(bank) : precharge_from(bank));
  }
  return from;
}

Cycle BankTiming::buffer_load_from() const {
  Cycle from = buffer_load_from_;
  for (const Rank& rank : ranks_) raise(from, rank.write);
  return from;
}

void BankTiming::issue(const Command& command) {
  const Cycle now = command.cycle;
  switch (command.kind) {
    case CommandKind::kActivate:
      return activate(command);
    case CommandKind::kPrecharge:
      raise(ranks_[command.rank].precharge, now + t_.PPD);
      return precharge(banks_[command.bank], now);
    case CommandKind::kRead:
      return read(command);
    case CommandKind::kReadPrecharge:
      read(command);
      return precharge(banks_[command.bank], banks_[command.bank].precharge);
    case CommandKind::kWrite:
      return write(command);
    case CommandKind::kWritePrecharge:
      write(command);
      return precharge(banks_[command.bank], banks_[command.bank].precharge);
    case CommandKind::kRefresh:
      return refresh(command);
    case CommandKind::kRefreshBank:
      return refresh_bank(command);
    case CommandKind::kWckSync:
      wck_from_ = now + t_.WCKSYNC;
      wck_until_ = wck_from_ + t_.WCKIDLE;
      for (Rank& rank : ranks_) {
        raise(rank.read, wck_from_);
        raise(rank.write, wck_from_);
      }
      raise(compute_from_, wck_from_);
      raise(result_from_, wck_from_);
      return;
    case CommandKind::kGroupActivate:
      return group_activate(command);
    case CommandKind::kComputePrecharge:
      return shut_compute_buffer(command.bank, now);
    case CommandKind::kComputePrechargeAll:
      for (unsigned bank = 0; bank < banks(); ++bank) shut_compute_buffer(bank, now);
      return;
    case CommandKind::kBufferWrite:
      return buffer_write(command);
    case CommandKind::kBufferLoad:
      return buffer_load(command);
    case CommandKind::kCompute:
      return compute(command);
    case CommandKind::kComputeRead:
      return compute_read(command);
    case CommandKind::kResultRead:
      return result_read(command);
    case CommandKind::kMode:
      return mode(command);
  }
}

void BankTiming::activate(const Command& command) {
  const Cycle now = command.cycle;
  Bank& bank = banks_[command.bank];
  bank.row = command.row;
  bank.hits = 0;
  raise(bank.activate, now + t_.RC);
  raise(bank.read, now + t_.RCDRD);
  raise(bank.write, now + t_.RCDWR);
  raise(bank.precharge, now + t_.RAS);
  raise(bank.group_activate, now + (dual() ? t_.RRD_L : t_.RC));
  raise(groups_[group_of(command.bank)].activate, now + t_.RRD_L);
  Rank& rank = ranks_[command.rank];
  raise(rank.activate, now + t_.RRD_S);
  rank.window[rank.oldest] = now + t_.FAW;
  rank.oldest = (rank.oldest + 1) % 4;
}

void BankTiming::precharge(Bank& bank, Cycle cycle) {
  bank.row = kNoRow;
  bank.hits = 0;
  raise(bank.activate, cycle + t_.RP);
  raise(bank.refresh, cycle + t_.RP);
  if (!dual()) raise(bank.group_activate, cycle + t_.RP);
}

void BankTiming::data_until(Cycle cycle) {
  wck_until_ = std::max(wck_until_, cycle + t_.WCKIDLE);
}

void BankTiming::read(const Command& command) {
  const Cycle now = command.cycle;
  Bank& bank = banks_[command.bank];
  ++bank.hits;
  raise(bank.precharge, now + t_.RTP);
  raise(groups_[group_of(command.bank)].read, now + std::max(t_.burst, t_.CCD_L));
  for (Rank& rank : ranks_) {
    const bool same = &rank == &ranks_[command.rank];
    raise(rank.read, now + (same ? std::max(t_.burst, t_.CCD_S) : t_.burst + t_.RTRS));
    raise(rank.write, now + t_.read_to_write());
  }
  raise(compute_from_, now + std::max(t_.burst, dual() ? t_.CCD_S : t_.CCD_L));
  raise(result_from_, now + t_.burst);
  data_until(now + t_.CL + t_.burst);
}

void BankTiming::write(const Command& command) {
  const Cycle now = command.cycle;
  const Cycle end = now + t_.CWL + t_.burst;
  Bank& bank = banks_[command.bank];
  ++bank.hits;
  raise(bank.precharge, end + t_.WR);
  Group& group = groups_[group_of(command.bank)];
  raise(group.write, now + std::max(t_.burst, t_.CCD_L));
  raise(group.read, end + t_.WTR_L);
  for (Rank& rank : ranks_) {
    const bool same = &rank == &ranks_[command.rank];
    raise(rank.write, now + (same ? std::max(t_.burst, t_.CCD_S) : t_.burst));
    raise(rank.read, same ? end + t_.WTR_S : now + t_.write_to_read_other_rank());
  }
  raise(compute_from_, end + (dual() ? t_.WTR_S : t_.WTR_L));
  raise(result_from_, now + t_.write_to_read_other_rank());
  data_until(end);
}

void BankTiming::refresh(const Command& command) {
  const Cycle end = command.cycle + t_.RFC;
  for (unsigned i = 0; i < banks_per_rank_; ++i) {
    Bank& bank = banks_[command.rank * banks_per_rank_ + i];
    raise(bank.activate, end);
    raise(bank.group_activate, end);
    raise(bank.refresh, end);
  }
}

void BankTiming::refresh_bank(const Command& command) {
  const Cycle end = command.cycle + t_.RFCpb;
  Bank& bank = banks_[command.bank];
  raise(bank.activate, end);
  raise(bank.group_activate, end);
  raise(bank.refresh, end);
  Rank& rank = ranks_[command.rank];
  raise(rank.refresh_bank, end);
  raise(rank.activate, command.cycle + t_.RRD_S);
}

void BankTiming::group_activate(const Command& command) {
  const Cycle now = command.cycle;
  for (unsigned i = 0; i < compute_.banks_per_activate; ++i) {
    Bank& bank = banks_[command.bank + i];
    (dual() ? bank.compute_row : bank.row) = command.row;
    raise(bank.group_activate, now + t_.RC);
    raise(bank.activate, now + (dual() ? t_.RRD_L : t_.RC));
    raise(dual() ? bank.compute_precharge : bank.precharge, now + t_.RAS);
    if (!dual()) {
      raise(bank.read, now + t_.RCDRD);
      raise(bank.write, now + t_.RCDWR);
    }
  }
  raise(ranks_[command.rank].activate, now + compute_.activate_spacing);
  raise(compute_from_, now + compute_.activate_to_compute);
  raise(result_from_, now + compute_.activate_to_compute);
}

void BankTiming::shut_compute_buffer(unsigned index, Cycle cycle) {
  Bank& bank = banks_[index];
  if (!dual()) return precharge(bank, cycle);
  bank.compute_row = kNoRow;
  raise(bank.group_activate, cycle + t_.RP);
  raise(bank.refresh, cycle + t_.RP);
}

void BankTiming::after_compute(Cycle cycle, Cycle read_spacing) {
  for (Rank& rank : ranks_) {
    raise(rank.read, cycle + read_spacing);
    raise(rank.write, cycle + t_.read_to_write());
  }
  raise(buffer_write_from_, cycle + std::max(t_.burst, t_.CCD_S));
  raise(compute_precharge_, cycle + compute_.compute_to_precharge);
}

void BankTiming::compute(const Command& command) {
  const Cycle now = command.cycle;
  const Cycle length = Cycle{compute_.compute_spacing} * std::max<Cycle>(1, command.count);
  raise(compute_from_, now + length);
  raise(result_from_, now + length);
  if (!run_open_) raise(result_from_, now + compute_.pipeline_computes * t_.CCD_S);
  run_open_ = true;
  after_compute(now, std::max(t_.burst, t_.CCD_S));
}

void BankTiming::compute_read(const Command& command) {
  const Cycle now = command.cycle;
  run_open_ = false;
  const Cycle computes = std::max<Cycle>(command.count, compute_.pipeline_computes) + 1;
  raise(compute_from_, now + computes * compute_.compute_spacing);
  raise(result_from_, compute_from_);
  after_compute(now, t_.burst + t_.RTRS);
  for (Bank& bank : banks_) {
    raise(bank.group_activate, now + compute_.compute_to_precharge + t_.RP);
  }
  data_until(now + t_.CL + t_.burst);
}

void BankTiming::result_read(const Command& command) {
  const Cycle now = command.cycle;
  run_open_ = false;
  const Cycle spacing = std::max<Cycle>(compute_.result_spacing, t_.burst);
  raise(compute_from_, now + spacing);
  raise(result_from_, now + spacing);
  after_compute(now, std::max(spacing, t_.burst + (ranks_.size() > 1 ? t_.RTRS : 0)));
  for (Bank& bank : banks_) {
    raise(bank.group_activate, now + compute_.compute_to_precharge + t_.RP);
  }
  data_until(now + t_.CL + t_.burst);
}

void BankTiming::buffer_write(const Command& command) {
  const Cycle now = command.cycle;
  const Cycle end = now + compute_.buffer_write_cycles;
  Bank& bank = banks_[command.bank];
  raise(bank.read, end);
  raise(bank.write, end);
  raise(bank.precharge, end);
  raise(groups_[group_of(command.bank)].read, now + std::max(t_.burst, t_.CCD_L));
  Rank& rank = ranks_[command.rank];
  raise(rank.read, now + std::max(t_.burst, t_.CCD_S));
  raise(rank.write, now + t_.read_to_write());
  raise(buffer_write_from_, end);
  raise(compute_from_, end);
  raise(result_from_, end);
}

void BankTiming::buffer_load(const Command& command) {
  const Cycle now = command.cycle;
  const Cycle end = now + t_.CWL + t_.burst;
  raise(buffer_load_from_, now + std::max({t_.burst, t_.CCD_S, Cycle{compute_.load_spacing}}));
  for (Rank& rank : ranks_) {
    raise(rank.write, now + t_.burst);
    raise(rank.read, end + t_.WTR_S);
  }
  raise(compute_from_, end + compute_.load_to_compute);
  raise(result_from_, now + t_.write_to_read_other_rank());
  data_until(end);
}

void BankTiming::mode(const Command& command) {
  const Cycle end = command.cycle + compute_.mode_cycles;
  // WCK is synchronised so many cycles before the data command, but not in the switch itself.
  const Cycle data = needs_wck_sync(end + t_.WCKSYNC) ? end + t_.WCKSYNC : end;
  for (Rank& rank : ranks_) {
    raise(rank.activate, end);
    raise(rank.precharge, end);
    raise(rank.read, data);
    raise(rank.write, data);
  }
  for (Bank& bank : banks_) raise(bank.refresh, end);
  for (Cycle* limit : {&compute_from_, &result_from_, &buffer_write_from_, &buffer_load_from_}) {
    raise(*limit, data);
  }
}

}  // namespace tandem::memory
