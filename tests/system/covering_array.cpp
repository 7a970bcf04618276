// SPDX-License-Identifier: Apache-2.0
#include "covering_array.h"

#include <set>
#include <tuple>

namespace tandem::test {
namespace {

// (factor, level) of the lower factor, then of the higher one.
using Pair = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>;
using Pairs = std::set<Pair>;

constexpr std::size_t kUnset = ~std::size_t{0};

Pair make_pair(std::size_t f, std::size_t a, std::size_t g, std::size_t b) {
  return f < g ? Pair{f, a, g, b} : Pair{g, b, f, a};
}

Pairs all_pairs(const std::vector<Factor>& factors) {
  Pairs pairs;
  for (std::size_t f = 0; f < factors.size(); ++f) {
    for (std::size_t g = f + 1; g < factors.size(); ++g) {
      for (std::size_t a = 0; a < factors[f].levels.size(); ++a) {
        for (std::size_t b = 0; b < factors[g].levels.size(); ++b) pairs.insert({f, a, g, b});
      }
    }
  }
  return pairs;
}

// Uncovered pairs that level `a` of factor `f` would make with what the row has.
std::size_t gain(const Pairs& open, const Row& row, std::size_t f, std::size_t a) {
  std::size_t count = 0;
  for (std::size_t g = 0; g < row.size(); ++g) {
    if (g != f && row[g] != kUnset) count += open.count(make_pair(f, a, g, row[g]));
  }
  return count;
}

std::size_t best_level(const Pairs& open, const Row& row, std::size_t f, std::size_t levels,
                       std::size_t first) {
  std::size_t best = first % levels;
  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t level = (first + i) % levels;
    if (gain(open, row, f, level) > gain(open, row, f, best)) best = level;
  }
  return best;
}

void cover(Pairs& open, const Row& row) {
  for (std::size_t f = 0; f < row.size(); ++f) {
    for (std::size_t g = f + 1; g < row.size(); ++g) open.erase({f, row[f], g, row[g]});
  }
}

}  // namespace

std::vector<Row> pairwise_rows(const std::vector<Factor>& factors) {
  std::vector<Row> rows;
  Pairs open = all_pairs(factors);
  while (!open.empty()) {
    Row row(factors.size(), kUnset);
    const auto [f, a, g, b] = *open.begin();
    row[f] = a;
    row[g] = b;
    for (std::size_t i = 0; i < factors.size(); ++i) {
      if (row[i] != kUnset) continue;
      row[i] = best_level(open, row, i, factors[i].levels.size(), rows.size());
    }
    cover(open, row);
    rows.push_back(row);
  }
  return rows;
}

std::size_t uncovered_pairs(const std::vector<Factor>& factors, const std::vector<Row>& rows) {
  Pairs open = all_pairs(factors);
  for (const Row& row : rows) cover(open, row);
  return open.size();
}

}  // namespace tandem::test
