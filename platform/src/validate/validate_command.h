// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "tandem/platform/cli.h"

namespace tandem::platform {

// `tandem validate ...`; `arguments` without "validate". Runs `program run ...` once for each run
// that the figures need. Returns the exit code. Throws UserError.
int run_validate(const std::vector<std::string>& arguments, const std::filesystem::path& program,
                 const CommandStreams& streams);

// The systems of a folder with their titles.
void list_published(const std::filesystem::path& folder, std::ostream& out);

}  // namespace tandem::platform
