// SPDX-License-Identifier: Apache-2.0
// The optimal cut of a histogram into at most 8 intervals of bounded span.
#pragma once
#include <cstddef>
#include <vector>

#include "tandem/numerics/bsfp_i.h"

namespace tandem::numerics {

// Dynamic programming over the number of intervals. The error of an interval around its best level
// satisfies the quadrangle inequality (for free levels and for levels from any fixed set alike, and
// still when intervals beyond the span count as infinite), so the best last cut moves up with the
// end of the prefix, and each layer is found by divide and conquer in O(n log n).
class IntervalCuts {
 public:
  IntervalCuts(const Histogram& histogram, Levels levels);

  // Index of the first magnitude of each interval; empty if 8 intervals cannot cover all.
  std::vector<std::size_t> solve() const;

  double mean(std::size_t first, std::size_t end) const;

 private:
  struct Layer {
    std::vector<double> error;     // of the first j magnitudes
    std::vector<std::size_t> cut;  // start of their last interval
    std::size_t reach = 0;         // the longest prefix that can be covered
  };

  double error(std::size_t first, std::size_t end) const;
  Layer next_layer(const Layer& previous) const;
  void fill(const Layer& previous, Layer& layer, std::size_t from, std::size_t to,
            std::size_t lowest, std::size_t highest) const;

  const Histogram& histogram_;
  Levels levels_;
  std::vector<double> count_, sum_, squares_;  // of all magnitudes before an index
  std::vector<std::size_t> lowest_first_;      // of an interval that ends before an index
};

}  // namespace tandem::numerics
