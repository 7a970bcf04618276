// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "tandem/platform/results.h"

namespace tandem::platform {

nlohmann::ordered_json faults_json(const FaultReport& report);

struct FaultLine {
  std::string time, what, outcome;
};
// In order of time, at most `most` of them.
std::vector<FaultLine> fault_lines(const FaultReport& report, std::size_t most);

}  // namespace tandem::platform
