// SPDX-License-Identifier: Apache-2.0
#include <ostream>
#include <string_view>

#include "binder.h"
#include "device_schema.h"
#include "tandem/platform/scenario_loader.h"
#include "text.h"

namespace tandem::platform {
namespace {

// Prints a row per key, with the defaults that the scenario under it holds.
class TableBinder : public Binder {
 public:
  // `unset`: what stands for values that are not given.
  TableBinder(std::ostream& out, std::string prefix, const char* unset)
      : out_(out), prefix_(std::move(prefix)), unset_(unset) {}

  void integer(const Key& key, const Integer& slot) override {
    const bool unset = slot.is_set != nullptr && !*slot.is_set;
    if (slot.hexadecimal) {
      return row(key, "address", unset ? fallback(key) : hexadecimal(slot.value));
    }
    const std::string top =
        slot.max == std::numeric_limits<std::uint64_t>::max() ? "2^64-1" : std::to_string(slot.max);
    row(key, "integer " + std::to_string(slot.min) + ".." + top,
        unset ? fallback(key) : std::to_string(slot.value));
  }
  void measure(const Key& key, const Measure& slot) override {
    const bool unset = slot.is_set != nullptr && !*slot.is_set;
    row(key, describe(slot.quantity),
        unset ? fallback(key) : format_quantity(slot.value, slot.quantity));
  }
  void duration(const Key& key, std::optional<Duration>&) override {
    row(key, "cycles, or " + describe(Quantity::kTime), fallback(key));
  }
  void real(const Key& key, double& value, double min, double max) override {
    row(key, "number " + number(min) + ".." + number(max), number(value));
  }
  void reals(const Key& key, std::vector<double>&, double min, double max) override {
    row(key, "list of numbers " + number(min) + ".." + number(max),
        key.unset == nullptr ? "" : key.unset);
  }
  void flag(const Key& key, bool& value, bool* is_set) override {
    const bool unset = is_set != nullptr && !*is_set;
    row(key, "true or false", unset ? fallback(key) : value ? "true" : "false");
  }
  void word(const Key& key, std::string& value) override {
    row(key, "name", value.empty() ? fallback(key) : value);
  }
  void words(const Key& key, std::vector<std::string>&, const ChoiceList&) override {
    row(key, "list of names", key.unset == nullptr ? "" : key.unset);
  }
  void path(const Key& key, std::filesystem::path&) override {
    row(key, "file", key.unset == nullptr ? "" : key.unset);
  }
  void named_file(const Key& key, NamedFile& value) override {
    row(key, "name or file", value.name);
  }
  void choice(const Key& key, std::size_t& index, const ChoiceList& list, bool* is_set) override {
    std::vector<std::string> names;
    for (const Choice& choice : list) names.push_back(std::string("`") + choice.name + "`");
    const bool unset = is_set != nullptr && !*is_set;
    row(key, join_or(names), unset ? fallback(key) : list.data[index].name);
  }
  void prompts(const Key& key, std::vector<Prompt>&) override { row(key, "list", ""); }
  void section(const Key& key, const Body& body, const std::vector<const char*>&) override {
    out_ << "| **`" << prefix_ << key.name << "`** | map | | " << key.meaning << " |\n";
    const bool of_device = std::string_view(key.name) == "platform";
    TableBinder inner(out_, prefix_ + key.name + ".", of_device ? "the device's" : unset_);
    body(inner);
  }
  void optional_section(const Key& key, bool&, const Body& body, const char*) override {
    section(key, body, {});
  }
  void sections(const Key& key, const Items& items) override {
    out_ << "| **`" << prefix_ << key.name << "`** | list of maps | | " << key.meaning << " |\n";
    if (items.count == 0) items.add();
    TableBinder inner(out_, prefix_ + key.name + "[].", unset_);
    items.bind(inner, 0);
  }
  void word_or_section(const Key& key, const char* word, bool& is_word, const Body& body) override {
    out_ << "| **`" << prefix_ << key.name << "`** | `" << word << "` or map | "
         << (is_word ? word : "") << " | " << key.meaning << " |\n";
    TableBinder inner(out_, prefix_ + key.name + ".", unset_);
    body(inner);
  }
  void reserved(const Key& key, const char* message) override {
    out_ << "| `" << prefix_ << key.name << "` | reserved | | " << message << " |\n";
  }

 private:
  const char* fallback(const Key& key) const { return key.unset == nullptr ? unset_ : key.unset; }
  void row(const Key& key, const std::string& type, const std::string& fallback) {
    out_ << "| `" << prefix_ << key.name << "` | " << type << " | "
         << (key.required ? "required" : fallback) << " | " << key.meaning << " |\n";
  }

  std::ostream& out_;
  std::string prefix_;
  const char* unset_;
};

constexpr const char* kHead = "| key | value | default | meaning |\n| --- | --- | --- | --- |\n";

}  // namespace

void print_key_table(std::ostream& out) {
  out << kHead;
  Scenario defaults;
  TableBinder binder(out, "", "none");
  bind_scenario(binder, defaults);
}

void print_device_key_table(std::ostream& out) {
  out << kHead;
  DeviceDocument defaults;
  TableBinder binder(out, "", "not given");
  bind_device(binder, defaults);
}

}  // namespace tandem::platform
