// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <systemc>
#include <vector>

#include "soc_config.h"
#include "tandem/platform/cli.h"
#include "tandem/platform/probe/probe_command.h"
#include "tandem/platform/registers.h"
#include "tandem/platform/serve.h"
#include "tandem/platform/session.h"

namespace {

tandem::platform::CommandHooks hooks() {
  tandem::platform::CommandHooks hooks;
  hooks.check = [](const tandem::platform::Scenario& scenario) {
    tandem::platform::stack_config(scenario.platform.dram);
    tandem::platform::sram_config(scenario.platform);
    tandem::platform::npu_config(scenario.platform, tandem::platform::tensor_traffic(scenario));
    if (scenario.platform.pim.enabled) tandem::platform::pim_config(scenario.platform);
    tandem::platform::check_kv_layout(scenario);
    tandem::platform::bank_tiles(scenario);
  };
  hooks.start = tandem::platform::check_scenario;
  hooks.run = tandem::platform::run_scenario;
  hooks.registers = tandem::platform::run_registers;
  hooks.probe = tandem::platform::run_probe;
  hooks.serve = tandem::platform::serve_scenario;
  return hooks;
}

std::filesystem::path program_path(const char* name) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path(name) : path;
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return tandem::platform::run_command(arguments, program_path(argv[0]), hooks(),
                                       {std::cout, std::cerr, isatty(STDERR_FILENO) != 0});
}

// The kernel's own main() would print its banner into the output.
int main(int argc, char* argv[]) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 0);
  return sc_core::sc_elab_and_sim(argc, argv);
}
