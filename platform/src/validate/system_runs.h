// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "validate/run_plan.h"

namespace tandem::platform {

// One published system and the runs that its figures need.
struct ValidatedSystem {
  explicit ValidatedSystem(const FiguresFile& figures) : file(figures), plan(file) {}
  ValidatedSystem(const ValidatedSystem&) = delete;
  ValidatedSystem& operator=(const ValidatedSystem&) = delete;

  FiguresFile file;
  RunPlan plan;
  std::vector<std::map<std::string, double>> numbers;  // of each planned run, by path
  std::vector<std::string> failures;                   // "run 'npu' failed: ..."

  double number_of(const Term& name, const Combination& combination) const;
};

struct RunOptions {
  std::filesystem::path program;
  std::filesystem::path out;  // a folder for the results
  bool keep_results = false;
  unsigned jobs = 1;
  std::function<void(std::size_t ended, std::size_t all)> progress;  // may be empty
};

// Makes all runs. What fails is noted in `failures`. Throws ScenarioError if a result does not have
// a figure that is asked for.
void make_runs(const std::vector<std::unique_ptr<ValidatedSystem>>& systems,
               const RunOptions& options);

}  // namespace tandem::platform
