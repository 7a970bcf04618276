// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <iosfwd>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct ServeOptions {
  std::filesystem::path socket;
  bool quiet = false;  // no text but that of the UART
};

// Builds the platform without a control processor and lets clients drive it over a socket until
// SIGINT or SIGTERM come. `out` gets a line once clients may connect, and the text of the UART.
// Throws UserError. One per process: a SystemC kernel elaborates once.
void serve_scenario(const Scenario& scenario, const ServeOptions& options, std::ostream& out);

}  // namespace tandem::platform
