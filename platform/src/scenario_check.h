// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "yaml_binder.h"

namespace tandem::platform {

// Rules that tie several keys together: hardware that cannot be built, policies that it cannot
// run. Throws ScenarioError at the key to blame. Returns warnings.
std::vector<std::string> check_scenario(const Scenario& scenario, const BindingNotes& notes,
                                        const YamlMark& start);

}  // namespace tandem::platform
