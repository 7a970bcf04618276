// SPDX-License-Identifier: Apache-2.0
#include <sstream>
#include <utility>

#include "binder.h"
#include "tandem/platform/scenario_loader.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// Writes every bound value into a JSON object; keys that are not set are left out.
class DumpBinder : public Binder {
 public:
  DumpBinder(Json& out, const fs::path& directory) : out_(out), directory_(directory) {}

  void integer(const Key& key, const Integer& slot) override {
    if (slot.is_set != nullptr && !*slot.is_set) return;
    if (slot.hexadecimal) {
      out_[key.name] = hexadecimal(slot.value);
    } else {
      out_[key.name] = slot.value;
    }
  }
  void measure(const Key& key, const Measure& slot) override {
    if (slot.is_set != nullptr && !*slot.is_set) return;
    out_[key.name] = format_quantity(slot.value, slot.quantity);
  }
  void duration(const Key& key, std::optional<Duration>& value) override {
    if (!value) return;
    if (value->in_cycles) {
      out_[key.name] = value->value;
    } else {
      out_[key.name] = format_quantity(value->value, Quantity::kTime);
    }
  }
  void real(const Key& key, double& value, double, double) override { out_[key.name] = value; }
  void reals(const Key& key, std::vector<double>& values, double, double) override {
    if (!values.empty()) out_[key.name] = values;
  }
  void flag(const Key& key, bool& value, bool* is_set) override {
    if (is_set == nullptr || *is_set) out_[key.name] = value;
  }
  void word(const Key& key, std::string& value) override {
    if (!value.empty()) out_[key.name] = value;
  }
  void words(const Key& key, std::vector<std::string>& values, const ChoiceList&) override {
    if (!values.empty()) out_[key.name] = values;
  }
  void named_file(const Key& key, NamedFile& value) override {
    out_[key.name] = value.name.empty() ? relative(value.path) : value.name;
  }
  void path(const Key& key, fs::path& value) override {
    if (!value.empty()) out_[key.name] = relative(value);
  }
  void choice(const Key& key, std::size_t& index, const ChoiceList& list, bool* is_set) override {
    if (is_set == nullptr || *is_set) out_[key.name] = list.data[index].name;
  }
  void prompts(const Key& key, std::vector<Prompt>& value) override {
    if (value.empty()) return;
    Json list = Json::array();
    for (const Prompt& prompt : value) {
      std::visit([&](const auto& content) { list.push_back(content); }, prompt);
    }
    out_[key.name] = std::move(list);
  }
  void section(const Key& key, const Body& body, const std::vector<const char*>&) override {
    Json inner = Json::object();
    DumpBinder binder(inner, directory_);
    body(binder);
    if (!inner.empty()) out_[key.name] = std::move(inner);
  }
  void optional_section(const Key& key, bool& present, const Body& body, const char*) override {
    if (present) section(key, body, {});
  }
  void sections(const Key& key, const Items& items) override {
    if (items.count == 0) return;
    Json list = Json::array();
    for (std::size_t i = 0; i < items.count; ++i) {
      Json inner = Json::object();
      DumpBinder binder(inner, directory_);
      items.bind(binder, i);
      list.push_back(std::move(inner));
    }
    out_[key.name] = std::move(list);
  }
  void word_or_section(const Key& key, const char* word, bool& is_word, const Body& body) override {
    if (is_word) {
      out_[key.name] = word;
    } else {
      section(key, body, {});
    }
  }
  void reserved(const Key&, const char*) override {}

 private:
  // As the scenario could have written it; stays absolute if only the path is.
  std::string relative(const fs::path& path) const {
    if (path.empty()) return {};
    if (path.is_absolute() && !directory_.is_absolute()) return path.generic_string();
    const fs::path from = fs::absolute(directory_.empty() ? "." : directory_).lexically_normal();
    const fs::path shorter = fs::absolute(path).lexically_normal().lexically_relative(from);
    return (shorter.empty() ? path : shorter).generic_string();
  }

  Json& out_;
  const fs::path& directory_;
};

// Whether YAML reads the text back as the same unquoted scalar; everything doubtful is quoted.
bool is_plain(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '.' && c != '/' && c != ' ' && c != '-') return false;
  }
  return text.front() != '-' && text != "null" && text != "~";
}

std::string scalar(const Json& value, bool quote) {
  if (!value.is_string()) return value.dump();
  const std::string& text = value.get_ref<const std::string&>();
  if (!quote && is_plain(text)) return text;
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_map(std::ostream& out, const Json& map, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  for (const auto& [key, value] : map.items()) {
    out << margin << key << ':';
    if (value.is_object()) {
      out << '\n';
      write_map(out, value, indent + 2);
    } else if (value.is_array()) {
      out << '\n';
      for (const Json& item : value) out << margin << "  - " << scalar(item, true) << '\n';
    } else {
      out << ' ' << scalar(value, false) << '\n';
    }
  }
}

}  // namespace

Json effective_configuration(const Scenario& scenario) {
  Json configuration = Json::object();
  Scenario copy = scenario;
  DumpBinder binder(configuration, scenario.directory);
  bind_scenario(binder, copy);
  return configuration;
}

std::string to_yaml(const Json& configuration) {
  std::ostringstream out;
  write_map(out, configuration, 0);
  return out.str();
}

}  // namespace tandem::platform
