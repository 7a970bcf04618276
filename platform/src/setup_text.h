// SPDX-License-Identifier: Apache-2.0
// What was simulated, for the head of a summary: model, execution, workload, policy, hardware.
#pragma once
#include <string>
#include <vector>

#include "tandem/platform/results.h"

namespace tandem::platform {

struct SetupLine {
  std::string label;
  std::string text;
};

// What is assumed rather than published or measured says so.
std::vector<SetupLine> setup_lines(const Scenario& scenario, const RunReport& report);

}  // namespace tandem::platform
