// SPDX-License-Identifier: Apache-2.0
// The schema of a scenario is one walk over its keys (scenario_schema.cpp). A binder is what walks:
// one fills the structs from YAML, one writes them out, one prints the table of keys. So a key is
// declared once, with its range and its meaning, and reading, writing and documentation agree.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tandem/platform/names.h"
#include "tandem/platform/scenario.h"
#include "tandem/platform/units.h"

namespace tandem::platform {

struct Key {
  const char* name;
  const char* meaning;
  bool required = false;
  const char* unset = nullptr;  // what the table of keys says if there is no default
};

class Binder {
 public:
  using Body = std::function<void(Binder&)>;

  // An unsigned number. `is_set`, if not null, makes the key one that may stay unset.
  struct Integer {
    std::uint64_t& value;
    std::uint64_t min;
    std::uint64_t max;
    bool* is_set = nullptr;
    bool hexadecimal = false;
  };
  struct Measure {
    std::uint64_t& value;
    Quantity quantity;
    std::uint64_t min;  // 0 or 1
    bool* is_set = nullptr;
  };

  virtual ~Binder() = default;

  virtual void integer(const Key& key, const Integer& slot) = 0;
  virtual void measure(const Key& key, const Measure& slot) = 0;
  // A time in cycles (a bare integer) or with a unit; may stay unset.
  virtual void duration(const Key& key, std::optional<Duration>& value) = 0;
  virtual void real(const Key& key, double& value, double min, double max) = 0;
  // A list of numbers; not written: empty.
  virtual void reals(const Key& key, std::vector<double>& values, double min, double max) = 0;
  virtual void flag(const Key& key, bool& value, bool* is_set) = 0;
  virtual void word(const Key& key, std::string& value) = 0;
  // A list of names, each one of a choice; not written: empty.
  virtual void words(const Key& key, std::vector<std::string>& values, const ChoiceList& list) = 0;
  virtual void path(const Key& key, std::filesystem::path& value) = 0;
  // A path, or a bare name that the binder looks up.
  virtual void named_file(const Key& key, NamedFile& value) = 0;
  virtual void choice(const Key& key, std::size_t& index, const ChoiceList& list, bool* is_set) = 0;
  virtual void prompts(const Key& key, std::vector<Prompt>& value) = 0;
  // A map. A scalar in its place stands for that value of each of `shorthand`'s keys; if they are
  // several, also beneath a map that was merged onto the scalar.
  virtual void section(const Key& key, const Body& body,
                       const std::vector<const char*>& shorthand = {}) = 0;
  // A map. A word in its place, or laid over it, sets the key `named_by`; the others stay.
  virtual void section_of(const Key& key, const char* /*named_by*/, const Body& body) {
    section(key, body);
  }
  // A map that may be left out: `present` says whether it is there.
  // A list in its place stands for `list_key`, if there is one.
  virtual void optional_section(const Key& key, bool& present, const Body& body,
                                const char* list_key = nullptr) = 0;
  // A list of maps; `items` knows how to make one more and to bind one.
  struct Items {
    std::size_t count;  // that there are already
    std::function<void()> add;
    std::function<void(Binder&, std::size_t)> bind;
  };
  virtual void sections(const Key& key, const Items& items) = 0;
  // Either the word, which sets the flag, or a map, which clears it.
  virtual void word_or_section(const Key& key, const char* word, bool& is_word,
                               const Body& body) = 0;
  // A key kept for later: refused with `message`.
  virtual void reserved(const Key& key, const char* message) = 0;

  // Conveniences on the above.
  void integer(const Key& key, std::uint64_t& value, std::uint64_t min, std::uint64_t max) {
    integer(key, Integer{value, min, max});
  }
  void integer(const Key& key, std::uint32_t& value, std::uint32_t min, std::uint32_t max) {
    std::uint64_t wide = value;
    integer(key, Integer{wide, min, max});
    value = static_cast<std::uint32_t>(wide);
  }
  void integer(const Key& key, std::optional<std::uint32_t>& value, std::uint32_t min,
               std::uint32_t max) {
    std::uint64_t wide = value.value_or(0);
    bool is_set = value.has_value();
    integer(key, Integer{wide, min, max, &is_set});
    if (is_set) value = static_cast<std::uint32_t>(wide);
  }
  void address(const Key& key, std::uint64_t& value) {
    integer(key, Integer{value, 0, std::numeric_limits<std::uint64_t>::max(), nullptr, true});
  }
  void measure(const Key& key, std::uint64_t& value, Quantity quantity, std::uint64_t min = 1) {
    measure(key, Measure{value, quantity, min});
  }
  void measure(const Key& key, std::optional<std::uint64_t>& value, Quantity quantity,
               std::uint64_t min = 1) {
    std::uint64_t known = value.value_or(0);
    bool is_set = value.has_value();
    measure(key, Measure{known, quantity, min, &is_set});
    if (is_set) value = known;
  }
  void flag(const Key& key, bool& value) { flag(key, value, nullptr); }
  void flag(const Key& key, std::optional<bool>& value) {
    bool known = value.value_or(false);
    bool is_set = value.has_value();
    flag(key, known, &is_set);
    if (is_set) value = known;
  }
  template <typename Enum>
  void choice(const Key& key, Enum& value) {
    auto index = static_cast<std::size_t>(value);
    choice(key, index, choices<Enum>(), nullptr);
    value = static_cast<Enum>(index);
  }
  template <typename Enum>
  void choice(const Key& key, std::optional<Enum>& value) {
    auto index = static_cast<std::size_t>(value.value_or(Enum{}));
    bool is_set = value.has_value();
    choice(key, index, choices<Enum>(), &is_set);
    if (is_set) value = static_cast<Enum>(index);
  }
};

// Walks every key of a scenario, in the order in which they are written out.
void bind_scenario(Binder& binder, Scenario& scenario);

}  // namespace tandem::platform
