// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "validate/figures_file.h"
#include "yaml_binder.h"

namespace tandem::platform {

// Reads the keys of one map with the words of YamlBinder. The constructor refuses keys that are not
// in `known`.
class MapReader {
 public:
  MapReader(const YamlNode& map, std::string path, const std::vector<std::string>& known);

  void version();
  // Empty if it is not written and not required.
  std::string text(const char* key, bool required = false);
  std::optional<double> real(const char* key, double min, double max);
  // Null if it is not written.
  const YamlNode* node(const char* key) const;
  const YamlNode& required(const char* key) const;
  // A map with keys of the user's choice; null if it is not written.
  const YamlNode* free_map(const char* key) const;
  std::string path_of(const char* key) const;

 private:
  const YamlNode& map_;
  std::string path_;
  BindingNotes notes_;
  YamlBinder binder_;
};

// Whether it can stand in an expression, before a dot.
bool is_name(const std::string& text);

// `node`, if it is a map that has entries.
const YamlNode& require_entries(const YamlNode& node, const std::string& path);

// A map of dotted keys to values; may be empty.
std::vector<Setting> read_settings(const YamlNode& node, const std::string& path);

// Position in file.axes; throws ScenarioError.
std::size_t find_axis(const FiguresFile& file, const std::string& name, const YamlMark& mark,
                      const std::string& path);

}  // namespace tandem::platform
