// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/platform/scenario.h"
#include "yaml_binder.h"

namespace tandem::platform {

// Checks the keys of the model, also against the rest of the scenario, and finds the shape that a
// preset or a shape describes. Throws ScenarioError; `start` is blamed for what is not written.
void choose_model(Scenario& scenario, const BindingNotes& notes, const YamlMark& start);

}  // namespace tandem::platform
