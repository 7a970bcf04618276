// SPDX-License-Identifier: Apache-2.0
// The energy of whole runs, by component and by phase.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "system_run.h"

namespace tandem::test {
namespace {

using Entry = observe::PhaseLedger::Entry;

std::size_t index_of(const platform::RunReport& report, const std::string& phase) {
  const std::vector<std::string>& phases = report.energy.phases();
  const auto found = std::find(phases.begin(), phases.end(), phase);
  REQUIRE(found != phases.end());
  return static_cast<std::size_t>(found - phases.begin());
}

std::uint64_t time_ps(const platform::RunReport& report, const std::string& phase) {
  for (const platform::PhaseTime& time : report.phases) {
    if (time.name == phase) return time.time_ps;
  }
  return 0;
}

// Every entry is a sum of sane parts; where time passes, the memory draws current.
void check_energy(const platform::Scenario& scenario, const platform::RunReport& report) {
  REQUIRE_FALSE(report.energy.entries().empty());
  for (const Entry& entry : report.energy.entries()) {
    CAPTURE(entry.component);
    CHECK_FALSE(entry.source.empty());
    for (const double part : entry.picojoules) {
      CHECK(std::isfinite(part));
      CHECK(part >= 0.0);
    }
  }
  const auto json = platform::result_json(scenario, report, {});
  for (const auto& entry : json["energy"]) {
    double sum = 0.0;
    for (const auto& part : entry["by_phase"]) sum += part.get<double>();
    CHECK(sum == entry["energy_pj"].get<double>());
  }
  for (std::size_t i = 0; i < report.energy.phases().size(); ++i) {
    CAPTURE(report.energy.phases()[i]);
    if (time_ps(report, report.energy.phases()[i]) == 0) continue;
    double memory = 0.0;
    for (const Entry& entry : report.energy.entries()) {
      if (entry.component.rfind("memory.", 0) == 0) memory += entry.picojoules[i];
    }
    CHECK(memory > 0.0);
  }
}

// Of the entries of a module.
double energy(const platform::RunReport& report, const std::string& module,
              const std::string& phase) {
  const std::size_t i = index_of(report, phase);
  double sum = 0.0;
  for (const Entry& entry : report.energy.entries()) {
    if (entry.component.rfind(module + ".", 0) == 0) sum += entry.picojoules[i];
  }
  return sum;
}

TEST_CASE("self-speculation spends energy on drafting and verifying, none on plain decoding") {
  const auto scenario =
      story_scenario({{1}}, 48, {"policy.placement.attention=pim", "run.baseline=plain"});
  const auto report = run(scenario);
  check_energy(scenario, report);
  for (const char* phase : {"prefill", "draft", "verify"}) {
    for (const char* module : {"npu", "memory", "pim", "sram"}) {
      CAPTURE(phase, module);
      CHECK(energy(report, module, phase) > 0.0);
    }
  }
  CHECK(energy(report, "memory", "idle") > 0.0);
  CHECK(report.energy.phase_picojoules(index_of(report, "decode")) == 0.0);
  REQUIRE(report.baseline);
  CHECK(report.baseline->energy_pj > 0.0);
}

TEST_CASE("plain decoding spends no energy on drafting or verifying") {
  const auto scenario =
      story_scenario({{1}}, 48, {"policy.name=plain", "platform.pim.enabled=false"});
  const auto report = run(scenario);
  check_energy(scenario, report);
  CHECK(energy(report, "npu", "prefill") > 0.0);
  CHECK(energy(report, "npu", "decode") > 0.0);
  CHECK(report.energy.phase_picojoules(index_of(report, "draft")) == 0.0);
  CHECK(report.energy.phase_picojoules(index_of(report, "verify")) == 0.0);
  // Nothing is computed without a command, and little is finished before and after one.
  CHECK(energy(report, "npu", "idle") <= 0.001 * report.energy.total_picojoules());
}

TEST_CASE("an unfinished run has its energy by phase as well") {
  const auto scenario = story_scenario({{1}}, 184, {"run.max_simulated_time=1 ms"});
  const auto report = run(scenario);
  CHECK_FALSE(report.complete);
  check_energy(scenario, report);
}

}  // namespace
}  // namespace tandem::test
