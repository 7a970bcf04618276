// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/probe/latency.h"

#include <algorithm>

namespace tandem::platform {

void LatencyHistogram::add(std::uint64_t cycles) {
  ++count_;
  sum_ += cycles;
  max_ = std::max(max_, cycles);
  if (cycles >= kDense) {
    ++rare_[cycles];
    return;
  }
  if (cycles >= dense_.size()) dense_.resize(cycles + 1);
  ++dense_[cycles];
}

LatencySummary LatencyHistogram::summary() const {
  LatencySummary summary;
  if (count_ == 0) return summary;
  summary.mean = static_cast<double>(sum_) / static_cast<double>(count_);
  summary.p50 = percentile(50);
  summary.p95 = percentile(95);
  summary.p99 = percentile(99);
  summary.max = max_;
  return summary;
}

std::uint64_t LatencyHistogram::percentile(unsigned percent) const {
  const std::uint64_t wanted = (count_ * percent + 99) / 100;
  std::uint64_t seen = 0;
  for (std::uint64_t cycles = 0; cycles < dense_.size(); ++cycles) {
    seen += dense_[cycles];
    if (seen >= wanted) return cycles;
  }
  for (const auto& [cycles, times] : rare_) {
    seen += times;
    if (seen >= wanted) return cycles;
  }
  return max_;
}

}  // namespace tandem::platform
