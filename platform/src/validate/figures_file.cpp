// SPDX-License-Identifier: Apache-2.0
#include "validate/figures_file.h"

#include <algorithm>
#include <set>

#include "text.h"
#include "validate/figure_reader.h"
#include "validate/map_reader.h"

namespace tandem::platform {
namespace {

constexpr const char* kExtension = ".figures.yaml";
constexpr double kMaxTolerance = 1000.0;

class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& file) { result_.file = file; }

  FiguresFile read(const YamlNode& tree) {
    if (tree.kind != YamlKind::kMap) {
      throw ScenarioError(tree.mark, "", "expected a map of keys to values, such as 'version: 1'");
    }
    MapReader map(tree, "",
                  {"version", "system", "title", "source", "assumed", "tolerance", "axes", "runs",
                   "values", "figures"});
    map.version();
    read_head(map, tree);
    std::optional<double> tolerance = map.real("tolerance", 0.0, kMaxTolerance);
    read_axes(map.free_map("axes"));
    read_runs(map);
    read_values(map.free_map("values"));
    read_figures(map, tolerance);
    tell_apart();
    refuse_unused();
    return std::move(result_);
  }

 private:
  void read_head(MapReader& map, const YamlNode& tree) {
    result_.system = map.text("system", true);
    const std::string file = result_.file.filename().string();
    if (file != result_.system + kExtension) {
      throw ScenarioError(tree.find("system")->value.mark, "system",
                          "expected the name of the file without '" + std::string(kExtension) +
                              "', got '" + printable(result_.system) + "'");
    }
    result_.title = map.text("title", true);
    MapReader source(map.required("source"), "source", {"publication", "url"});
    result_.publication = source.text("publication", true);
    result_.url = source.text("url", true);
    const YamlNode& assumed = map.required("assumed");
    if (assumed.kind != YamlKind::kSequence) {
      throw ScenarioError(assumed.mark, "assumed", "expected a list of texts; [] if nothing is");
    }
    for (const YamlNode& item : assumed.items) {
      if (item.kind != YamlKind::kScalar || item.text.empty()) {
        throw ScenarioError(item.mark, "assumed", "expected a text");
      }
      result_.assumed.push_back(item.text);
    }
  }

  void read_axes(const YamlNode* node) {
    if (node == nullptr) return;
    for (const YamlEntry& entry : node->entries) {
      const std::string path = "axes." + entry.key;
      Axis axis{entry.key, entry.mark, read_points(entry.value, path)};
      result_.axes.push_back(std::move(axis));
    }
  }

  // A map of points to their overrides, or a list of points that have none.
  static std::vector<AxisPoint> read_points(const YamlNode& node, const std::string& path) {
    std::vector<AxisPoint> points;
    if (node.kind != YamlKind::kSequence) {
      for (const YamlEntry& point : require_entries(node, path).entries) {
        points.push_back(
            {point.key, read_settings(point.value, path + "." + printable(point.key))});
      }
      return points;
    }
    if (node.items.empty()) throw ScenarioError(node.mark, path, "expected at least one point");
    for (const YamlNode& item : node.items) {
      if (item.kind != YamlKind::kScalar || item.text.empty()) {
        throw ScenarioError(item.mark, path, "expected the name of a point");
      }
      const bool twice = std::any_of(points.begin(), points.end(), [&](const AxisPoint& point) {
        return point.label == item.text;
      });
      if (twice) {
        throw ScenarioError(item.mark, path, "'" + printable(item.text) + "' is given twice");
      }
      points.push_back({item.text, {}});
    }
    return points;
  }

  void read_runs(MapReader& map) {
    for (const YamlEntry& entry : require_entries(map.required("runs"), "runs").entries) {
      const std::string path = "runs." + printable(entry.key);
      if (!is_name(entry.key)) {
        throw ScenarioError(entry.mark, path, "expected a name of letters, digits and _");
      }
      MapReader reader(entry.value, path, {"scenario", "set", "over"});
      FigureRun run;
      run.name = entry.key;
      run.mark = entry.mark;
      run.scenario = reader.text("scenario", true);
      if (const YamlNode* settings = reader.node("set")) {
        run.settings = read_settings(*settings, path + ".set");
      }
      if (const YamlNode* over = reader.node("over")) run.axes = read_over(*over, path + ".over");
      result_.runs.push_back(std::move(run));
    }
  }

  std::vector<std::size_t> read_over(const YamlNode& node, const std::string& path) const {
    if (node.kind != YamlKind::kSequence)
      throw ScenarioError(node.mark, path, "expected a list of axes");
    std::vector<std::size_t> axes;
    for (const YamlNode& item : node.items) {
      const std::size_t axis = find_axis(result_, item.text, item.mark, path);
      if (std::find(axes.begin(), axes.end(), axis) != axes.end()) {
        throw ScenarioError(item.mark, path, "'" + printable(item.text) + "' is given twice");
      }
      axes.push_back(axis);
    }
    return axes;
  }

  void read_values(const YamlNode* node) {
    if (node == nullptr) return;
    for (const YamlEntry& entry : node->entries) {
      const std::string path = "values." + printable(entry.key);
      if (!is_name(entry.key)) {
        throw ScenarioError(entry.mark, path, "expected a name of letters, digits and _");
      }
      const bool is_run = std::any_of(result_.runs.begin(), result_.runs.end(),
                                      [&](const FigureRun& run) { return run.name == entry.key; });
      if (is_run) throw ScenarioError(entry.mark, path, "a run has this name already");
      values_.add(entry.key, entry.value, path);
    }
  }

  void read_figures(MapReader& map, const std::optional<double>& tolerance) {
    const YamlNode& node = map.required("figures");
    if (node.kind != YamlKind::kSequence || node.items.empty()) {
      throw ScenarioError(node.mark, "figures", "expected a list of figures");
    }
    FigureReader reader(result_, values_, tolerance);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      result_.figures.push_back(reader.read(node.items[i], "figures." + std::to_string(i)));
    }
  }

  // Rows of figures of the same name are told apart by their points.
  void tell_apart() {
    for (Figure& figure : result_.figures) {
      for (const Figure& other : result_.figures) {
        if (&other == &figure || other.name != figure.name || other.unit != figure.unit) continue;
        if (other.points == figure.points) {
          throw ScenarioError(figure.mark, "figures",
                              "'" + printable(figure.name) +
                                  "' stands for two figures, which have "
                                  "the same points; give one another name");
        }
        for (const auto& [axis, points] : figure.points) {
          const auto others = other.points.find(axis);
          if (others == other.points.end() || others->second != points) figure.telling.insert(axis);
        }
      }
    }
  }

  void refuse_unused() const {
    std::set<std::size_t> runs;
    std::set<std::size_t> axes;
    for (const Figure& figure : result_.figures) {
      for_each_name(figure, [&](const Term& term) { runs.insert(term.run); });
    }
    for (std::size_t i = 0; i < result_.runs.size(); ++i) {
      const FigureRun& run = result_.runs[i];
      axes.insert(run.axes.begin(), run.axes.end());
      if (runs.count(i) == 0) {
        throw ScenarioError(run.mark, "runs." + run.name, "no figure uses this run");
      }
    }
    for (std::size_t i = 0; i < result_.axes.size(); ++i) {
      const Axis& axis = result_.axes[i];
      if (axes.count(i) == 0) {
        throw ScenarioError(axis.mark, "axes." + printable(axis.name),
                            "no run goes over this axis");
      }
    }
    values_.refuse_unused();
  }

  FiguresFile result_;
  NamedValues values_;
};

}  // namespace

FiguresFile read_figures_file(const std::filesystem::path& file) {
  return FileReader(file).read(read_yaml_file(file));
}

FiguresFile read_figures_text(std::string_view text, const std::filesystem::path& file) {
  auto source = std::make_shared<YamlSource>();
  source->name = file.string();
  source->directory = file.parent_path();
  return FileReader(file).read(read_yaml_text(text, source));
}

void keep_point(FiguresFile& file, const std::string& axis, const std::string& point) {
  const auto is_axis = [&](const Axis& candidate) { return candidate.name == axis; };
  const auto found = std::find_if(file.axes.begin(), file.axes.end(), is_axis);
  if (found == file.axes.end()) {
    throw UserError("'" + printable(file.system) + "' has no axis '" + printable(axis) + "'");
  }
  const auto is_point = [&](const AxisPoint& candidate) { return candidate.label == point; };
  const auto chosen = std::find_if(found->points.begin(), found->points.end(), is_point);
  if (chosen == found->points.end()) {
    throw UserError("'" + printable(file.system) + "' has no point '" + printable(point) +
                    "' of its axis '" + printable(axis) + "'");
  }
  const auto axis_at = static_cast<std::size_t>(found - file.axes.begin());
  const auto point_at = static_cast<std::size_t>(chosen - found->points.begin());
  std::vector<Figure> kept;
  for (Figure& figure : file.figures) {
    const auto points = figure.points.find(axis_at);
    if (points != figure.points.end()) {
      if (std::count(points->second.begin(), points->second.end(), point_at) == 0) continue;
      points->second = {point_at};
    }
    kept.push_back(std::move(figure));
  }
  file.figures = std::move(kept);
  if (file.figures.empty()) {
    throw UserError("'" + printable(file.system) + "' has no figure at " + printable(axis) + " " +
                    printable(point));
  }
}

}  // namespace tandem::platform
