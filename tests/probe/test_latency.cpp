// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "tandem/platform/probe/latency.h"

using namespace tandem::platform;

TEST_CASE("an empty histogram") {
  const LatencySummary summary = LatencyHistogram().summary();
  CHECK(summary.mean == 0);
  CHECK(summary.p50 == 0);
  CHECK(summary.max == 0);
}

TEST_CASE("percentiles are values that occur") {
  LatencyHistogram histogram;
  for (std::uint64_t cycles = 1; cycles <= 100; ++cycles) histogram.add(cycles);
  const LatencySummary summary = histogram.summary();
  CHECK(summary.mean == Approx(50.5));
  CHECK(summary.p50 == 50);
  CHECK(summary.p95 == 95);
  CHECK(summary.p99 == 99);
  CHECK(summary.max == 100);
}

TEST_CASE("the histogram agrees with a sorted list, however long the latencies") {
  std::mt19937_64 engine(3);
  for (const std::uint64_t range : {10ull, 1'000ull, 100'000ull, 1ull << 40}) {
    CAPTURE(range);
    LatencyHistogram histogram;
    std::vector<std::uint64_t> list;
    for (int i = 0; i < 1'237; ++i) {
      list.push_back(engine() % range);
      histogram.add(list.back());
    }
    std::sort(list.begin(), list.end());
    const auto rank = [&list](std::size_t percent) {
      return list[(list.size() * percent + 99) / 100 - 1];
    };
    const LatencySummary summary = histogram.summary();
    CHECK(histogram.count() == list.size());
    CHECK(summary.p50 == rank(50));
    CHECK(summary.p95 == rank(95));
    CHECK(summary.p99 == rank(99));
    CHECK(summary.max == list.back());
  }
}
