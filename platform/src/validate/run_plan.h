// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <vector>

#include "validate/figures_file.h"

namespace tandem::platform {

// A point of each of some axes, both by their position in the file.
using Combination = std::map<std::size_t, std::size_t>;

// One simulation.
struct PlannedRun {
  std::string label;   // "npu, batch 256"
  std::string folder;  // the same, fit for a file system
  std::string scenario;
  std::vector<Setting> settings;
  std::map<std::string, Term>
      paths;  // figures of its result that are needed, and where they are asked for

  // "a.b=VALUE"
  std::vector<std::string> assignments() const;
};

// Every simulation that the figures of a file need, each once.
class RunPlan {
 public:
  explicit RunPlan(const FiguresFile& file);

  const std::vector<PlannedRun>& runs() const { return runs_; }
  std::size_t index_of(std::size_t run, const Combination& combination) const;

 private:
  std::size_t plan(std::size_t run, const Combination& combination);

  const FiguresFile& file_;
  std::vector<PlannedRun> runs_;
  std::map<std::pair<std::size_t, Combination>, std::size_t> index_;
  std::map<std::string, std::size_t> same_;  // by scenario and overrides
};

// Every combination of the points of a figure, the last axis fastest.
std::vector<Combination> combinations(const Figure& figure);

// "batch 256, bandwidth 1 TB/s"
std::string describe(const FiguresFile& file, const Combination& combination);

// Of one run: `set`, or the overrides of a point, as options of `tandem run`, quoted for a shell.
std::string shell_options(const std::vector<Setting>& settings);

// "a.b=VALUE", VALUE as YAML in one line.
std::string assignment(const Setting& setting);

// Loads the scenario of each run with its overrides. Throws UserError; an override that is wrong
// has its place in the figures file.
void check_scenarios(const FiguresFile& file, const RunPlan& plan);

}  // namespace tandem::platform
