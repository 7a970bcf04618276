// SPDX-License-Identifier: Apache-2.0
// Which faults a scenario asks for: where each kind can happen, and those that are drawn.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

// Where faults of a kind can happen, as scenarios write it.
const std::vector<std::string>& places_of(FaultKind kind);

constexpr std::uint64_t kCorrectionPs = 50'000;       // of an ECC error, unless said; assumed
constexpr std::uint64_t kLatenessPs = 1'000'000'000;  // of a completion, unless said; assumed
constexpr std::uint32_t kWrongBits = 2;               // unless said

// Calls `fail(key path, message, hint)` for the first thing that is wrong.
using FaultFailure =
    std::function<void(const std::string&, const std::string&, const std::string&)>;
void check_faults(const Scenario& scenario, const FaultFailure& fail);

// All of them, with their places and delays filled in.
std::vector<FaultConfig> planned_faults(const FaultsConfig& config);

}  // namespace tandem::platform
