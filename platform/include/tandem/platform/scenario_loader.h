// SPDX-License-Identifier: Apache-2.0
// From scenario files to the effective configuration, and back.
#pragma once
#include <filesystem>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/platform/scenario.h"
#include "tandem/platform/yaml_reader.h"

namespace tandem::platform {

// Reads a scenario, its includes, then the overrides ("a.b=c") in order; later wins. Fills in the
// defaults and checks everything that can be checked without opening the model.
// Throws UserError (ScenarioError where a line is to blame).
Scenario load_scenario(const std::filesystem::path& file,
                       const std::vector<std::string>& overrides = {});

// The same with overrides as trees, which know where they are written.
Scenario load_scenario_with(const std::filesystem::path& file, std::vector<YamlNode> overrides);

// The same for a text; relative paths in it start at `directory`, messages call it `name`.
Scenario load_scenario_text(std::string_view text, const std::string& name,
                            const std::filesystem::path& directory,
                            const std::vector<std::string>& overrides = {});

// All keys with their final values, units written, in a fixed order. Paths are relative to
// scenario.directory, so the result does not depend on where the scenario lies. Loading the text
// from that directory gives an equal scenario.
nlohmann::ordered_json effective_configuration(const Scenario& scenario);

// As a YAML document.
std::string to_yaml(const nlohmann::ordered_json& configuration);

// Markdown table of every key: type, range, default, meaning.
void print_key_table(std::ostream& out);

}  // namespace tandem::platform
