// SPDX-License-Identifier: Apache-2.0
// Which FP16 magnitudes occur in a tensor or a row, and how often: the input of every table fit.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::numerics {

struct MagnitudeCount {
  std::uint16_t magnitude;  // FP16 pattern without its sign: ordered like the value
  std::uint32_t count;
};

// Ascending by magnitude, only those that occur.
using Histogram = std::vector<MagnitudeCount>;

Histogram magnitude_histogram(const std::uint16_t* weights, std::size_t n);

// A fitted table, or the reason why the weights cannot have one.
template <class Table>
struct Fit {
  std::optional<Table> table;
  std::string reason;
  explicit operator bool() const { return table.has_value(); }
};

// Why no table may be fitted to these weights; empty if one may.
std::string unfit_reason(const Histogram& histogram);

}  // namespace tandem::numerics
