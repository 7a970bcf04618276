// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binder.h"
#include "tandem/platform/yaml_reader.h"

namespace tandem::platform {

// What was found out about a document besides its values, and what it has wrong.
struct BindingNotes {
  std::map<std::string, YamlMark> marks;                  // key path -> where it is written
  std::vector<std::pair<std::string, YamlMark>> missing;  // required keys, in schema order
  // Of the wrong values and unknown keys the one that comes first in its file: keys are bound in
  // the order of the schema, people read in that of the file.
  std::optional<ScenarioError> first_error;
  bool collects = false;  // binders go on after an error, the caller looks at first_error

  // Throws the error unless errors are collected.
  void note_error(const ScenarioError& error);
  // Where the key is written, or the nearest section around it; `start` if none is.
  const YamlMark& mark_of(const std::string& path, const YamlMark& start) const;
};

// Fills the bound values from one map of a document. Throws ScenarioError at the first wrong
// value, unless the notes collect them; finish() does so for keys that nothing was bound to.
// Missing keys are only noted, because a misspelled key explains a missing one better than the
// other way round.
class YamlBinder : public Binder {
 public:
  // `map` may be of any kind: a null is an empty map, another kind is refused.
  YamlBinder(const YamlNode& map, std::string path, BindingNotes& notes);
  void finish() const;

  void integer(const Key& key, const Integer& slot) override;
  void measure(const Key& key, const Measure& slot) override;
  void duration(const Key& key, std::optional<Duration>& value) override;
  void real(const Key& key, double& value, double min, double max) override;
  void reals(const Key& key, std::vector<double>& values, double min, double max) override;
  void flag(const Key& key, bool& value, bool* is_set) override;
  void word(const Key& key, std::string& value) override;
  void words(const Key& key, std::vector<std::string>& values, const ChoiceList& list) override;
  void path(const Key& key, std::filesystem::path& value) override;
  void named_file(const Key& key, NamedFile& value) override;
  void choice(const Key& key, std::size_t& index, const ChoiceList& list, bool* is_set) override;
  void prompts(const Key& key, std::vector<Prompt>& value) override;
  void section(const Key& key, const Body& body,
               const std::vector<const char*>& shorthand) override;
  void section_of(const Key& key, const char* named_by, const Body& body) override;
  void optional_section(const Key& key, bool& present, const Body& body,
                        const char* list_key) override;
  void sections(const Key& key, const Items& items) override;
  void word_or_section(const Key& key, const char* word, bool& is_word, const Body& body) override;
  void reserved(const Key& key, const char* message) override;
  using Binder::choice;
  using Binder::flag;
  using Binder::integer;
  using Binder::measure;

 private:
  std::string path_of(const Key& key) const;
  // Null if the key is not written; notes it if it is required.
  const YamlNode* value_of(const Key& key);
  // The same for a scalar; throws "expected `what`" for other kinds.
  const YamlNode* scalar_of(const Key& key, const std::string& what);
  void bind_section(const YamlNode& node, const Key& key, const Body& body);
  // Throws "`what` must not be empty".
  void require_items(const YamlNode& list, const Key& key, const std::string& what) const;
  [[noreturn]] void expected(const YamlNode& node, const Key& key, const std::string& what,
                             std::string hint = {}) const;

  const YamlNode& map_;
  std::string path_;
  BindingNotes& notes_;
  std::vector<std::string> known_;
};

}  // namespace tandem::platform
