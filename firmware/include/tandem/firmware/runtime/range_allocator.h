// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

// Hands out stretches of a range of bus addresses, once, at start-up. Nothing is given back.
class RangeAllocator {
 public:
  RangeAllocator(u64 base, u64 bytes) : next_(base), end_(base + bytes) {}

  // 64-byte aligned address, or 0 when the range is used up; from then on every call gives 0.
  u64 take(u64 bytes) {
    const u64 address = align_up(next_, 64);
    if (address > end_ || bytes > end_ - address) {
      failed_ = true;
      next_ = end_;
    }
    if (failed_) return 0;
    next_ = address + bytes;
    return address;
  }
  // Leaves nothing to those who come later.
  void take_rest() { next_ = end_; }
  bool failed() const { return failed_; }
  u64 next() const { return next_; }
  u64 remaining() const { return end_ - next_; }

 private:
  u64 next_;
  u64 end_;
  bool failed_ = false;
};

}  // namespace tandem::firmware
