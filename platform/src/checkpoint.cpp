// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/checkpoint.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "fnv1a.h"
#include "tandem/common/archive.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/result_folder.h"
#include "tandem/platform/scenario_loader.h"
#include "text.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;
using common::Archive;
using Json = nlohmann::ordered_json;

constexpr std::array<std::uint8_t, 8> kMagic = {'T', 'a', 'n', 'd', 'e', 'm', 'C', 'P'};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeadBytes = kMagic.size() + 1;

std::string quoted(const fs::path& path) {
  return "'" + printable_path(path) + "'";
}

[[noreturn]] void fail_to_write(const fs::path& file, const std::string& why) {
  throw UserError("cannot write the checkpoint " + quoted(file) + ": " + why);
}

[[noreturn]] void fail_to_read(const fs::path& file, const std::string& why,
                               const std::string& hint = {}) {
  throw UserError("cannot restore the checkpoint " + quoted(file) + ": " + why, hint);
}

// 0 of a file that cannot be read.
std::uint64_t hash_of_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return 0;
  Fnv1a hash;
  std::array<char, 65536> block;
  while (stream.read(block.data(), block.size()), stream.gcount() > 0) {
    hash.add(block.data(), block.data() + stream.gcount());
  }
  return hash.value();
}

// State is laid out as the modules of one build have it.
std::string this_build() {
  return std::string(TANDEM_VERSION) + ", build " + hexadecimal(hash_of_file("/proc/self/exe"));
}

struct InputFile {
  std::string key;
  std::uint64_t hash = 0;

  void archive(Archive& archive) { archive(key, hash); }
};

// The files that a scenario takes its input from.
std::vector<InputFile> input_files(const Scenario& scenario) {
  const std::array<std::pair<const char*, fs::path>, 8> files = {{
      {"platform.dram.device", scenario.platform.dram.device.path},
      {"platform.cpu.riscv.elf", scenario.platform.cpu.riscv.elf},
      {"model.weights", scenario.model.weights},
      {"model.tokenizer", scenario.model.tokenizer},
      {"workload.trace.file", scenario.workload.trace.file},
      {"workload.batch.file", scenario.workload.batch.file},
      {"oracle.file", scenario.oracle.file},
      {"oracle.experts.file", scenario.oracle.experts.file},
  }};
  std::vector<InputFile> inputs;
  for (const auto& [key, file] : files) {
    if (!file.empty()) inputs.push_back({key, hash_of_file(file)});
  }
  return inputs;
}

std::string key_under(const std::string& section, const std::string& key) {
  return section.empty() ? key : section + "." + key;
}

// The first key that has another value: "policy.draft.length is 8, but 4 in the checkpoint"; empty
// if none has.
std::string difference(const Json& now, const Json& saved, const std::string& section) {
  const auto text = [](const Json& value) {
    return value.is_object() ? std::string("a section") : value.dump();
  };
  for (const auto& [key, value] : now.items()) {
    const std::string name = key_under(section, key);
    if (!saved.contains(key)) return name + " is " + text(value) + ", but not in the checkpoint";
    if (value == saved[key]) continue;
    if (value.is_object() && saved[key].is_object()) return difference(value, saved[key], name);
    return name + " is " + text(value) + ", but " + text(saved[key]) + " in the checkpoint";
  }
  for (const auto& [key, value] : saved.items()) {
    if (now.contains(key)) continue;
    return key_under(section, key) + " is " + text(value) + " in the checkpoint, and not here";
  }
  return {};
}

// Without what does not change what is simulated: limits of the host's time, and who looks on.
Json simulated(Json configuration) {
  if (!configuration.contains("run")) return configuration;
  for (const char* key : {"max_wall_time", "log", "registers"}) configuration["run"].erase(key);
  return configuration;
}

void check_build(const fs::path& file, const std::string& build) {
  if (build == this_build()) return;
  fail_to_read(file, "it is of Tandem " + printable(build) + ", this is " + this_build(),
               "restore it with the program that has written it");
}

void check_scenario(const fs::path& file, const Scenario& scenario, const std::string& saved,
                    const std::vector<InputFile>& files) {
  const std::string other =
      difference(simulated(effective_configuration(scenario)), simulated(Json::parse(saved)), {});
  const char* hint = "restore with the scenario and the options of the run that was saved";
  if (!other.empty()) fail_to_read(file, "it is of another scenario: " + other, hint);
  const std::vector<InputFile> now = input_files(scenario);
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (i < files.size() && now[i].key == files[i].key && now[i].hash == files[i].hash) continue;
    fail_to_read(file, "the file of " + now[i].key + " has another content than when it was saved");
  }
}

void archive_build(Archive& archive, std::string& build) {
  archive.section("build", [&] { archive(build); });
}

void archive_checkpoint(Archive& archive, std::string& configuration, std::vector<InputFile>& files,
                        Checkpoint& checkpoint) {
  archive.section("scenario", [&] { archive(configuration, files); });
  archive.section("state", [&] { archive(checkpoint.socs); });
}

std::vector<std::uint8_t> bytes_of(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) fail_to_read(file, "there is no such file");
  if (!fs::is_regular_file(file, error)) fail_to_read(file, "it is no file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail_to_read(file, std::generic_category().message(errno));
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool begins_with_magic(const std::vector<std::uint8_t>& bytes) {
  return bytes.size() >= kHeadBytes && std::equal(kMagic.begin(), kMagic.end(), bytes.begin());
}

}  // namespace

void check_checkpoint_target(const fs::path& file) {
  std::error_code error;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) fail_to_write(file, "its folder does not exist");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    fail_to_write(file, std::generic_category().message(errno));
  }
  if (!fs::exists(file, error)) return;
  if (!fs::is_regular_file(file, error)) fail_to_write(file, "it exists and is no file");
  std::array<std::uint8_t, kMagic.size()> head{};
  std::ifstream stream(file, std::ios::binary);
  stream.read(reinterpret_cast<char*>(head.data()), head.size());
  if (head != kMagic) fail_to_write(file, "it exists and is no checkpoint");
}

void write_checkpoint(const fs::path& file, const Scenario& scenario,
                      const Checkpoint& checkpoint) {
  check_checkpoint_target(file);
  std::string build = this_build();
  std::string configuration = effective_configuration(scenario).dump();
  std::vector<InputFile> files = input_files(scenario);
  Checkpoint copy = checkpoint;
  Archive archive;
  archive_build(archive, build);
  archive_checkpoint(archive, configuration, files, copy);
  std::string content(kMagic.begin(), kMagic.end());
  content.push_back(static_cast<char>(kVersion));
  content.append(archive.bytes().begin(), archive.bytes().end());

  try {
    replace_file(file, content);
  } catch (const std::system_error& error) {
    fail_to_write(file, error.code().message());
  }
}

Checkpoint read_checkpoint(const fs::path& file, const Scenario& scenario) {
  std::vector<std::uint8_t> bytes = bytes_of(file);
  if (!begins_with_magic(bytes)) fail_to_read(file, "it is no checkpoint");
  const unsigned version = bytes[kMagic.size()];
  if (version != kVersion) {
    fail_to_read(file, "its format has version " + std::to_string(version) + ", this is " +
                           std::to_string(kVersion));
  }
  bytes.erase(bytes.begin(), bytes.begin() + kHeadBytes);
  try {
    Archive archive(std::move(bytes));
    std::string build;
    std::string configuration;
    std::vector<InputFile> files;
    Checkpoint checkpoint;
    archive_build(archive, build);
    check_build(file, build);
    archive_checkpoint(archive, configuration, files, checkpoint);
    if (!archive.at_end()) throw common::ArchiveError("more follows its last section");
    check_scenario(file, scenario, configuration, files);
    return checkpoint;
  } catch (const common::ArchiveError& error) {
    fail_to_read(file, std::string("it is truncated or damaged: ") + error.what());
  } catch (const Json::exception&) {
    fail_to_read(file, "it is damaged: its scenario cannot be read");
  }
}

}  // namespace tandem::platform
