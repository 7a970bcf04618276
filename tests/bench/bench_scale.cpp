// SPDX-License-Identifier: Apache-2.0
// How wall time and memory grow with the length of a run: the same scenario for 4, 40, 400 and
// 4,000 tokens, each in a process of its own, as CSV.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <systemc>

#include "system_run.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;

namespace {

int run(const char* file, std::vector<std::string> overrides, std::uint32_t tokens) {
  overrides.push_back("workload.max_tokens=" + std::to_string(tokens));
  const platform::Scenario scenario = platform::load_scenario(file, overrides);
  const auto begin = std::chrono::steady_clock::now();
  const platform::RunReport report = test::run(scenario);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  const observe::Statistic* const commands = report.statistics.find("npu.commands");
  if (!report.complete || commands == nullptr) return 1;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%u,%llu,%.6f,%.4f,%.2f,%.1f\n", tokens,
              static_cast<unsigned long long>(commands->integer),
              static_cast<double>(report.simulated_time_ps) * 1e-12, wall.count(),
              wall.count() * 1e6 / static_cast<double>(commands->integer),
              static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
}

}  // namespace

// bench_scale [SCENARIO [KEY=VALUE...]]; without arguments Llama-2-7B, plain, batch 1.
int sc_main(int argc, char* argv[]) {
  std::vector<std::string> overrides = {"policy.name=plain", "run.baseline=none",
                                        "workload.batch={size: 1, context: 64}",
                                        "fidelity.layers=replay", "run.max_simulated_time=1000 s"};
  if (argc > 1) overrides.assign(argv + 2, argv + argc);
  const char* file = argc > 1 ? argv[1] : TANDEM_SCENARIO_DIR "/llama-2-7b.yaml";
  std::printf("tokens,commands,simulated_s,wall_s,wall_us_per_command,peak_mib\n");
  for (std::uint32_t tokens = 4; tokens <= 4000; tokens *= 10) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      const int status = run(file, overrides, tokens);
      std::fflush(stdout);
      _exit(status);
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) return 1;
  }
  return 0;
}
