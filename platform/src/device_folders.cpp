// SPDX-License-Identifier: Apache-2.0
#include <system_error>

#include "tandem/platform/device_file.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

void add(std::vector<fs::path>& folders, const fs::path& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) folders.push_back(folder.lexically_normal());
}

}  // namespace

std::vector<fs::path> device_folders(const fs::path& directory) {
  std::vector<fs::path> folders;
  add(folders, directory / "hardware/devices");
  add(folders, directory / "devices");
  add(folders, "scenarios/hardware/devices");
  std::error_code error;
  fs::path at = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (; !at.empty(); at = at.parent_path()) {
    add(folders, at / "scenarios/hardware/devices");
    add(folders, at / "share/tandem/devices");
    if (at == at.parent_path()) break;
  }
  add(folders, TANDEM_DEVICE_DIR);
  add(folders, TANDEM_INSTALLED_DEVICE_DIR);
  return folders;
}

fs::path find_device_file(const std::string& name, const fs::path& directory) {
  std::error_code error;
  for (const fs::path& folder : device_folders(directory)) {
    fs::path file = folder / (name + ".yaml");
    if (fs::is_regular_file(file, error)) return file;
  }
  return {};
}

}  // namespace tandem::platform
