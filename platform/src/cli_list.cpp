// SPDX-License-Identifier: Apache-2.0
#include "cli_list.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>
#include <vector>

#include "tandem/platform/device_file.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model_presets.h"
#include "tandem/platform/names.h"
#include "tandem/platform/scenario_loader.h"
#include "tandem/platform/units.h"
#include "text.h"
#include "validate/validate_command.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

constexpr int kNameWidth = 36;
constexpr std::uint64_t kShown = 100'000'000;  // bandwidths are shown in 0.1 GB/s

// The first comment that is not the licence line.
std::string first_comment(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line) && !line.empty() && line[0] == '#') {
    if (line.find("SPDX") == std::string::npos && line.size() > 2) return line.substr(2);
  }
  return {};
}

void list_files(const fs::path& folder, std::ostream& out) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) out << "  (none found)\n";
  for (const fs::path& file : files) {
    out << "  " << std::left << std::setw(kNameWidth) << file.string() << ' ' << first_comment(file)
        << '\n';
  }
}

void list_scenarios(const fs::path& program, std::ostream& out) {
  out << "scenarios (tandem run FILE):\n";
  list_files(scenario_folder(program), out);
}

void list_hardware(const fs::path& program, std::ostream& out) {
  out << "hardware files (platform: {include: FILE}):\n";
  list_files(scenario_folder(program) / "hardware", out);
}

// The device files of every folder that is searched; of two with one name, the one that is found.
std::map<std::string, fs::path> device_files(const fs::path& scenarios) {
  std::map<std::string, fs::path> files;
  for (const fs::path& folder : device_folders(scenarios)) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      const fs::path& file = entry.path();
      if (file.extension() == ".yaml") files.emplace(file.stem().string(), file);
    }
  }
  return files;
}

void list_device(const std::string& name, const fs::path& path, std::ostream& out) {
  out << "  " << std::left << std::setw(kNameWidth) << name << ' ';
  try {
    const memory::DeviceConfig device = read_device_file(path).device;
    const auto bandwidth =
        static_cast<std::uint64_t>(std::llround(device.geometry.peak_bytes_per_s() / kShown)) *
        kShown;
    out << format_quantity(bandwidth, Quantity::kBandwidth) << ", " << device.geometry.banks()
        << " banks, row " << format_quantity(device.geometry.row_bytes, Quantity::kBytes) << ", "
        << format_quantity(device.geometry.channel_bytes(), Quantity::kBytes) << '\n'
        << "    timing: " << device.source << '\n'
        << "    energy: " << device.energy.source << '\n';
  } catch (const UserError& error) {
    out << "cannot be used: " << error.what() << '\n';
  }
}

void list_devices(const fs::path& program, std::ostream& out) {
  out << "DRAM devices (platform.dram.device), figures of one channel:\n";
  for (const auto& [name, path] : device_files(scenario_folder(program))) {
    list_device(name, path, out);
  }
}

void list_model(const ModelPreset& preset, std::ostream& out) {
  const ModelShape shape = shape_of(preset.keys);
  const ParameterCount count = count_parameters(shape);
  const auto giga = [](std::uint64_t value, const char* unit) {
    std::ostringstream text;
    text << std::setprecision(4) << static_cast<double>(value) / 1e9 << unit;
    return text.str();
  };
  out << "  " << std::left << std::setw(kNameWidth) << preset.name << ' ' << giga(count.all, " B");
  if (count.active != count.all) out << " (" << giga(count.active, " B") << " active)";
  out << ", FP16 " << giga(2 * count.all, " GB") << ", KV "
      << kv_bytes_per_token_and_layer(shape) * shape.layers << " B per token\n";
}

void list_models(const fs::path& program, std::ostream& out) {
  out << "models (model.preset): parameters, size of the weights, KV cache in FP16\n";
  const fs::path file = find_preset_file(scenario_folder(program));
  if (file.empty()) {
    out << "  (none found)\n";
    return;
  }
  for (const ModelPreset& preset : read_presets(file)) list_model(preset, out);
}

void list_choices(const char* title, const ChoiceList& list, std::ostream& out) {
  out << title << ":\n";
  for (const Choice& choice : list) {
    out << "  " << std::left << std::setw(kNameWidth) << choice.name << ' ' << choice.meaning
        << '\n';
  }
}

}  // namespace

fs::path scenario_folder(const fs::path& program) {
  std::error_code error;
  fs::path here = "scenarios";
  if (fs::is_directory(here, error)) return here;
  for (fs::path at = program.parent_path(); !at.empty(); at = at.parent_path()) {
    if (fs::is_directory(at / "scenarios", error)) return at / "scenarios";
    if (at == at.parent_path()) break;
  }
  return {};
}

void list_topic(const std::string& topic, const fs::path& program, std::ostream& out) {
  const std::vector<std::string> topics = {"scenarios", "hardware",  "devices",
                                           "models",    "published", "policies",
                                           "formats",   "keys",      "device-keys"};
  if (topic == "keys") return print_key_table(out);
  if (topic == "device-keys") return print_device_key_table(out);
  if (!topic.empty() && std::find(topics.begin(), topics.end(), topic) == topics.end()) {
    const std::string meant = nearest(topic, topics);
    throw UserError("list: unknown topic '" + printable(topic) + "'; expected " + join_or(topics),
                    meant.empty() ? "" : "did you mean '" + meant + "'?");
  }
  const bool all = topic.empty();
  if (all || topic == "scenarios") list_scenarios(program, out);
  if (all || topic == "hardware") list_hardware(program, out);
  if (all || topic == "devices") list_devices(program, out);
  if (all || topic == "models") list_models(program, out);
  if (all || topic == "published") list_published(scenario_folder(program) / "published", out);
  if (all || topic == "policies")
    list_choices("policies (policy.name)", choices<PolicyName>(), out);
  if (all || topic == "formats") {
    list_choices("draft formats (policy.draft.format)", choices<DraftFormat>(), out);
    list_choices("weight formats (model.weight_format)", choices<WeightFormat>(), out);
  }
  if (all)
    out << "'tandem list keys' prints every key of a scenario, 'tandem list device-keys' every "
           "key of a device file.\n";
}

}  // namespace tandem::platform
