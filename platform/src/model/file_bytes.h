// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace tandem::platform {

// The contents of a file; throws UserError, naming it as a `kind`, if it cannot be read.
std::vector<std::uint8_t> read_file_bytes(const std::filesystem::path& file, const char* kind);

}  // namespace tandem::platform
