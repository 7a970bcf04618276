// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "tandem/common/archive.h"
#include "tandem/memory/command.h"
#include "tandem/memory/compute_banks.h"
#include "tandem/memory/device.h"

namespace tandem::memory {

// A device's timing in whole cycles of its command clock, rounded up.
struct CycleTiming {
  explicit CycleTiming(const DeviceConfig& device);

  std::uint64_t tck_ps;
  Cycle burst, CL, CWL, RCDRD, RCDWR, RP, RAS, RC, CCD_S, CCD_L, RTRS, RRD_S, RRD_L, FAW, WTR_S,
      WTR_L, WR, PPD, RFC, RFCpb, REFI, WCKSYNC, WCKIDLE;
  Cycle RTP;  // tRTP_S or tRTP_L, whichever holds for the device

  // Read command to a write command so that their data keep tRTRS apart.
  Cycle read_to_write() const { return CL + burst + RTRS > CWL ? CL + burst + RTRS - CWL : 1; }
  Cycle write_to_read_other_rank() const {
    return CWL + burst + RTRS > CL ? CWL + burst + RTRS - CL : 1;
  }
};

// The state of a channel's banks and when each command may come next. A command pushes the limits
// of the commands after it forward, once per scope (bank, bank group, rank, channel); the earliest
// cycle of a command is the largest limit of the scopes it lies in.
class BankTiming {
 public:
  static constexpr std::uint32_t kNoRow = ~std::uint32_t{0};

  // `device` has been validated. Without computing banks, `compute` is left as it is.
  explicit BankTiming(const DeviceConfig& device, const ComputeBanks& compute = {});

  unsigned banks() const { return static_cast<unsigned>(banks_.size()); }
  unsigned ranks() const { return static_cast<unsigned>(ranks_.size()); }
  unsigned banks_per_rank() const { return banks_per_rank_; }
  unsigned rank_of(unsigned bank) const { return bank / banks_per_rank_; }
  unsigned group_of(unsigned bank) const { return bank / banks_per_group_; }  // in the channel
  const CycleTiming& cycles() const { return t_; }
  const ComputeBanks& compute_banks() const { return compute_; }
  bool dual() const { return compute_.dual_row_buffer; }

  std::uint32_t open_row(unsigned bank) const { return banks_[bank].row; }
  // Of the compute buffer: the same as open_row() unless there are two.
  std::uint32_t compute_row(unsigned bank) const {
    return dual() ? banks_[bank].compute_row : banks_[bank].row;
  }
  // Column commands since the row was opened.
  unsigned row_hits(unsigned bank) const { return banks_[bank].hits; }

  Cycle activate_from(unsigned bank) const {
    const Rank& rank = ranks_[rank_of(bank)];
    return std::max(std::max(banks_[bank].activate, groups_[group_of(bank)].activate),
                    std::max(rank.activate, rank.window[rank.oldest]));
  }
  Cycle precharge_from(unsigned bank) const {
    const Cycle from = std::max(banks_[bank].precharge, ranks_[rank_of(bank)].precharge);
    return dual() ? from : std::max(from, compute_precharge_);
  }
  Cycle read_from(unsigned bank) const {
    return std::max(std::max(banks_[bank].read, groups_[group_of(bank)].read),
                    ranks_[rank_of(bank)].read);
  }
  Cycle write_from(unsigned bank) const {
    return std::max(std::max(banks_[bank].write, groups_[group_of(bank)].write),
                    ranks_[rank_of(bank)].write);
  }
  // For the bus and the ranks; no bank has a column command before it.
  Cycle column_from(bool is_write) const {
    Cycle from = is_write ? ranks_[0].write : ranks_[0].read;
    for (const Rank& rank : ranks_) from = std::min(from, is_write ? rank.write : rank.read);
    return from;
  }
  // All banks of the rank are shut.
  Cycle refresh_from(unsigned rank) const;
  Cycle refresh_bank_from(unsigned bank) const {
    const Rank& rank = ranks_[rank_of(bank)];
    return std::max(std::max(banks_[bank].refresh, rank.activate), rank.refresh_bank);
  }
  // WCK runs from wck_from() to wck_until(); a column command outside needs kWckSync before.
  bool needs_wck_sync(Cycle cycle) const { return t_.WCKSYNC != 0 && cycle > wck_until_; }

  Cycle group_activate_from(unsigned first_bank) const;
  Cycle compute_precharge_from(unsigned bank) const {
    return std::max(banks_[bank].compute_precharge, compute_precharge_);
  }
  Cycle compute_precharge_all_from() const;
  Cycle compute_from() const { return compute_from_; }
  Cycle result_from() const { return result_from_; }
  Cycle buffer_write_from(unsigned bank) const {
    return std::max(read_from(bank), buffer_write_from_);
  }
  Cycle buffer_load_from() const;

  void issue(const Command& command);
  // As new.
  void reset();
  void archive(common::Archive& archive);

 private:
  struct Bank {
    Cycle activate = 0, precharge = 0, read = 0, write = 0, refresh = 0;
    Cycle group_activate = 0, compute_precharge = 0;
    std::uint32_t row = kNoRow;
    std::uint32_t compute_row = kNoRow;
    unsigned hits = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(activate, precharge, read, write, refresh, group_activate, compute_precharge);
      archive(row, compute_row, hits);
    }
  };
  struct Group {
    Cycle activate = 0, read = 0, write = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(activate, read, write);
    }
  };
  struct Rank {
    Cycle activate = 0, precharge = 0, read = 0, write = 0, refresh_bank = 0;
    std::array<Cycle, 4> window{};  // ends of the tFAW windows of the last four activates
    unsigned oldest = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(activate, precharge, read, write, refresh_bank, window, oldest);
    }
  };
  static void raise(Cycle& limit, Cycle cycle) { limit = std::max(limit, cycle); }

  void activate(const Command& command);
  void precharge(Bank& bank, Cycle cycle);
  void read(const Command& command);
  void write(const Command& command);
  void data_until(Cycle cycle);
  void refresh(const Command& command);
  void refresh_bank(const Command& command);
  void group_activate(const Command& command);
  void shut_compute_buffer(unsigned bank, Cycle cycle);
  void compute(const Command& command);
  void compute_read(const Command& command);
  void result_read(const Command& command);
  void buffer_write(const Command& command);
  void buffer_load(const Command& command);
  void mode(const Command& command);
  void after_compute(Cycle cycle, Cycle read_spacing);

  CycleTiming t_;
  ComputeBanks compute_;
  unsigned banks_per_group_;
  unsigned banks_per_rank_;
  std::vector<Bank> banks_;
  std::vector<Group> groups_;
  std::vector<Rank> ranks_;
  Cycle wck_from_ = 0;
  Cycle wck_until_ = 0;
  Cycle compute_from_ = 0;
  Cycle result_from_ = 0;
  Cycle buffer_write_from_ = 0;
  Cycle buffer_load_from_ = 0;
  Cycle compute_precharge_ = 0;
  bool run_open_ = false;  // computes since the last result
};

}  // namespace tandem::memory
