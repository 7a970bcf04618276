// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/memory/bank_timing.h"
#include "tandem/memory/compute_banks.h"
#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/pim/pim_channel.h"

namespace tandem::pim {

// When the operations of a channel end if PIM has the channel to itself: what PimChannel achieves
// command by command, from the same tables, with a few sums per operation (transaction fidelity).
// Refresh is part of it. README.md has the formulas.
class OperationTiming {
 public:
  // All have been validated.
  OperationTiming(const memory::DeviceConfig& device, const memory::ControllerConfig& controller,
                  const memory::ComputeBanks& banks, const PimChannel::Config& config);

  // As new; refreshes count from `epoch`.
  void reset(memory::Cycle epoch = 0);
  template <typename Archive>
  void archive(Archive& archive) {
    archive(ranks_, row_, now_, first_activate_, last_activate_, compute_from_, result_from_);
    archive(load_from_, read_from_, precharge_from_, run_open_, vector_row_, left_over_);
    archive(refresh_due_, next_refresh_);
  }
  // Nothing happens before `cycle`. Refreshes until then found the channel idle.
  void wait_until(memory::Cycle cycle);
  // Somebody else has used the row buffers: rows of PIM are shut.
  void shut_rows();
  // Carries out the next operation and returns its end, as PimChannel::Client hears it.
  memory::Cycle run(const BankOperation& operation);
  // The cycle from which the next operation could be carried out.
  memory::Cycle now() const { return now_; }
  // The cycle from which ordinary accesses to a single row buffer could open rows.
  memory::Cycle shut_by() const;

 private:
  using Cycle = memory::Cycle;
  struct Rank {
    std::uint64_t open = 0;  // groups with the present row, a bit each
    Cycle ready = 0;         // for an activate: after refresh or precharge

    template <typename Archive>
    void archive(Archive& archive) {
      archive(open, ready);
    }
  };

  Cycle header(const BankOperation& operation);
  Cycle compute(const BankOperation& operation);
  Cycle compute_read(const BankOperation& operation);
  Cycle result_read(const BankOperation& operation);
  Cycle buffer_write(const BankOperation& operation);
  Cycle buffer_load(const BankOperation& operation);
  Cycle mode();

  Cycle group_estimate(const BankOperation& operation) const;
  void guard(Cycle estimate);
  void refresh();
  void pass_idle_rounds(memory::Cycle cycle);
  void refresh_if_due(Cycle next_command);
  Cycle precharge(unsigned banks, unsigned left_over);
  void activate(const BankOperation& operation);
  std::uint64_t groups_of(const BankOperation& operation, unsigned rank) const;
  unsigned open_groups() const;
  void computed(Cycle last, Cycle length);

  memory::CycleTiming t_;
  memory::ComputeBanks banks_;
  PimChannel::Config config_;
  unsigned ranks_count_;
  unsigned banks_per_rank_;
  unsigned groups_per_rank_;
  unsigned refresh_targets_;
  Cycle refresh_interval_ = 0;
  Cycle refresh_length_ = 0;

  std::vector<Rank> ranks_;
  std::uint32_t row_ = memory::BankTiming::kNoRow;
  Cycle now_ = 0;  // the next command
  Cycle first_activate_ = 0;
  Cycle last_activate_ = 0;
  Cycle compute_from_ = 0;
  Cycle result_from_ = 0;
  Cycle load_from_ = 0;
  Cycle read_from_ = 0;  // of the ordinary row buffer
  Cycle precharge_from_ = 0;
  bool run_open_ = false;
  std::uint32_t vector_row_ = memory::BankTiming::kNoRow;  // open in bank 0
  unsigned left_over_ = 0;  // banks of its group, with a single row buffer, that have to be shut
  Cycle refresh_due_ = memory::kNoCycle;
  unsigned next_refresh_ = 0;
};

}  // namespace tandem::pim
