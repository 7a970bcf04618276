// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tandem/memory/command.h"
#include "tandem/memory/divider.h"

namespace tandem::memory {

// When refreshes fall due: one target (a rank, or a bank) after the other, `spacing` cycles apart,
// the first one `spacing` after the epoch. Banks take turns rank by rank: the first bank of every
// rank, then the second one, so that the refreshes of a rank are as far apart as they can be.
class RefreshSchedule {
 public:
  // `targets` are numbered within the channel, ranks above banks.
  RefreshSchedule(unsigned targets, unsigned ranks, Cycle interval)
      : targets_(targets), ranks_(ranks), per_rank_(targets / ranks) {
    if (interval != 0) spacing_ = interval / targets > 0 ? interval / targets : 1;
    by_period_ = Divider(std::max<Cycle>(1, period()));
    for (unsigned target = 0; target < targets; ++target) {
      const unsigned n = target % per_rank_ * ranks_ + target / per_rank_;
      offsets_.push_back(spacing_ * (n + 1));
    }
    reset(0);
  }

  bool enabled() const { return spacing_ != 0; }
  Cycle period() const { return spacing_ * targets_; }  // of one target

  // First refresh of a target.
  Cycle first(unsigned target) const { return epoch_ + offsets_[target]; }
  // First refresh of a target after `cycle`; kNoCycle without refresh.
  Cycle next(unsigned target, Cycle cycle) const {
    if (!enabled()) return kNoCycle;
    const Cycle begin = first(target);
    return cycle < begin ? begin : begin + (by_period_.divide(cycle - begin) + 1) * period();
  }
  // Whole periods within `cycles`.
  Cycle periods(Cycle cycles) const { return by_period_.divide(cycles); }
  // Refreshes of all targets up to `cycle`, since the epoch.
  std::uint64_t count(Cycle cycle) const {
    return enabled() && cycle > epoch_ ? (cycle - epoch_) / spacing_ : 0;
  }

  void reset(Cycle epoch) { epoch_ = epoch; }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(epoch_);
  }

 private:
  unsigned targets_;
  unsigned ranks_;
  unsigned per_rank_;  // targets of a rank
  Cycle spacing_ = 0;
  Divider by_period_{1};
  std::vector<Cycle> offsets_;  // of the first refreshes, by target
  Cycle epoch_ = 0;
};

}  // namespace tandem::memory
