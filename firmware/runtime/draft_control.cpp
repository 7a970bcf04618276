// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/draft_control.h"

namespace tandem::firmware {

namespace {

constexpr u32 kOneBits = 0x3F80'0000;  // 1.0f
constexpr u32 kQuarterShift = 21;      // of the mantissa's 23 bits: quarters of a power of two
constexpr u32 kGradeBits = 3;
constexpr u32 kLastGrade = 7;
constexpr u32 kHistoryMask = 0xFF'FFFF;  // eight grades
constexpr u32 kHalf = 4;                 // grades

constexpr u8 kMost = 3;
constexpr u8 kLikely = 2;

u32 mean(u32 four_grades) {
  u32 sum = 0;
  for (u32 i = 0; i < kHalf; ++i) sum += four_grades >> (i * kGradeBits) & kLastGrade;
  return sum / kHalf;
}

}  // namespace

void DraftControl::start(bool enabled) {
  enabled_ = enabled;
  for (u8& counter : counters_) counter = kLikely;
}

bool DraftControl::goes_on(u32 pattern) const {
  return !enabled_ || counters_[pattern] >= kLikely;
}

void DraftControl::learn(u32 pattern, bool right) {
  u8& counter = counters_[pattern];
  if (right && counter < kMost) ++counter;
  if (!right && counter > 0) --counter;
}

// The bits of a floating-point number are its logarithm, nearly: exact at powers of two.
u32 DraftControl::grade(u32 confidence_bits) {
  if (confidence_bits >= kOneBits) return 0;
  return smaller((kOneBits - confidence_bits) >> kQuarterShift, kLastGrade);
}

DraftHistory DraftControl::push(DraftHistory history, u32 grade) {
  return (history << kGradeBits | grade) & kHistoryMask;
}

u32 DraftControl::pattern(DraftHistory history, u32 unconfirmed) {
  const u32 older = mean(history >> (kHalf * kGradeBits));
  const u32 newer = mean(history);
  return (older << kGradeBits | newer) << kGradeBits | smaller(unconfirmed, kLastGrade);
}

}  // namespace tandem::firmware
