// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

// How long something takes: the mean of its last four times.
class Pace {
 public:
  void note(u64 ns) {
    last_ns_[notes_ % kKept] = ns;
    ++notes_;
  }
  bool known() const { return notes_ > 0; }
  u64 mean_ns() const {
    const u32 kept = smaller(notes_, kKept);
    u64 sum = 0;
    for (u32 i = 0; i < kept; ++i) sum += last_ns_[i];
    return kept == 0 ? 0 : sum / kept;
  }

 private:
  static constexpr u32 kKept = 4;
  u64 last_ns_[kKept];
  u32 notes_;
};

// What drafting ahead goes by to know what there is time for.
struct Paces {
  Pace round;    // a verification
  Pace draft;    // of a token
  Pace checked;  // a row of a pre-verification
  // Rows that can be pre-verified, at most `most`, and a token drafted, before a verification that
  // began `elapsed_ns` ago is likely to end; 0 when nothing is known of verifications.
  u32 rows_in_time(u64 elapsed_ns, u32 most) const;
};

}  // namespace tandem::firmware
