// SPDX-License-Identifier: Apache-2.0
#include "validate/figure_reader.h"

#include <algorithm>

#include "text.h"
#include "validate/map_reader.h"

namespace tandem::platform {
namespace {

constexpr double kMaxTolerance = 1000.0;
constexpr double kMaxPrecision = 1e18;

const std::vector<std::string> kCombinations = {"each", "mean", "geomean", "band"};

void visit_names(const Expression& expression, const std::function<void(const Term&)>& visit) {
  for (const Term& term : expression) {
    if (term.kind == Term::Kind::kName) visit(term);
  }
}

bool has_names(const Expression& expression) {
  return std::any_of(expression.begin(), expression.end(),
                     [](const Term& term) { return term.kind == Term::Kind::kName; });
}

std::size_t find_point(const Axis& axis, const YamlNode& node, const std::string& path) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < axis.points.size(); ++i) {
    if (axis.points[i].label == node.text && node.kind == YamlKind::kScalar) return i;
    labels.push_back(axis.points[i].label);
  }
  throw ScenarioError(node.mark, path,
                      "expected a point of the axis '" + printable(axis.name) +
                          "': " + join_or(labels) + ", got '" + printable(node.text) + "'");
}

Combine read_combine(const YamlNode* node, const std::string& path) {
  if (node == nullptr) return Combine::kEach;
  const auto found = std::find(kCombinations.begin(), kCombinations.end(), node->text);
  if (node->kind != YamlKind::kScalar || found == kCombinations.end()) {
    throw ScenarioError(
        node->mark, path,
        "expected " + join_or(kCombinations) + ", got '" + printable(node->text) + "'");
  }
  return static_cast<Combine>(found - kCombinations.begin());
}

}  // namespace

void NamedValues::add(const std::string& name, const YamlNode& node, const std::string& path) {
  Value value;
  value.mark = node.mark;
  value.expression =
      parse_expression(node, path, [&](const std::string& inner, const YamlMark& mark) {
        const auto found = values_.find(inner);
        if (found != values_.end()) {
          found->second.used = true;
          return found->second.expression;
        }
        Term term;
        term.kind = Term::Kind::kName;
        term.path = inner;
        term.mark = mark;
        return Expression{term};
      });
  values_[name] = std::move(value);
}

Expression NamedValues::of_run(const std::string& name, std::size_t run) {
  Value& value = values_.at(name);
  value.used = true;
  Expression result = value.expression;
  for (Term& term : result) term.run = run;
  return result;
}

bool NamedValues::is_constant(const std::string& name) const {
  return !has_names(values_.at(name).expression);
}

void NamedValues::refuse_unused() const {
  for (const auto& [name, value] : values_) {
    if (!value.used) throw ScenarioError(value.mark, "values." + name, "nothing uses this value");
  }
}

Expression FigureReader::meaning_of(const std::string& name, const YamlMark& mark,
                                    const std::string& path) {
  const std::size_t dot = name.find('.');
  const std::string head = name.substr(0, dot);
  if (dot == std::string::npos && values_.has(name)) {
    if (values_.is_constant(name)) return values_.of_run(name, 0);
    throw ScenarioError(mark, path, "of which run? expected RUN." + name);
  }
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < file_.runs.size(); ++i) {
    runs.push_back(file_.runs[i].name);
    if (runs.back() != head) continue;
    if (dot == std::string::npos) break;
    const std::string rest = name.substr(dot + 1);
    if (values_.has(rest)) return values_.of_run(rest, i);
    Term term;
    term.kind = Term::Kind::kName;
    term.run = i;
    term.path = rest;
    term.mark = mark;
    return {term};
  }
  if (dot == std::string::npos) {
    throw ScenarioError(
        mark, path, "expected RUN.PATH or a constant of `values`, got '" + printable(name) + "'");
  }
  throw ScenarioError(mark, path,
                      "there is no run '" + printable(head) + "'; expected " + join_or(runs));
}

Expression FigureReader::expression(const YamlNode& node, const std::string& path) {
  return parse_expression(node, path, [&](const std::string& name, const YamlMark& mark) {
    return meaning_of(name, mark, path);
  });
}

void FigureReader::choose_points(Figure& figure, const YamlNode* at,
                                 const std::string& path) const {
  for_each_name(figure, [&](const Term& term) {
    for (const std::size_t axis : file_.runs[term.run].axes) figure.points[axis];
  });
  for (auto& [axis, points] : figure.points) {
    for (std::size_t i = 0; i < file_.axes[axis].points.size(); ++i) points.push_back(i);
  }
  if (at == nullptr) return;
  for (const YamlEntry& entry : require_entries(*at, path).entries) {
    const std::string inner = path + "." + printable(entry.key);
    const std::size_t axis = find_axis(file_, entry.key, entry.mark, inner);
    const auto chosen = figure.points.find(axis);
    if (chosen == figure.points.end()) {
      throw ScenarioError(entry.mark, inner, "no run of this figure goes over this axis");
    }
    chosen->second.clear();
    const YamlNode& value = entry.value;
    if (value.kind != YamlKind::kSequence) {
      chosen->second.push_back(find_point(file_.axes[axis], value, inner));
      continue;
    }
    if (value.items.empty()) throw ScenarioError(value.mark, inner, "expected at least one point");
    for (const YamlNode& item : value.items) {
      const std::size_t point = find_point(file_.axes[axis], item, inner);
      if (std::count(chosen->second.begin(), chosen->second.end(), point) != 0) {
        throw ScenarioError(item.mark, inner, "'" + printable(item.text) + "' is given twice");
      }
      chosen->second.push_back(point);
    }
  }
}

std::size_t FigureReader::axis_of_keys(const Figure& figure, const YamlNode& node,
                                       const std::string& path,
                                       const std::map<std::size_t, std::size_t>& points) const {
  const auto has_label = [](const Axis& axis, const std::string& label) {
    return std::any_of(axis.points.begin(), axis.points.end(),
                       [&](const AxisPoint& point) { return point.label == label; });
  };
  const std::string& first = require_entries(node, path).entries.front().key;
  for (const auto& [axis, chosen] : figure.points) {
    if (points.count(axis) == 0 && has_label(file_.axes[axis], first)) return axis;
  }
  throw ScenarioError(
      node.entries.front().mark, path,
      "'" + printable(first) + "' is no point of an axis that this figure goes over");
}

void FigureReader::add_published(Figure& figure, const YamlNode& node, const std::string& path,
                                 const std::map<std::size_t, std::size_t>& points) {
  PublishedValue value{points, expression(node, path)};
  visit_names(value.value, [&](const Term& term) {
    for (const std::size_t axis : file_.runs[term.run].axes) {
      if (figure.points.count(axis) != 0) continue;
      throw ScenarioError(term.mark, path,
                          "run '" + file_.runs[term.run].name + "' goes over the axis '" +
                              printable(file_.axes[axis].name) + "', which no run of `ours` does");
    }
  });
  if (has_names(value.value)) {
    figure.is_computed = true;
  } else if (evaluate(value.value, [](const Term&) { return 0.0; }) == 0.0) {
    throw ScenarioError(node.mark, path, "must not be 0: the error is relative to it");
  }
  figure.published.push_back(std::move(value));
}

void FigureReader::read_published(Figure& figure, const YamlNode& node, const std::string& path,
                                  const std::map<std::size_t, std::size_t>& points) {
  if (node.kind != YamlKind::kMap) return add_published(figure, node, path, points);
  if (figure.combine != Combine::kEach) {
    throw ScenarioError(node.mark, path, "expected one value, because `combine` makes one row");
  }
  const std::size_t axis = axis_of_keys(figure, node, path, points);
  for (const YamlEntry& entry : node.entries) {
    YamlNode label;
    label.kind = YamlKind::kScalar;
    label.text = entry.key;
    label.mark = entry.mark;
    const std::string inner = path + "." + printable(entry.key);
    const std::size_t point = find_point(file_.axes[axis], label, inner);
    const std::vector<std::size_t>& chosen = figure.points.at(axis);
    if (std::count(chosen.begin(), chosen.end(), point) == 0) {
      throw ScenarioError(entry.mark, inner, "this figure does not go to this point");
    }
    auto here = points;
    here[axis] = point;
    read_published(figure, entry.value, inner, here);
  }
}

void FigureReader::check_tolerance(Figure& figure, const std::optional<double>& own,
                                   const std::string& path) const {
  const bool judged = !figure.published.empty() && figure.combine != Combine::kBand;
  if (own && !judged) {
    throw ScenarioError(figure.mark, path + ".tolerance",
                        "nothing is judged: this figure is a band, or has no published value");
  }
  if (!judged) return;
  if (!own && !tolerance_percent_) {
    throw ScenarioError(figure.mark, path + ".tolerance",
                        "this key is required, here or for the whole file");
  }
  figure.tolerance_percent = own ? *own : *tolerance_percent_;
}

Figure FigureReader::read(const YamlNode& node, const std::string& path) {
  MapReader map(node, path,
                {"name", "unit", "note", "source", "published", "precision", "tolerance", "ours",
                 "at", "combine"});
  Figure figure;
  figure.mark = node.mark;
  figure.name = map.text("name", true);
  figure.unit = map.text("unit");
  figure.note = map.text("note");
  figure.source = map.text("source");
  figure.combine = read_combine(map.node("combine"), path + ".combine");
  figure.precision = map.real("precision", 0.0, kMaxPrecision).value_or(0.0);
  figure.ours = expression(map.required("ours"), path + ".ours");
  if (!has_names(figure.ours)) {
    throw ScenarioError(map.required("ours").mark, path + ".ours",
                        "expected a figure of a run: RUN.PATH");
  }
  choose_points(figure, map.node("at"), path + ".at");
  if (const YamlNode* published = map.node("published")) {
    read_published(figure, *published, path + ".published", {});
  }
  check_tolerance(figure, map.real("tolerance", 0.0, kMaxTolerance), path);
  return figure;
}

void for_each_name(const Figure& figure, const std::function<void(const Term&)>& visit) {
  visit_names(figure.ours, visit);
  for (const PublishedValue& published : figure.published) visit_names(published.value, visit);
}

}  // namespace tandem::platform
