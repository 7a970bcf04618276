// SPDX-License-Identifier: Apache-2.0
// How host time and memory grow with the length of a run: the same scenario for 4 to 4,000 tokens,
// each in a process of its own, as CSV and, if asked for, as a picture.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <systemc>

#include "log_chart.h"
#include "system_run.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;

namespace {

constexpr std::uint32_t kTokens[] = {4, 12, 40, 120, 400, 1200, 4000};

struct Measured {
  std::uint64_t commands;
  double simulated_s;
  double wall_s;
  double cpu_s;
  double peak_mib;
};

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// False if the run was not complete.
bool run(const char* file, std::vector<std::string> overrides, std::uint32_t tokens,
         Measured& measured) {
  overrides.push_back("workload.max_tokens=" + std::to_string(tokens));
  const platform::Scenario scenario = platform::load_scenario(file, overrides);
  const double cpu_before_s = cpu_s();
  const auto begin = std::chrono::steady_clock::now();
  const platform::RunReport report = test::run(scenario);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  const observe::Statistic* const commands = report.statistics.find("npu.commands");
  if (!report.complete || commands == nullptr) return false;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  measured = {commands->integer, static_cast<double>(report.simulated_time_ps) * 1e-12,
              wall.count(), cpu_s() - cpu_before_s, static_cast<double>(usage.ru_maxrss) / 1024};
  return true;
}

// In a process of its own, because a SystemC kernel elaborates once.
bool run_apart(const char* file, const std::vector<std::string>& overrides, std::uint32_t tokens,
               Measured& measured) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    const bool done = run(file, overrides, tokens, measured) &&
                      write(ends[1], &measured, sizeof(measured)) == sizeof(measured);
    _exit(done ? 0 : 1);
  }
  close(ends[1]);
  const bool told = read(ends[0], &measured, sizeof(measured)) == sizeof(measured);
  close(ends[0]);
  int status = 1;
  return waitpid(child, &status, 0) == child && status == 0 && told;
}

std::string host() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(": ") + 2);
  }
  return "unknown processor";
}

platform::LogPanel host_time(const std::vector<Measured>& runs) {
  using platform::Series;
  Series wall{"wall time", Series::Style::kPlain, {}};
  Series cpu{"processor time", Series::Style::kStrong, {}};
  Series slope{"slope 1, through the last point", Series::Style::kReference, {}};
  const Measured& last = runs.back();
  for (const Measured& one : runs) {
    const auto commands = static_cast<double>(one.commands);
    wall.points.emplace_back(commands, one.wall_s);
    cpu.points.emplace_back(commands, one.cpu_s);
    slope.points.emplace_back(commands, last.cpu_s * commands / static_cast<double>(last.commands));
  }
  platform::LogPanel panel{"commands of the NPU", "Host time, s", {}, {}, {cpu, wall, slope}};
  panel.x = platform::decades_of(panel.series, true);
  panel.y = platform::decades_of(panel.series, false);
  return panel;
}

platform::LogPanel memory(const std::vector<Measured>& runs) {
  using platform::Series;
  Series peak{"peak resident memory", Series::Style::kStrong, {}};
  for (const Measured& one : runs) peak.points.emplace_back(one.simulated_s, one.peak_mib);
  platform::LogPanel panel{"simulated time, s", "Memory of the process, MiB", {}, {}, {peak}};
  panel.x = platform::decades_of(panel.series, true);
  panel.y = platform::decades_of(panel.series, false);
  return panel;
}

bool draw(const std::string& into, const std::string& scenario, const std::vector<Measured>& runs) {
  const platform::LogChart chart{
      "Length of a run: host time is linear, memory flat (" + scenario + ")",
      "one thread on " + host() + "; overheads of start and end included",
      {host_time(runs), memory(runs)}};
  std::ofstream file(into);
  file << svg(chart);
  return static_cast<bool>(file.flush());
}

}  // namespace

// bench_scale [--svg FILE] [SCENARIO [KEY=VALUE...]]; without arguments Llama-2-7B, plain, batch 1.
int sc_main(int argc, char* argv[]) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string picture;
  if (arguments.size() >= 2 && arguments[0] == "--svg") {
    picture = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  std::string file = TANDEM_SCENARIO_DIR "/llama-2-7b.yaml";
  std::vector<std::string> overrides = {"policy.name=plain", "run.baseline=none",
                                        "workload.batch={size: 1, context: 64}",
                                        "fidelity.layers=replay", "run.max_simulated_time=1000 s"};
  if (!arguments.empty()) {
    file = arguments[0];
    overrides.assign(arguments.begin() + 1, arguments.end());
  }
  std::printf("tokens,commands,simulated_s,wall_s,cpu_s,cpu_us_per_command,peak_mib\n");
  std::vector<Measured> runs;
  for (const std::uint32_t tokens : kTokens) {
    std::fflush(stdout);
    Measured one{};
    if (!run_apart(file.c_str(), overrides, tokens, one)) return 1;
    std::printf("%u,%llu,%.6f,%.4f,%.4f,%.2f,%.1f\n", tokens,
                static_cast<unsigned long long>(one.commands), one.simulated_s, one.wall_s,
                one.cpu_s, one.cpu_s * 1e6 / static_cast<double>(one.commands), one.peak_mib);
    runs.push_back(one);
  }
  const std::string name = file.substr(file.rfind('/') + 1);
  return picture.empty() || draw(picture, name, runs) ? 0 : 1;
}
