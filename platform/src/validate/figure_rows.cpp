// SPDX-License-Identifier: Apache-2.0
#include "validate/figure_rows.h"

#include <algorithm>
#include <cmath>

namespace tandem::platform {
namespace {

class RowMaker {
 public:
  RowMaker(const FiguresFile& file, const Figure& figure, const NumberOf& number_of)
      : file_(file), figure_(figure), number_of_(number_of) {}

  std::vector<FigureRow> make() const {
    const std::vector<Combination> all = combinations(figure_);
    if (figure_.combine == Combine::kBand) return {band(all)};
    if (figure_.combine != Combine::kEach) return {mean(all)};
    std::vector<FigureRow> rows;
    rows.reserve(all.size());
    for (const Combination& combination : all) rows.push_back(one(combination));
    return rows;
  }

 private:
  double value_of(const Expression& expression, const Combination& combination) const {
    const double value =
        evaluate(expression, [&](const Term& name) { return number_of_(name, combination); });
    if (!std::isfinite(value)) {
      throw ScenarioError(figure_.mark, "figures",
                          "'" + figure_.name + "' is no finite number" +
                              (combination.empty() ? "" : " at " + describe(file_, combination)));
    }
    return value;
  }

  std::optional<double> published_at(const Combination& combination) const {
    for (const PublishedValue& published : figure_.published) {
      const bool fits =
          std::all_of(published.points.begin(), published.points.end(), [&](const auto& point) {
            const auto found = combination.find(point.first);
            return found != combination.end() && found->second == point.second;
          });
      if (fits) return value_of(published.value, combination);
    }
    return {};
  }

  // Only of axes where the figure has several points, or a figure of the same name has others.
  std::string points_of(Combination combination) const {
    for (const auto& [axis, points] : figure_.points) {
      if (points.size() == 1 && figure_.telling.count(axis) == 0) combination.erase(axis);
    }
    return describe(file_, combination);
  }

  // What all rows of the figure have in common and a figure of the same name has not.
  std::string points_of_all() const {
    Combination common;
    for (const std::size_t axis : figure_.telling) {
      const std::vector<std::size_t>& points = figure_.points.at(axis);
      if (points.size() == 1) common[axis] = points.front();
    }
    return describe(file_, common);
  }

  void judge(FigureRow& row) const {
    if (!row.published) return;
    const double published = *row.published;
    row.error_percent = 100.0 * (row.ours - published) / std::abs(published);
    const double distance = std::max(0.0, std::abs(row.ours - published) - figure_.precision);
    const bool within = distance <= figure_.tolerance_percent / 100.0 * std::abs(published);
    row.verdict = within ? Verdict::kWithin : Verdict::kOutside;
  }

  FigureRow one(const Combination& combination) const {
    FigureRow row;
    row.figure = &figure_;
    row.points = points_of(combination);
    row.published = published_at(combination);
    row.ours = value_of(figure_.ours, combination);
    judge(row);
    return row;
  }

  template <typename ValueAt>
  double mean_of(const std::vector<Combination>& all, ValueAt value_at) const {
    const bool geometric = figure_.combine == Combine::kGeomean;
    double sum = 0.0;
    for (const Combination& combination : all) {
      const double value = value_at(combination);
      if (geometric && value <= 0.0) {
        throw ScenarioError(figure_.mark, "figures",
                            "'" + figure_.name + "' has no geometric mean: a value is not above 0");
      }
      sum += geometric ? std::log(value) : value;
    }
    sum /= static_cast<double>(all.size());
    return geometric ? std::exp(sum) : sum;
  }

  FigureRow mean(const std::vector<Combination>& all) const {
    FigureRow row;
    row.figure = &figure_;
    row.points = points_of_all();
    row.ours = mean_of(all, [&](const Combination& at) { return value_of(figure_.ours, at); });
    if (!figure_.published.empty()) {
      row.published = figure_.is_computed
                          ? mean_of(all, [&](const Combination& at) { return *published_at(at); })
                          : published_at(all.front());
    }
    judge(row);
    return row;
  }

  FigureRow band(const std::vector<Combination>& all) const {
    FigureRow row;
    row.figure = &figure_;
    row.points = points_of_all();
    row.published = published_at(all.front());
    for (const Combination& combination : all) {
      const double value = value_of(figure_.ours, combination);
      if (row.lowest_at.empty() || value < row.lowest) {
        row.lowest = value;
        row.lowest_at = points_of(combination);
      }
      if (row.highest_at.empty() || value > row.highest) {
        row.highest = value;
        row.highest_at = points_of(combination);
      }
    }
    if (!row.published) return row;
    row.verdict = Verdict::kInBand;
    if (*row.published + figure_.precision < row.lowest) row.verdict = Verdict::kBelowBand;
    if (*row.published - figure_.precision > row.highest) row.verdict = Verdict::kAboveBand;
    return row;
  }

  const FiguresFile& file_;
  const Figure& figure_;
  const NumberOf& number_of_;
};

}  // namespace

std::vector<FigureRow> figure_rows(const FiguresFile& file, const NumberOf& number_of) {
  std::vector<FigureRow> rows;
  for (const Figure& figure : file.figures) {
    for (FigureRow& row : RowMaker(file, figure, number_of).make()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace tandem::platform
