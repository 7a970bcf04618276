// SPDX-License-Identifier: Apache-2.0
#include "yaml_binder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "tandem/platform/device_file.h"
#include "text.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kMaxTokenId = 0xffff'ffff;
constexpr std::uint64_t kMaxCycles = std::uint64_t{1} << 32;

std::optional<std::uint64_t> parse_integer(std::string_view text) {
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return {};
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  double value = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return {};
  if (!std::isfinite(value)) return {};
  return value;
}

std::string describe(const Binder::Integer& slot) {
  if (slot.hexadecimal) return "an address such as " + hexadecimal(slot.value);
  if (slot.min == slot.max) return std::to_string(slot.min);
  return "an integer " + std::to_string(slot.min) + ".." + std::to_string(slot.max);
}

// "'four'", "a list", ...
std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::kNull:
      return "nothing";
    case YamlKind::kSequence:
      return "a list";
    case YamlKind::kMap:
      return "a map";
    case YamlKind::kScalar:
      break;
  }
  return (node.quoted ? "the quoted text '" : "'") + printable(node.text) + "'";
}

}  // namespace

const YamlMark& BindingNotes::mark_of(const std::string& path, const YamlMark& start) const {
  for (std::string at = path; !at.empty();) {
    const auto found = marks.find(at);
    if (found != marks.end()) return found->second;
    const std::size_t dot = at.rfind('.');
    at.resize(dot == std::string::npos ? 0 : dot);
  }
  return start;
}

void BindingNotes::note_error(const ScenarioError& error) {
  if (!collects) throw ScenarioError(error);
  const auto comes_before = [](const YamlMark& left, const YamlMark& right) {
    return left.source == right.source &&
           std::pair(left.line, left.column) < std::pair(right.line, right.column);
  };
  if (!first_error || comes_before(error.mark(), first_error->mark())) first_error = error;
}

YamlBinder::YamlBinder(const YamlNode& map, std::string path, BindingNotes& notes)
    : map_(map), path_(std::move(path)), notes_(notes) {
  if (map_.kind != YamlKind::kMap && map_.kind != YamlKind::kNull) {
    throw ScenarioError(map_.mark, path_, "expected a map of keys to values, got " + shown(map_));
  }
}

std::string YamlBinder::path_of(const Key& key) const {
  return path_.empty() ? key.name : path_ + "." + key.name;
}

void YamlBinder::expected(const YamlNode& node, const Key& key, const std::string& what,
                          std::string hint) const {
  throw ScenarioError(node.mark, path_of(key), "expected " + what + ", got " + shown(node),
                      std::move(hint));
}

const YamlNode* YamlBinder::value_of(const Key& key) {
  known_.emplace_back(key.name);
  const YamlEntry* entry = map_.find(key.name);
  if (entry == nullptr || entry->value.removes) {
    const YamlMark& mark = entry == nullptr ? map_.mark : entry->mark;
    if (key.required) notes_.missing.emplace_back(path_of(key), mark);
    return nullptr;
  }
  notes_.marks[path_of(key)] = entry->value.mark;
  return &entry->value;
}

const YamlNode* YamlBinder::scalar_of(const Key& key, const std::string& what) {
  const YamlNode* node = value_of(key);
  if (node != nullptr && node->kind != YamlKind::kScalar) expected(*node, key, what);
  return node;
}

void YamlBinder::finish() const {
  for (const YamlEntry& entry : map_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    const std::string meant = nearest(entry.key, known_);
    const std::string path = path_.empty() ? entry.key : path_ + "." + entry.key;
    notes_.note_error(ScenarioError(
        entry.mark, path, "unknown key" + (meant.empty() ? "" : "; did you mean '" + meant + "'?"),
        "known here: " + join_or(known_)));
  }
}

void YamlBinder::integer(const Key& key, const Integer& slot) try {
  const YamlNode* node = scalar_of(key, describe(slot));
  if (node == nullptr) return;
  // JSON has no hexadecimal numbers: the effective configuration holds addresses as texts.
  const bool is_text = node->quoted && !slot.hexadecimal;
  const std::optional<std::uint64_t> value = is_text ? std::nullopt : parse_integer(node->text);
  if (!value || *value < slot.min || *value > slot.max) expected(*node, key, describe(slot));
  slot.value = *value;
  if (slot.is_set != nullptr) *slot.is_set = true;
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::measure(const Key& key, const Measure& slot) try {
  const YamlNode* node = scalar_of(key, platform::describe(slot.quantity));
  if (node == nullptr) return;
  std::uint64_t value = 0;
  try {
    value = parse_quantity(node->text, slot.quantity);
  } catch (const UnitError& error) {
    throw ScenarioError(node->mark, path_of(key), error.what());
  }
  if (value < slot.min) expected(*node, key, platform::describe(slot.quantity) + " above zero");
  slot.value = value;
  if (slot.is_set != nullptr) *slot.is_set = true;
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::duration(const Key& key, std::optional<Duration>& value) try {
  const std::string what = "a number of cycles, or " + platform::describe(Quantity::kTime);
  const YamlNode* node = scalar_of(key, what);
  if (node == nullptr) return;
  const std::optional<std::uint64_t> cycles =
      node->quoted ? std::nullopt : parse_integer(node->text);
  if (cycles) {
    if (*cycles > kMaxCycles) expected(*node, key, what + " (at most 2^32 cycles)");
    value = Duration{*cycles, true};
    return;
  }
  try {
    value = Duration{parse_quantity(node->text, Quantity::kTime), false};
  } catch (const UnitError&) {
    expected(*node, key, what);
  }
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::real(const Key& key, double& value, double min, double max) try {
  const std::string what = "a number " + number(min) + ".." + number(max);
  const YamlNode* node = scalar_of(key, what);
  if (node == nullptr) return;
  const std::optional<double> read = node->quoted ? std::nullopt : parse_real(node->text);
  if (!read || *read < min || *read > max) expected(*node, key, what);
  value = *read;
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::reals(const Key& key, std::vector<double>& values, double min, double max) try {
  const std::string what = "numbers " + number(min) + ".." + number(max);
  const YamlNode* node = value_of(key);
  if (node == nullptr) return;
  if (node->kind != YamlKind::kSequence) expected(*node, key, "a list of " + what);
  require_items(*node, key, "the list");
  values.clear();
  for (const YamlNode& item : node->items) {
    const bool is_number = item.kind == YamlKind::kScalar && !item.quoted;
    const std::optional<double> read = is_number ? parse_real(item.text) : std::nullopt;
    if (!read || *read < min || *read > max) expected(item, key, what);
    values.push_back(*read);
  }
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::flag(const Key& key, bool& value, bool* is_set) try {
  const YamlNode* node = scalar_of(key, "true or false");
  if (node == nullptr) return;
  const bool yes = node->text == "true" || node->text == "on";
  const bool no = node->text == "false" || node->text == "off";
  if (node->quoted || (!yes && !no)) expected(*node, key, "true or false");
  value = yes;
  if (is_set != nullptr) *is_set = true;
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::word(const Key& key, std::string& value) try {
  const YamlNode* node = scalar_of(key, "a name");
  if (node == nullptr) return;
  if (node->text.empty()) expected(*node, key, "a name");
  value = node->text;
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::words(const Key& key, std::vector<std::string>& values,
                       const ChoiceList& list) try {
  std::vector<std::string> names;
  for (const Choice& choice : list) names.emplace_back(choice.name);
  const YamlNode* node = value_of(key);
  if (node == nullptr) return;
  if (node->kind != YamlKind::kSequence) expected(*node, key, "a list of " + join_or(names));
  require_items(*node, key, "the list");
  values.clear();
  for (const YamlNode& item : node->items) {
    const bool known = item.kind == YamlKind::kScalar &&
                       std::find(names.begin(), names.end(), item.text) != names.end();
    if (!known) expected(item, key, join_or(names));
    values.push_back(item.text);
  }
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::path(const Key& key, std::filesystem::path& value) try {
  const YamlNode* node = scalar_of(key, "a file");
  if (node == nullptr) return;
  if (node->text.empty() || node->text.find('\0') != std::string::npos) {
    expected(*node, key, "a file");
  }
  value = (node->mark.source->directory / node->text).lexically_normal();
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::named_file(const Key& key, NamedFile& value) try {
  const YamlNode* node = scalar_of(key, "a name or a file");
  if (node == nullptr) return;
  const std::string& text = node->text;
  if (text.empty() || text.find('\0') != std::string::npos) {
    expected(*node, key, "a name or a file");
  }
  const std::filesystem::path& directory = node->mark.source->directory;
  if (text.find('/') == std::string::npos && text.find('.') == std::string::npos) {
    value = {text, find_device_file(text, directory)};
  } else {
    value = {"", (directory / text).lexically_normal()};
  }
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::choice(const Key& key, std::size_t& index, const ChoiceList& list,
                        bool* is_set) try {
  std::vector<std::string> names;
  for (const Choice& choice : list) names.emplace_back(choice.name);
  const YamlNode* node = scalar_of(key, join_or(names));
  if (node == nullptr) return;
  for (std::size_t i = 0; i < list.size; ++i) {
    if (node->text != list.data[i].name) continue;
    index = i;
    if (is_set != nullptr) *is_set = true;
    return;
  }
  const std::string meant = nearest(node->text, names);
  expected(*node, key, join_or(names), meant.empty() ? "" : "did you mean '" + meant + "'?");
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::require_items(const YamlNode& list, const Key& key,
                               const std::string& what) const {
  if (list.items.empty()) throw ScenarioError(list.mark, path_of(key), what + " must not be empty");
}

void YamlBinder::prompts(const Key& key, std::vector<Prompt>& value) try {
  const std::string what = "a list of quoted texts or lists of token ids";
  const YamlNode* node = value_of(key);
  if (node == nullptr) return;
  if (node->kind != YamlKind::kSequence) expected(*node, key, what);
  require_items(*node, key, "the list of prompts");
  value.clear();
  for (const YamlNode& item : node->items) {
    if (item.kind == YamlKind::kScalar) {
      if (!item.quoted && parse_real(item.text)) {
        expected(item, key, what, "put a prompt that is a number in quotes, token ids in [ ]");
      }
      value.emplace_back(item.text);
      continue;
    }
    if (item.kind != YamlKind::kSequence) expected(item, key, what);
    require_items(item, key, "a list of token ids");
    std::vector<std::uint32_t> tokens;
    for (const YamlNode& token : item.items) {
      const std::optional<std::uint64_t> id = token.kind == YamlKind::kScalar && !token.quoted
                                                  ? parse_integer(token.text)
                                                  : std::nullopt;
      if (!id || *id > kMaxTokenId) expected(token, key, "a token id");
      tokens.push_back(static_cast<std::uint32_t>(*id));
    }
    value.emplace_back(std::move(tokens));
  }
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::bind_section(const YamlNode& node, const Key& key, const Body& body) {
  YamlBinder inner(node, path_of(key), notes_);
  body(inner);
  inner.finish();
}

void YamlBinder::section(const Key& key, const Body& body,
                         const std::vector<const char*>& shorthand) try {
  const YamlNode* node = value_of(key);
  YamlNode stand_in;
  stand_in.mark = map_.mark;
  if (node == nullptr) {
    bind_section(stand_in, key, body);
  } else if (node->kind == YamlKind::kScalar && !shorthand.empty()) {
    stand_in.kind = YamlKind::kMap;
    for (const char* name : shorthand) stand_in.entries.push_back({name, node->mark, *node});
    bind_section(stand_in, key, body);
  } else if (node->beneath && shorthand.size() > 1) {
    stand_in = *node;
    for (const char* name : shorthand) {
      if (node->find(name) != nullptr) continue;
      stand_in.entries.push_back({name, node->beneath->mark, *node->beneath});
    }
    bind_section(stand_in, key, body);
  } else {
    bind_section(*node, key, body);
  }
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

namespace {

// All layers of it as one map.
YamlNode flattened(YamlNode node, const char* named_by) {
  YamlNode map;
  map.kind = YamlKind::kMap;
  map.mark = node.mark;
  if (node.beneath) map = flattened(*node.beneath, named_by);
  node.beneath = nullptr;
  if (node.kind == YamlKind::kScalar) {
    YamlNode word;
    word.kind = YamlKind::kMap;
    word.mark = node.mark;
    word.entries.push_back({named_by, node.mark, node});
    node = std::move(word);
  }
  merge_yaml(map, std::move(node));
  return map;
}

}  // namespace

void YamlBinder::section_of(const Key& key, const char* named_by, const Body& body) {
  const YamlNode* node = value_of(key);
  if (node == nullptr) return section(key, body, {});
  try {
    bind_section(flattened(*node, named_by), key, body);
  } catch (const ScenarioError& error) {
    notes_.note_error(error);
  }
}

void YamlBinder::optional_section(const Key& key, bool& present, const Body& body,
                                  const char* list_key) try {
  const YamlNode* node = value_of(key);
  if (node == nullptr) return;
  present = true;
  if (list_key == nullptr || node->kind != YamlKind::kSequence) {
    return bind_section(*node, key, body);
  }
  YamlNode stand_in;
  stand_in.kind = YamlKind::kMap;
  stand_in.mark = node->mark;
  stand_in.entries.push_back({list_key, node->mark, *node});
  bind_section(stand_in, key, body);
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::sections(const Key& key, const Items& items) try {
  const YamlNode* node = value_of(key);
  if (node == nullptr) return;
  if (node->kind != YamlKind::kSequence) expected(*node, key, "a list of maps");
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const std::string path = path_of(key) + "[" + std::to_string(i) + "]";
    notes_.marks[path] = node->items[i].mark;
    items.add();
    YamlBinder inner(node->items[i], path, notes_);
    items.bind(inner, i);
    inner.finish();
  }
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::word_or_section(const Key& key, const char* word, bool& is_word,
                                 const Body& body) try {
  const YamlNode* node = value_of(key);
  if (node == nullptr) return;
  if (node->kind == YamlKind::kMap) {
    is_word = false;
    bind_section(*node, key, body);
    return;
  }
  if (node->kind != YamlKind::kScalar || node->text != word) {
    expected(*node, key, std::string(word) + " or a map");
  }
  is_word = true;
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

void YamlBinder::reserved(const Key& key, const char* message) try {
  const YamlEntry* entry = map_.find(key.name);
  if (entry == nullptr) return;
  if (!entry->value.removes) throw ScenarioError(entry->mark, path_of(key), message);
  known_.emplace_back(key.name);
} catch (const ScenarioError& error) {
  notes_.note_error(error);
}

}  // namespace tandem::platform
