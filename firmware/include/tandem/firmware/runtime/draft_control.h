// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

// Grades of the last eight drafted tokens, three bits each, the last one lowest. A grade is how
// unsure the draft was of a token: 0 for a confidence above 2^-1/4, 7 for one below 2^-7/4.
using DraftHistory = u32;

// Decides whether drafting goes on ahead of verification, as a branch predictor would: a table of
// saturating counters of two bits, by how unsure the draft was of its last tokens and by how many
// of them are not confirmed. After AHASD's drafting control, whose grades are of entropy; DRAFT
// tells the confidence.
class DraftControl {
 public:
  static constexpr u32 kPatterns = 512;
  static constexpr u32 kNoPattern = kPatterns;

  // `enabled` false: always goes on.
  void start(bool enabled);
  bool goes_on(u32 pattern) const;
  // A token that was drafted upon the pattern was what the target chose, or was not.
  void learn(u32 pattern, bool right);

  static u32 grade(u32 confidence_bits);
  static DraftHistory push(DraftHistory history, u32 grade);
  static u32 pattern(DraftHistory history, u32 unconfirmed);

 private:
  bool enabled_;
  u8 counters_[kPatterns];
};

}  // namespace tandem::firmware
