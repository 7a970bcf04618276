// SPDX-License-Identifier: Apache-2.0
// The `tandem` command without a process around it, so that tests can run it.
#pragma once
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "tandem/platform/serve.h"
#include "tandem/platform/session.h"

namespace tandem::platform {

// What the command hands on to. Without `run`, `registers`, `probe` or `serve` the sub-command says
// that this build has none.
struct CommandHooks {
  // Whether the modules accept the configuration; throws UserError. Called by run and check.
  std::function<void(const Scenario&)> check;
  // Whether the platform can be built and its firmware can work on it; throws UserError. Called by
  // check; run finds out by itself.
  std::function<void(const Scenario&)> start;
  std::function<RunReport(const Scenario&, RunObserver&)> run;
  std::function<int(const std::string& format, std::ostream& out)> registers;
  // `arguments` without "probe".
  std::function<int(const std::vector<std::string>& arguments, std::ostream& out)> probe;
  std::function<void(const Scenario&, const ServeOptions&, std::ostream& out)> serve;
};

struct CommandStreams {
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;
};

// `arguments` without the program's name; `program` is where the binary lies (the scenarios that
// come with Tandem are looked for around it). Returns the exit code: 0, 2 for a mistake of the
// user, 1 for a defect. Never throws.
int run_command(const std::vector<std::string>& arguments, const std::filesystem::path& program,
                const CommandHooks& hooks, const CommandStreams& streams);

}  // namespace tandem::platform
