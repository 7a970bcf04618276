// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/yaml_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "text.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIncludeKey = "include";

// The whole file, or why not. Reads one byte beyond the limit, so that the parser refuses it.
std::string read_text(const fs::path& file, std::string& why_not) {
  std::error_code error;
  if (fs::is_directory(file, error)) {
    why_not = "it is a directory";
    return {};
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  if (stream) {
    text.resize(kMaxYamlBytes + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream && !stream.eof()) why_not = errno != 0 ? std::strerror(errno) : "it cannot be read";
  return text;
}

YamlNode parse_file_text(const fs::path& file, std::string_view text) {
  auto source = std::make_shared<YamlSource>();
  source->name = file.string();
  source->directory = file.parent_path();
  return parse_yaml(text, source);
}

// Replaces every `include` of a tree by what it names.
class Includer {
 public:
  void resolve(YamlNode& node, const std::string& path) {
    for (YamlNode& item : node.items) resolve(item, path);
    for (YamlEntry& entry : node.entries) {
      if (entry.key == kIncludeKey) continue;
      resolve(entry.value, path.empty() ? entry.key : path + "." + entry.key);
    }
    const auto include =
        std::find_if(node.entries.begin(), node.entries.end(),
                     [](const YamlEntry& entry) { return entry.key == kIncludeKey; });
    if (include == node.entries.end()) return;
    const YamlNode files = std::move(include->value);
    const YamlMark include_mark = include->mark;
    node.entries.erase(include);
    const std::string include_path = path.empty() ? kIncludeKey : path + "." + kIncludeKey;

    YamlNode merged;
    merged.kind = YamlKind::kMap;
    if (files.kind == YamlKind::kSequence) {
      for (const YamlNode& file : files.items) merge_yaml(merged, load(file, include_path));
    } else {
      merged = load(files, include_path);
    }
    merge_yaml(merged, std::move(node));
    node = std::move(merged);
  }

  void enter(const fs::path& file) { open_.push_back(identity(file)); }

 private:
  static fs::path identity(const fs::path& file) {
    std::error_code error;
    fs::path canonical = fs::weakly_canonical(file, error);
    return error ? file.lexically_normal() : canonical;
  }

  YamlNode load(const YamlNode& name, const std::string& path) {
    if (name.kind != YamlKind::kScalar || name.text.empty()) {
      throw ScenarioError(name.mark, path, "expected a file or a list of files");
    }
    if (name.text.find('\0') != std::string::npos) {
      throw ScenarioError(name.mark, path, "'" + printable(name.text) + "' is no file name");
    }
    const fs::path file = (name.mark.source->directory / name.text).lexically_normal();
    if (++files_ > kMaxIncludedFiles) {
      throw ScenarioError(name.mark, path,
                          "more than " + std::to_string(kMaxIncludedFiles) + " included files");
    }
    const fs::path id = identity(file);
    if (std::find(open_.begin(), open_.end(), id) != open_.end()) {
      throw ScenarioError(name.mark, path, "'" + printable_path(file) + "' includes itself");
    }
    std::string why_not;
    const std::string text = read_text(file, why_not);
    if (!why_not.empty()) {
      throw ScenarioError(name.mark, path, "cannot read '" + printable_path(file) + "': " + why_not,
                          name.mark.relative_path_hint());
    }
    YamlNode tree = parse_file_text(file, text);
    if (tree.kind != YamlKind::kMap) {
      throw ScenarioError(tree.mark, "", "expected a map of keys to values");
    }
    open_.push_back(id);
    resolve(tree, "");
    open_.pop_back();
    return tree;
  }

  std::vector<fs::path> open_;  // files being included, outermost first
  std::size_t files_ = 0;
};

}  // namespace

YamlNode read_yaml_text(std::string_view text, const std::shared_ptr<const YamlSource>& source) {
  YamlNode tree = parse_yaml(text, source);
  Includer().resolve(tree, "");
  return tree;
}

YamlNode read_yaml_file(const fs::path& file) {
  std::string why_not;
  const std::string text = read_text(file, why_not);
  if (!why_not.empty()) {
    throw UserError("cannot read '" + printable_path(file) + "': " + why_not,
                    "'tandem list scenarios' shows the scenarios that come with Tandem");
  }
  YamlNode tree = parse_file_text(file, text);
  Includer includer;
  includer.enter(file);
  includer.resolve(tree, "");
  return tree;
}

YamlNode nest_override(std::string_view dotted_key, const YamlMark& mark, YamlNode value) {
  std::vector<std::string> keys(1);
  for (const char c : dotted_key) {
    if (c == '.') {
      keys.emplace_back();
    } else {
      keys.back().append(1, c);
    }
  }
  if (keys.size() > kMaxYamlDepth) throw ScenarioError(mark, "", "nested too deeply");
  value.removes = value.kind == YamlKind::kNull;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    if (key->empty()) throw ScenarioError(mark, "", "expected a key such as policy.draft.length");
    YamlNode parent;
    parent.kind = YamlKind::kMap;
    parent.mark = mark;
    parent.entries.push_back({*key, mark, std::move(value)});
    value = std::move(parent);
  }
  return value;
}

YamlNode parse_override(const std::string& assignment) {
  auto source = std::make_shared<YamlSource>();
  source->name = "--set " + printable(assignment);
  source->has_lines = false;
  const YamlMark mark{source, 1, 1};
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ScenarioError(mark, "", "expected KEY=VALUE, such as policy.draft.length=8");
  }
  const std::string_view text = std::string_view(assignment).substr(equals + 1);
  if (text.find_first_not_of(" \t") == std::string_view::npos) {
    throw ScenarioError(mark, "", "expected a value after '='", "null removes a key");
  }
  YamlNode value = parse_yaml(text, source);
  value.mark = mark;
  YamlNode tree = nest_override(std::string_view(assignment).substr(0, equals), mark, value);
  Includer().resolve(tree, "");
  return tree;
}

}  // namespace tandem::platform
