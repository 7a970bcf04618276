// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "scenario_fixture.h"
#include "tandem/platform/errors.h"
#include "validate/figures_file.h"
#include "validate/run_plan.h"

namespace tandem::test {

// A folder with a scenario s.yaml, for which figures files "x.figures.yaml" are read.
class FiguresFixture : public ScenarioFixture {
 public:
  FiguresFixture() { folder.write("s.yaml", minimal("policy: {name: plain}\n")); }

  // Keys that every file has, one a line; `more` begins at line 6.
  static std::string head(const std::string& more) {
    return "version: 1\n"
           "system: x\n"
           "title: X\n"
           "source: {publication: a paper, url: https://example.org}\n"
           "assumed: []\n" +
           more;
  }

  // The runs a and b, then the text, which begins at line 7.
  static std::string with_runs(const std::string& more) {
    return head("runs: {a: {scenario: s.yaml}, b: {scenario: s.yaml, set: {seed: 2}}}\n" + more);
  }

  platform::FiguresFile figures(const std::string& text) const {
    return platform::read_figures_text(text, folder.path() / "x.figures.yaml");
  }

  // The message without the folder; empty if nothing is wrong.
  std::string figures_error(const std::string& text) const {
    try {
      const platform::FiguresFile file = figures(text);
      platform::check_scenarios(file, platform::RunPlan(file));
    } catch (const platform::UserError& error) {
      std::string message = error.what();
      const std::string prefix = folder.path().string() + "/";
      if (message.rfind(prefix, 0) == 0) message.erase(0, prefix.size());
      return message;
    }
    return {};
  }
};

}  // namespace tandem::test
