// SPDX-License-Identifier: Apache-2.0
// A result folder is complete or absent: its files are written to a temporary folder beside it,
// which is renamed when all of them are on disk.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::platform {

struct ResultFile {
  std::string name;
  std::string content;
};

// Writes one file; throws std::system_error.
using FileWriter = std::function<void(const std::filesystem::path&, std::string_view)>;
void write_file(const std::filesystem::path& file, std::string_view content);
// The same through a file beside it: a file that was there stays whole until the new one is.
void replace_file(const std::filesystem::path& file, std::string_view content);

// Throws UserError if the folder could not be written: something else is in its place (a folder is
// ours if it is empty or holds a result.json and nothing but results), or no folder can be made
// there. Changes nothing.
void check_result_folder(const std::filesystem::path& folder);

// Replaces the folder. Throws UserError (disk full, not permitted, ...); then nothing of this
// result is left and an earlier result is still there.
void write_result_folder(const std::filesystem::path& folder, const std::vector<ResultFile>& files,
                         const FileWriter& write = write_file);

}  // namespace tandem::platform
