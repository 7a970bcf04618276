// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/platform/scenario.h"
#include "yaml_binder.h"

namespace tandem::platform {

// `run.layers` and `run.steps`: shortens the model's shape and the answers. After choose_model().
// Throws ScenarioError where a part of the run would not mean what it says.
void take_slice(Scenario& scenario, const BindingNotes& notes, const YamlMark& start);

// "3 of 32 layers, 2 steps"; empty for a whole run.
std::string slice_text(const RunConfig& run);

}  // namespace tandem::platform
