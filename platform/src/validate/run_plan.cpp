// SPDX-License-Identifier: Apache-2.0
#include "validate/run_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tandem/platform/scenario_loader.h"

namespace tandem::platform {
namespace {

// A plain text that flow style would read as something else is quoted.
std::string scalar_text(const YamlNode& node, bool in_collection) {
  constexpr const char* kIndicators = ",[]{}#&*!|>%@`\"'\n";
  const bool clashes = node.text.find_first_of(kIndicators) != std::string::npos ||
                       node.text.find(": ") != std::string::npos;
  if (!node.quoted && !(in_collection && clashes)) return node.text;
  return nlohmann::json(node.text).dump();
}

std::string flow_text(const YamlNode& node, bool in_collection = false) {
  std::string text;
  switch (node.kind) {
    case YamlKind::kNull:
      return "null";
    case YamlKind::kScalar:
      return scalar_text(node, in_collection);
    case YamlKind::kSequence:
      for (const YamlNode& item : node.items) {
        text += (text.empty() ? "" : ", ") + flow_text(item, true);
      }
      return "[" + text + "]";
    case YamlKind::kMap:
      for (const YamlEntry& entry : node.entries) {
        text += (text.empty() ? "" : ", ") + entry.key + ": " + flow_text(entry.value, true);
      }
      return "{" + text + "}";
  }
  return text;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

std::string shell_quoted(const std::string& text) {
  const bool safe = std::all_of(text.begin(), text.end(),
                                [](char c) { return is_plain(c) || c == '=' || c == '/'; });
  if (safe) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// "<axis>" becomes the label of its point.
std::string with_labels(std::string text, const FiguresFile& file, const Combination& points) {
  for (const auto& [axis, point] : points) {
    const std::string mark = "<" + file.axes[axis].name + ">";
    const std::string& label = file.axes[axis].points[point].label;
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
      text.replace(at, mark.size(), label);
      at += label.size();
    }
  }
  return text;
}

void put_labels(YamlNode& node, const FiguresFile& file, const Combination& points) {
  node.text = with_labels(node.text, file, points);
  for (YamlNode& item : node.items) put_labels(item, file, points);
  for (YamlEntry& entry : node.entries) put_labels(entry.value, file, points);
}

std::string folder_name(std::string label) {
  std::replace_if(
      label.begin(), label.end(), [](char c) { return !is_plain(c); }, '_');
  return label;
}

}  // namespace

std::string assignment(const Setting& setting) {
  return setting.key + "=" + flow_text(setting.value);
}

std::string shell_options(const std::vector<Setting>& settings) {
  std::string text;
  for (const Setting& setting : settings) text += " --set " + shell_quoted(assignment(setting));
  return text;
}

std::vector<std::string> PlannedRun::assignments() const {
  std::vector<std::string> texts;
  for (const Setting& setting : settings) texts.push_back(assignment(setting));
  return texts;
}

std::string describe(const FiguresFile& file, const Combination& combination) {
  std::string text;
  for (const auto& [axis, point] : combination) {
    text += (text.empty() ? "" : ", ") + file.axes[axis].name + " " +
            file.axes[axis].points[point].label;
  }
  return text;
}

std::vector<Combination> combinations(const Figure& figure) {
  std::vector<Combination> all(1);
  for (const auto& [axis, points] : figure.points) {
    std::vector<Combination> longer;
    for (const Combination& combination : all) {
      for (const std::size_t point : points) {
        longer.push_back(combination);
        longer.back()[axis] = point;
      }
    }
    all = std::move(longer);
  }
  return all;
}

RunPlan::RunPlan(const FiguresFile& file) : file_(file) {
  for (const Figure& figure : file.figures) {
    for (const Combination& combination : combinations(figure)) {
      for_each_name(figure, [&](const Term& term) {
        runs_[plan(term.run, combination)].paths.emplace(term.path, term);
      });
    }
  }
}

std::size_t RunPlan::index_of(std::size_t run, const Combination& combination) const {
  Combination own;
  for (const std::size_t axis : file_.runs[run].axes) own[axis] = combination.at(axis);
  return index_.at({run, own});
}

std::size_t RunPlan::plan(std::size_t run, const Combination& combination) {
  const FigureRun& source = file_.runs[run];
  Combination own;
  for (const std::size_t axis : source.axes) own[axis] = combination.at(axis);
  const auto known = index_.find({run, own});
  if (known != index_.end()) return known->second;

  PlannedRun planned;
  planned.label = source.name + (own.empty() ? "" : ", ") + describe(file_, own);
  planned.folder = folder_name(planned.label);
  planned.scenario = with_labels(source.scenario, file_, own);
  planned.settings = source.settings;
  for (const std::size_t axis : source.axes) {
    const std::vector<Setting>& more = file_.axes[axis].points[own[axis]].settings;
    planned.settings.insert(planned.settings.end(), more.begin(), more.end());
  }
  for (Setting& setting : planned.settings) put_labels(setting.value, file_, own);
  const std::string identity = planned.scenario + shell_options(planned.settings);
  const auto [same, is_new] = same_.emplace(identity, runs_.size());
  if (is_new) runs_.push_back(std::move(planned));
  index_[{run, own}] = same->second;
  return same->second;
}

void check_scenarios(const FiguresFile& file, const RunPlan& plan) {
  for (const PlannedRun& run : plan.runs()) {
    std::vector<YamlNode> overrides;
    for (const Setting& setting : run.settings) {
      overrides.push_back(nest_override(setting.key, setting.mark, setting.value));
    }
    load_scenario_with(file.file.parent_path() / run.scenario, std::move(overrides));
  }
}

}  // namespace tandem::platform
