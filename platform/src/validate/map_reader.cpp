// SPDX-License-Identifier: Apache-2.0
#include "validate/map_reader.h"

#include <algorithm>

#include "text.h"

namespace tandem::platform {

MapReader::MapReader(const YamlNode& map, std::string path, const std::vector<std::string>& known)
    : map_(map), path_(std::move(path)), binder_(map, path_, notes_) {
  for (const YamlEntry& entry : map.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string meant = nearest(entry.key, known);
    throw ScenarioError(entry.mark, path_of(printable(entry.key).c_str()),
                        "unknown key" + (meant.empty() ? "" : "; did you mean '" + meant + "'?"),
                        "known here: " + join_or(known));
  }
}

std::string MapReader::path_of(const char* key) const {
  return path_.empty() ? key : path_ + "." + key;
}

void MapReader::version() {
  std::uint64_t value = 1;
  required("version");
  binder_.integer({"version", ""}, value, 1, 1);
}

std::string MapReader::text(const char* key, bool required) {
  if (required) this->required(key);
  std::string value;
  binder_.word({key, ""}, value);
  return value;
}

std::optional<double> MapReader::real(const char* key, double min, double max) {
  if (node(key) == nullptr) return {};
  double value = 0.0;
  binder_.real({key, ""}, value, min, max);
  return value;
}

const YamlNode* MapReader::node(const char* key) const {
  const YamlEntry* entry = map_.find(key);
  return entry == nullptr || entry->value.removes ? nullptr : &entry->value;
}

const YamlNode& MapReader::required(const char* key) const {
  const YamlNode* value = node(key);
  if (value == nullptr) throw ScenarioError(map_.mark, path_of(key), "this key is required");
  return *value;
}

const YamlNode* MapReader::free_map(const char* key) const {
  const YamlNode* value = node(key);
  if (value != nullptr) require_entries(*value, path_of(key));
  return value;
}

bool is_name(const std::string& text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (text.empty() || !letter(text.front()) || text == "min" || text == "max") return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

const YamlNode& require_entries(const YamlNode& node, const std::string& path) {
  if (node.kind != YamlKind::kMap || node.entries.empty()) {
    throw ScenarioError(node.mark, path, "expected a map with at least one key");
  }
  return node;
}

std::vector<Setting> read_settings(const YamlNode& node, const std::string& path) {
  if (node.kind != YamlKind::kMap && node.kind != YamlKind::kNull) {
    throw ScenarioError(node.mark, path,
                        "expected a map of keys to values, such as {policy.draft.length: 8}");
  }
  std::vector<Setting> settings;
  for (const YamlEntry& entry : node.entries) {
    nest_override(entry.key, entry.mark, {});  // refuses what is no dotted key
    settings.push_back({entry.key, entry.mark, entry.value});
  }
  return settings;
}

std::size_t find_axis(const FiguresFile& file, const std::string& name, const YamlMark& mark,
                      const std::string& path) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < file.axes.size(); ++i) {
    if (file.axes[i].name == name) return i;
    names.push_back(file.axes[i].name);
  }
  throw ScenarioError(mark, path,
                      "there is no axis '" + printable(name) + "'" +
                          (names.empty() ? "; `axes` is empty" : "; expected " + join_or(names)));
}

}  // namespace tandem::platform
