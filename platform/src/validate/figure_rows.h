// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "validate/run_plan.h"

namespace tandem::platform {

enum class Verdict { kNone, kWithin, kOutside, kInBand, kAboveBand, kBelowBand };

// A figure, or one combination of its points.
struct FigureRow {
  const Figure* figure = nullptr;
  std::string points;  // what distinguishes it from the figure's other rows
  std::optional<double> published;
  double ours = 0.0;           // not of a band
  double error_percent = 0.0;  // of ours, if there is a published value
  Verdict verdict = Verdict::kNone;
  double lowest = 0.0;  // of a band
  double highest = 0.0;
  std::string lowest_at;
  std::string highest_at;
};

// The number that a name stands for in a combination.
using NumberOf = std::function<double(const Term& name, const Combination& combination)>;

// Throws ScenarioError where the result is no number (a division by zero).
std::vector<FigureRow> figure_rows(const FiguresFile& file, const NumberOf& number_of);

}  // namespace tandem::platform
