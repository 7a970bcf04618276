// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <iosfwd>
#include <string>

namespace tandem::platform {

// Prints one topic, or an overview of all but `keys` if `topic` is empty. Throws UserError for a
// topic that does not exist.
void list_topic(const std::string& topic, const std::filesystem::path& program, std::ostream& out);

// `scenarios/` of the working directory or of a folder around the program; empty if there is none.
std::filesystem::path scenario_folder(const std::filesystem::path& program);

}  // namespace tandem::platform
