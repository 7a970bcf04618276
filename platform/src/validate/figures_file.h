// SPDX-License-Identifier: Apache-2.0
// The published figures of one system, and how the same figures are made from runs.
// scenarios/published/README.md describes the format.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "validate/expression.h"

namespace tandem::platform {

// An override: a dotted key and its value.
struct Setting {
  std::string key;
  YamlMark mark;
  YamlNode value;
};

struct AxisPoint {
  std::string label;
  std::vector<Setting> settings;
};

struct Axis {
  std::string name;
  YamlMark mark;
  std::vector<AxisPoint> points;
};

struct FigureRun {
  std::string name;
  YamlMark mark;
  std::string scenario;  // relative to the figures file
  std::vector<Setting> settings;
  std::vector<std::size_t> axes;
};

enum class Combine { kEach, kMean, kGeomean, kBand };

// A published value, and at which points of axes.
struct PublishedValue {
  std::map<std::size_t, std::size_t> points;
  Expression value;
};

struct Figure {
  std::string name;
  YamlMark mark;
  std::string unit;
  std::string note;
  std::string source;
  std::vector<PublishedValue> published;
  bool is_computed = false;  // published is the value of a formula
  double precision = 0.0;
  double tolerance_percent = 0.0;
  Expression ours;
  Combine combine = Combine::kEach;
  std::map<std::size_t, std::vector<std::size_t>> points;  // of each axis that it goes over
  std::set<std::size_t> telling;  // axes that tell it from figures of the same name
};

struct FiguresFile {
  std::filesystem::path file;
  std::string system;
  std::string title;
  std::string publication;
  std::string url;
  std::vector<std::string> assumed;
  std::vector<Axis> axes;
  std::vector<FigureRun> runs;
  std::vector<Figure> figures;
};

// Calls `visit` for each figure of a result that `figure` needs.
void for_each_name(const Figure& figure, const std::function<void(const Term&)>& visit);

// Throws UserError, ScenarioError where a line is to blame.
FiguresFile read_figures_file(const std::filesystem::path& file);

// The same for a text that is in `file`.
FiguresFile read_figures_text(std::string_view text, const std::filesystem::path& file);

// Leaves out what is not at this point of the axis; figures that do not go over it stay. Throws
// UserError if there is no such axis or point, or no figure at it.
void keep_point(FiguresFile& file, const std::string& axis, const std::string& point);

}  // namespace tandem::platform
