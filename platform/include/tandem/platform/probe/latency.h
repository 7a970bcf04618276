// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <vector>

namespace tandem::platform {

// Cycles. Percentile p: the least latency that p percent of the requests do not exceed.
struct LatencySummary {
  double mean = 0;
  std::uint64_t p50 = 0;
  std::uint64_t p95 = 0;
  std::uint64_t p99 = 0;
  std::uint64_t max = 0;
};

// Counts how often each latency occurs: exact, and small however many requests there are.
class LatencyHistogram {
 public:
  void add(std::uint64_t cycles);
  std::uint64_t count() const { return count_; }
  LatencySummary summary() const;

 private:
  static constexpr std::uint64_t kDense = 1 << 14;
  std::uint64_t percentile(unsigned percent) const;

  std::vector<std::uint64_t> dense_;             // of latencies below kDense
  std::map<std::uint64_t, std::uint64_t> rare_;  // of the others
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace tandem::platform
