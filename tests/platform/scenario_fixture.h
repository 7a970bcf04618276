// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "tandem/platform/scenario_loader.h"
#include "temporary_folder.h"

namespace tandem::test {

// A folder with stand-ins for a model, in which scenarios are loaded under the name "s.yaml".
class ScenarioFixture {
 public:
  ScenarioFixture() {
    folder.write("w.bin", "weights");
    folder.write("t.bin", "tokenizer");
  }

  // The required keys, one a line, then `more`, which begins at line 4.
  static std::string minimal(const std::string& more = {}) {
    return "version: 1\n"
           "model: {weights: w.bin, tokenizer: t.bin}\n"
           "workload: {prompts: [\"Once\"]}\n" +
           more;
  }

  platform::Scenario load(const std::string& text,
                          const std::vector<std::string>& overrides = {}) const {
    return platform::load_scenario_text(text, "s.yaml", folder.path(), overrides);
  }

  // The message and, after a line feed, the hint; empty if nothing is wrong.
  std::string error_of(const std::string& text,
                       const std::vector<std::string>& overrides = {}) const {
    try {
      load(text, overrides);
    } catch (const platform::UserError& error) {
      return error.hint().empty() ? error.what() : error.what() + ("\n" + error.hint());
    }
    return {};
  }

  TemporaryFolder folder;
};

}  // namespace tandem::test
