// SPDX-License-Identifier: Apache-2.0
// One run of a scenario on the simulated platform.
#pragma once
#include <cstdint>
#include <string_view>

#include "tandem/abi/firmware_entry.h"
#include "tandem/platform/results.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct RunProgress {
  const char* stage = "";  // "speculative", "plain baseline"
  std::uint64_t simulated_time_ps = 0;
  std::uint64_t tokens_done = 0;
  std::uint64_t tokens_expected = 0;  // upper bound: prompts x max_tokens, all stages together
};

// Hears of a run while it goes on. Calls come from inside the simulation: keep them short.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // Text that the firmware wrote to the UART.
  virtual void uart(std::string_view text) = 0;
  virtual void progress(const RunProgress& progress) = 0;
  // Whole lines that the user must see.
  virtual void message(std::string_view) {}
};

// Loads the model, builds the platform and starts its firmware; throws UserError as run_scenario
// does. One of the two per process: a SystemC kernel elaborates once.
void check_scenario(const Scenario& scenario);

// Loads the model, builds the platform, runs the workload, and the plain baseline if asked for.
// Throws UserError for what the user can put right (corrupt weights, a platform too small for the
// model), anything else is a defect. Does not touch the console or write files.
RunReport run_scenario(const Scenario& scenario, RunObserver& observer);

// The same with another firmware than `platform.cpu.app` names, where platform.cpu.form is native.
RunReport run_with_firmware(const tandem_firmware& firmware, const Scenario& scenario,
                            RunObserver& observer);

}  // namespace tandem::platform
