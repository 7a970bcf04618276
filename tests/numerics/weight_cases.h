// SPDX-License-Identifier: Apache-2.0
// Random weight tensors of every format, with the value of each element known independently of the
// decoder under test.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/numerics/weights.h"

namespace tandem::test {

struct WeightCase {
  std::string name;
  numerics::TensorLayout layout;
  std::vector<std::uint8_t> planes[numerics::kPlaneCount];
  std::vector<float> values;  // [rows][cols], without scale
  std::vector<float> scales;  // [rows][chunks of 128]; all 1 if the format has none

  const std::uint8_t* plane(numerics::Plane which) const {
    const auto& bytes = planes[static_cast<unsigned>(which)];
    return bytes.empty() ? nullptr : bytes.data();
  }
  numerics::WeightView view(const numerics::Tile& tile) const;
};

// All formats, groupings and table scopes for one shape.
std::vector<WeightCase> weight_cases(std::uint32_t rows, std::uint32_t cols, unsigned seed);

// A copy of exactly the bytes that a tile needs, as one range per plane or row by row.
class FetchedTile {
 public:
  FetchedTile(const WeightCase& weights, const numerics::Tile& tile, bool row_by_row);
  const numerics::WeightView& view() const { return view_; }

 private:
  std::vector<std::uint8_t> bytes_[numerics::kPlaneCount];
  numerics::WeightView view_;
};

}  // namespace tandem::test
