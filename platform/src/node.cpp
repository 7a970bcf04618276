// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tandem/platform/yaml_reader.h"
#include "text.h"

namespace tandem::platform {
namespace {

std::string message_at(const YamlMark& mark, const std::string& key_path,
                       const std::string& message) {
  std::string text = mark.text();
  if (!text.empty()) text.append(": ");
  if (!key_path.empty()) text.append(printable(key_path)).append(": ");
  return text.append(message);
}

}  // namespace

std::string YamlMark::text() const {
  if (!source) return {};
  if (!source->has_lines) return source->name;
  return source->name + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string YamlMark::relative_path_hint() const {
  const bool in_file = source == nullptr || source->has_lines;
  return std::string("a path is relative to the ") +
         (in_file ? "file that it is written in" : "working directory when it comes from --set");
}

ScenarioError::ScenarioError(const YamlMark& mark, const std::string& key_path,
                             const std::string& message, std::string hint)
    : UserError(message_at(mark, key_path, message), std::move(hint)), mark_(mark) {}

const YamlEntry* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const YamlEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

void merge_yaml(YamlNode& base, YamlNode over) {
  if (base.kind != YamlKind::kMap || over.kind != YamlKind::kMap || over.beneath) {
    const bool word_and_map = (base.kind == YamlKind::kScalar && over.kind == YamlKind::kMap) ||
                              (base.kind == YamlKind::kMap && over.kind == YamlKind::kScalar);
    if (word_and_map && !over.beneath) {
      over.beneath = std::make_shared<const YamlNode>(std::move(base));
    } else if (base.kind == YamlKind::kScalar && over.kind == YamlKind::kScalar && !over.beneath) {
      over.beneath = base.beneath;  // a word on a word: what they were laid over stays
    }
    base = std::move(over);
    return;
  }
  // A missing key is looked for in a file, not on the command line.
  if (over.mark.source && over.mark.source->has_lines) base.mark = over.mark;
  for (YamlEntry& entry : over.entries) {
    const auto same = std::find_if(base.entries.begin(), base.entries.end(),
                                   [&](const YamlEntry& other) { return other.key == entry.key; });
    if (same == base.entries.end()) {
      base.entries.push_back(std::move(entry));
    } else {
      same->mark = entry.mark;
      merge_yaml(same->value, std::move(entry.value));
      same->value.removes = same->value.kind == YamlKind::kNull;
    }
  }
}

}  // namespace tandem::platform
