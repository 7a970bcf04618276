// SPDX-License-Identifier: Apache-2.0
#include "interval_cuts.h"

#include <algorithm>
#include <limits>

#include "tandem/numerics/fp.h"

namespace tandem::numerics {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

IntervalCuts::IntervalCuts(const Histogram& histogram, Levels levels)
    : histogram_(histogram), levels_(levels) {
  const std::size_t n = histogram.size();
  count_.resize(n + 1);
  sum_.resize(n + 1);
  squares_.resize(n + 1);
  lowest_first_.resize(n + 1);
  std::size_t first = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = fp16_to_float(histogram[i].magnitude);
    count_[i + 1] = count_[i] + histogram[i].count;
    sum_[i + 1] = sum_[i] + histogram[i].count * value;
    squares_[i + 1] = squares_[i] + histogram[i].count * value * value;
    while (histogram[i].magnitude - histogram[first].magnitude >= static_cast<int>(kBsfpISpan)) {
      ++first;
    }
    lowest_first_[i + 1] = first;
  }
}

double IntervalCuts::mean(std::size_t first, std::size_t end) const {
  return (sum_[end] - sum_[first]) / (count_[end] - count_[first]);
}

double IntervalCuts::error(std::size_t first, std::size_t end) const {
  const double n = count_[end] - count_[first];
  const double sum = sum_[end] - sum_[first];
  const double squares = squares_[end] - squares_[first];
  const double around_mean = std::max(0.0, squares - sum * sum / n);
  if (levels_ == Levels::kAny) return around_mean;
  const double off = sum / n - fp16_to_float(nearest_shift_add_level(sum / n));
  return around_mean + n * off * off;
}

std::vector<std::size_t> IntervalCuts::solve() const {
  const std::size_t n = histogram_.size();
  std::vector<Layer> layers(1);
  layers[0].error.assign(n + 1, kInfinity);
  layers[0].error[0] = 0;
  std::size_t best = 0;
  for (std::size_t k = 1; k <= abi::kBsfpCodes; ++k) {
    layers.push_back(next_layer(layers[k - 1]));
    if (layers[k].error[n] < layers[best].error[n]) best = k;
  }
  std::vector<std::size_t> firsts(best);
  std::size_t end = n;
  for (std::size_t k = best; k > 0; --k) {
    end = layers[k].cut[end];
    firsts[k - 1] = end;
  }
  return firsts;
}

IntervalCuts::Layer IntervalCuts::next_layer(const Layer& previous) const {
  const std::size_t n = histogram_.size();
  Layer layer;
  layer.error.assign(n + 1, kInfinity);
  layer.cut.assign(n + 1, 0);
  const auto beyond =
      std::upper_bound(lowest_first_.begin() + 1, lowest_first_.end(), previous.reach);
  layer.reach = static_cast<std::size_t>(beyond - lowest_first_.begin()) - 1;
  fill(previous, layer, 1, layer.reach + 1, 0, n);
  return layer;
}

// Prefix lengths [from, to), whose best last cuts lie in [lowest, highest].
void IntervalCuts::fill(const Layer& previous, Layer& layer, std::size_t from, std::size_t to,
                        std::size_t lowest, std::size_t highest) const {
  if (from >= to) return;
  const std::size_t end = from + (to - from) / 2;
  const std::size_t first = std::max(lowest, lowest_first_[end]);
  const std::size_t last = std::min({highest, end - 1, previous.reach});
  std::size_t cut = first;
  double least = kInfinity;
  for (std::size_t i = first; i <= last; ++i) {
    const double total = previous.error[i] + error(i, end);
    if (total < least) {
      least = total;
      cut = i;
    }
  }
  layer.error[end] = least;
  layer.cut[end] = cut;
  fill(previous, layer, from, end, lowest, cut);
  fill(previous, layer, end + 1, to, cut, highest);
}

}  // namespace tandem::numerics
