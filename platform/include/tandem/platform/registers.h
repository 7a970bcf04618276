// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>
#include <string>

namespace tandem::platform {

// Prints the hardware-software contract to `out`. `format`: markdown, c-header, svd or json (the
// caller has checked it). Returns an exit code.
int run_registers(const std::string& format, std::ostream& out);

}  // namespace tandem::platform
