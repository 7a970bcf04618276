// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

// Blames a key of the scenario; does not return.
using BlameKey = std::function<void(const std::string& path, const std::string& message,
                                    const std::string& hint)>;

// What the section `oracle` and its files have wrong as far as it shows without the model. Returns
// a warning, or an empty text.
std::string check_oracle(const Scenario& scenario, const BlameKey& blame);

}  // namespace tandem::platform
