// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

namespace tandem::platform {

// `tandem probe ...`; `arguments` without "probe". Returns the exit code: 0, or 1 if the timing
// checker found violations. Throws UserError.
int run_probe(const std::vector<std::string>& arguments, std::ostream& out);

}  // namespace tandem::platform
