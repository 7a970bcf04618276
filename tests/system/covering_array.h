// SPDX-License-Identifier: Apache-2.0
// Pairwise testing: few rows in which every level of every factor meets every level of every other.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace tandem::test {

struct Factor {
  std::string key;                  // of the scenario
  std::vector<std::string> levels;  // YAML values
};

// A level index per factor.
using Row = std::vector<std::size_t>;

// Greedy and deterministic. At least two factors, at least one level each.
std::vector<Row> pairwise_rows(const std::vector<Factor>& factors);

// Pairs of levels that no row has.
std::size_t uncovered_pairs(const std::vector<Factor>& factors, const std::vector<Row>& rows);

}  // namespace tandem::test
