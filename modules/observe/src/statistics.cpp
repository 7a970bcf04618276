// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/statistics.h"

namespace tandem::observe {

std::string StatisticsTable::path_of(std::string_view name) const {
  std::string path;
  for (const std::string& group : groups_) path.append(group).append(1, '.');
  return path.append(name);
}

void StatisticsTable::value(std::string_view name, std::uint64_t value, std::string_view unit,
                            std::string_view description) {
  statistics_.push_back(
      {path_of(name), true, value, 0.0, std::string(unit), std::string(description)});
}

void StatisticsTable::value(std::string_view name, double value, std::string_view unit,
                            std::string_view description) {
  statistics_.push_back(
      {path_of(name), false, 0, value, std::string(unit), std::string(description)});
}

void StatisticsTable::begin_group(std::string_view name) {
  groups_.emplace_back(name);
}

void StatisticsTable::end_group() {
  groups_.pop_back();
}

const Statistic* StatisticsTable::find(std::string_view path) const {
  for (const Statistic& statistic : statistics_) {
    if (statistic.path == path) return &statistic;
  }
  return nullptr;
}

}  // namespace tandem::observe
