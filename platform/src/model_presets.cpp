// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model_presets.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <system_error>

#include "model_schema.h"
#include "text.h"
#include "yaml_binder.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

// Columns beside the keys of a shape.
constexpr const char* kNameColumn = "model";
constexpr const char* kOtherColumns[] = {"params_b_computed",
                                         "active_params_b_computed",
                                         "kv_bytes_per_token_per_layer_fp16",
                                         "source",
                                         "note",
                                         "fields_not_in_cited_files"};

struct Field {
  std::string text;
  int column;  // of the line, from 1
};

// Fields of one line; quoted ones may hold commas, and quotes twice. Nothing if a quote is open.
std::optional<std::vector<Field>> split(const std::string& line) {
  std::vector<Field> fields = {{{}, 1}};
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back().text += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.push_back({{}, static_cast<int>(i) + 2});
    } else if (c != '\r') {
      fields.back().text += c;
    }
  }
  if (quoted) return std::nullopt;
  return fields;
}

YamlNode scalar(const Field& field, const YamlMark& mark) {
  YamlNode node;
  node.kind = YamlKind::kScalar;
  node.text = field.text;
  node.mark = mark;
  return node;
}

// Puts `a.b` as {a: {b: value}} into the map.
void put(YamlNode& map, const std::string& key, const YamlNode& value) {
  const std::size_t dot = key.find('.');
  const std::string head = key.substr(0, dot);
  if (dot == std::string::npos) {
    map.entries.push_back({key, value.mark, value});
    return;
  }
  auto found = std::find_if(map.entries.begin(), map.entries.end(),
                            [&](const YamlEntry& entry) { return entry.key == head; });
  if (found == map.entries.end()) {
    YamlNode inner;
    inner.kind = YamlKind::kMap;
    inner.mark = value.mark;
    map.entries.push_back({head, value.mark, inner});
    found = std::prev(map.entries.end());
  }
  put(found->value, key.substr(dot + 1), value);
}

bool is_other(const std::string& column) {
  return std::find(std::begin(kOtherColumns), std::end(kOtherColumns), column) !=
         std::end(kOtherColumns);
}

// Reads rows as maps of keys, so that they are checked as a scenario is.
class PresetReader {
 public:
  explicit PresetReader(const fs::path& file) : stream_(file) {
    if (!stream_) throw UserError("model presets '" + printable_path(file) + "' cannot be read");
    auto source = std::make_shared<YamlSource>();
    source->name = file.string();
    source->directory = file.parent_path();
    mark_.source = source;
  }

  std::vector<ModelPreset> read() {
    std::string line;
    for (mark_.line = 1; std::getline(stream_, line); ++mark_.line) {
      mark_.column = 1;
      const auto fields = split(line);
      if (!fields) throw ScenarioError(mark_, "", "a quoted field does not end in this line");
      if (mark_.line == 1) {
        take_header(*fields);
      } else if (!line.empty()) {
        take_row(*fields);
      }
    }
    if (header_.empty()) throw ScenarioError(mark_, "", "expected a line with the columns' names");
    return std::move(presets_);
  }

 private:
  void take_header(const std::vector<Field>& fields) {
    if (fields.front().text != kNameColumn) {
      throw ScenarioError(mark_, "", "expected 'model' as the first column");
    }
    for (const Field& field : fields) header_.push_back(field.text);
  }

  void take_row(const std::vector<Field>& fields) {
    if (fields.size() != header_.size()) {
      throw ScenarioError(mark_, "",
                          "expected " + std::to_string(header_.size()) + " fields, got " +
                              std::to_string(fields.size()));
    }
    YamlNode row;
    row.kind = YamlKind::kMap;
    row.mark = mark_;
    for (std::size_t i = 1; i < fields.size(); ++i) {
      YamlMark mark = mark_;
      mark.column = fields[i].column;
      if (!is_other(header_[i])) put(row, header_[i], scalar(fields[i], mark));
    }
    ModelPreset preset{fields.front().text, {}};
    BindingNotes notes;
    YamlBinder binder(row, "", notes);
    bind_shape(binder, preset.keys, false);
    binder.finish();
    try {
      shape_of(preset.keys);
    } catch (const UserError& error) {
      throw ScenarioError(mark_, "", error.what());
    }
    presets_.push_back(std::move(preset));
  }

  std::ifstream stream_;
  YamlMark mark_;
  std::vector<std::string> header_;
  std::vector<ModelPreset> presets_;
};

}  // namespace

std::vector<ModelPreset> read_presets(const fs::path& file) {
  return PresetReader(file).read();
}

fs::path find_preset_file(const fs::path& directory) {
  std::vector<fs::path> folders = {directory / "models", "scenarios/models"};
  std::error_code error;
  fs::path at = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (; !at.empty(); at = at.parent_path()) {
    folders.push_back(at / "scenarios/models");
    folders.push_back(at / "share/tandem/models");
    if (at == at.parent_path()) break;
  }
  folders.emplace_back(TANDEM_PRESET_DIR);
  folders.emplace_back(TANDEM_INSTALLED_PRESET_DIR);
  for (const fs::path& folder : folders) {
    fs::path file = (folder / "presets.csv").lexically_normal();
    if (fs::is_regular_file(file, error)) return file;
  }
  return {};
}

}  // namespace tandem::platform
