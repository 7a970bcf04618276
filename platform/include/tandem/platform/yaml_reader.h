// SPDX-License-Identifier: Apache-2.0
// YAML as a tree in which every key and value knows where it was written, and the composition of
// such trees: include files and command-line overrides. What the keys mean is not known here.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/platform/errors.h"

namespace tandem::platform {

// Limits that keep garbage and alias bombs from taking time or memory.
constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxYamlDepth = 32;
constexpr std::size_t kMaxYamlNodes = 100'000;
constexpr std::size_t kMaxIncludedFiles = 64;

struct YamlSource {
  std::string name;                 // file as the user named it, or "--set a.b=c"
  std::filesystem::path directory;  // relative paths written in this source start here
  bool has_lines = true;            // false for the command line
};

struct YamlMark {
  std::shared_ptr<const YamlSource> source;
  int line = 0;  // from 1
  int column = 0;

  // "quickstart.yaml:12:5", or the override itself.
  std::string text() const;
  // A sentence: what a relative path written here is relative to.
  std::string relative_path_hint() const;
};

enum class YamlKind { kNull, kScalar, kSequence, kMap };

struct YamlEntry;

struct YamlNode {
  YamlKind kind = YamlKind::kNull;
  std::string text;      // of a scalar
  bool quoted = false;   // 'x', "x" or a block: a text, whatever it looks like
  bool removes = false;  // a null that took an inherited key away: as if it had not been written
  YamlMark mark;
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  // in the order written, keys unique
  // The scalar that this map was merged onto, or the map that this scalar was.
  std::shared_ptr<const YamlNode> beneath;

  const YamlEntry* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  YamlMark mark;  // of the key
  YamlNode value;
};

// "quickstart.yaml:12:5: policy.draft.length: expected ..."
class ScenarioError : public UserError {
 public:
  ScenarioError(const YamlMark& mark, const std::string& key_path, const std::string& message,
                std::string hint = {});
  const YamlMark& mark() const { return mark_; }

 private:
  YamlMark mark_;
};

// One document. Throws ScenarioError on a syntax error, a duplicate key, a tag, an anchor that
// contains itself, and beyond the limits above.
YamlNode parse_yaml(std::string_view text, const std::shared_ptr<const YamlSource>& source);

// A file with its includes: in any map, `include: FILE` or `include: [FILE, ...]` puts the maps of
// these files, in order, beneath the map's own keys. Throws UserError if the file cannot be read,
// ScenarioError for the files it includes.
YamlNode read_yaml_file(const std::filesystem::path& file);

// The same for a text, whose relative paths start at source->directory.
YamlNode read_yaml_text(std::string_view text, const std::shared_ptr<const YamlSource>& source);

// "a.b.c=VALUE" as the tree {a: {b: {c: VALUE}}}; VALUE is YAML, null removes the key.
YamlNode parse_override(const std::string& assignment);

// The same of a key and a value that were read before: "a.b.c" and VALUE.
YamlNode nest_override(std::string_view dotted_key, const YamlMark& mark, YamlNode value);

// Maps merge key by key, at every depth; anything else in `over` replaces what is in `base`. A null
// for a key of `base` removes it; the entry stays, so that a misspelled key is still found out.
void merge_yaml(YamlNode& base, YamlNode over);

}  // namespace tandem::platform
