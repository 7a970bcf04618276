// SPDX-License-Identifier: Apache-2.0
// The shapes of known models, data of scenarios/models/presets.csv.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct ModelPreset {
  std::string name;
  ShapeKeys keys;
};

// Every preset of a file. Throws UserError if it cannot be read, ScenarioError, naming line and
// column, for rows that make no sense.
std::vector<ModelPreset> read_presets(const std::filesystem::path& file);

// `models/presets.csv` of the scenario's folder, of the scenarios around the working directory or
// the program, or the installed one; empty if there is none.
std::filesystem::path find_preset_file(const std::filesystem::path& directory);

// The shape that the keys describe, defaults filled in. Throws UserError "KEY: rule" at the first
// rule that is broken, the keys of what is missing included.
ModelShape shape_of(const ShapeKeys& keys);

// What is written in `over` replaces what is in `base`.
ShapeKeys merged(const ShapeKeys& base, const ShapeKeys& over);

}  // namespace tandem::platform
