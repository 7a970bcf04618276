// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/histogram.h"

#include <algorithm>

#include "tandem/numerics/fp.h"

namespace tandem::numerics {
namespace {

// Below this many weights sorting is cheaper than a sweep over all 32,768 magnitudes.
constexpr std::size_t kSortLimit = 4096;

Histogram by_sorting(const std::uint16_t* weights, std::size_t n) {
  std::vector<std::uint16_t> sorted(n);
  for (std::size_t i = 0; i < n; ++i) sorted[i] = weights[i] & kFp16Magnitude;
  std::sort(sorted.begin(), sorted.end());
  Histogram histogram;
  for (const std::uint16_t magnitude : sorted) {
    if (histogram.empty() || histogram.back().magnitude != magnitude) {
      histogram.push_back({magnitude, 0});
    }
    ++histogram.back().count;
  }
  return histogram;
}

Histogram by_counting(const std::uint16_t* weights, std::size_t n) {
  std::vector<std::uint32_t> counts(kFp16Magnitude + 1u);
  for (std::size_t i = 0; i < n; ++i) ++counts[weights[i] & kFp16Magnitude];
  Histogram histogram;
  for (std::size_t m = 0; m < counts.size(); ++m) {
    if (counts[m] != 0) histogram.push_back({static_cast<std::uint16_t>(m), counts[m]});
  }
  return histogram;
}

}  // namespace

Histogram magnitude_histogram(const std::uint16_t* weights, std::size_t n) {
  return n < kSortLimit ? by_sorting(weights, n) : by_counting(weights, n);
}

std::string unfit_reason(const Histogram& histogram) {
  if (histogram.empty()) return "no weights";
  const std::uint16_t largest = histogram.back().magnitude;
  if (fp16_is_nan(largest)) return "NaN among the weights";
  if (!fp16_is_finite(largest)) return "infinity among the weights";
  return {};
}

}  // namespace tandem::numerics
