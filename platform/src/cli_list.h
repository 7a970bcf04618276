// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <iosfwd>
#include <string>

namespace tandem::platform {

// Prints one topic, or an overview of all but `keys` if `topic` is empty. Throws UserError for a
// topic that does not exist.
void list_topic(const std::string& topic, const std::filesystem::path& program, std::ostream& out);

}  // namespace tandem::platform
