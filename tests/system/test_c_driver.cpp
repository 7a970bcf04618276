// SPDX-License-Identifier: Apache-2.0
// The example driver in plain C writes what the firmware writes, token for token.
#include <catch2/catch.hpp>

#include "c_driver.h"
#include "system_run.h"
#include "tandem/platform/scenario_loader.h"
#include "tandem/platform/session.h"

namespace tandem::test {
namespace {

class Silence : public platform::RunObserver {
 public:
  void uart(std::string_view) override {}
  void progress(const platform::RunProgress&) override {}
};

platform::RunReport run_firmware(const tandem_firmware& firmware,
                                 const platform::Scenario& scenario) {
  Silence silence;
  platform::RunReport report = platform::run_with_firmware(firmware, scenario, silence);
  platform::check_physics(scenario, report);
  return report;
}

platform::RunReport run_c_driver(const platform::Scenario& scenario) {
  return run_firmware(*tandem_c_driver_firmware(), scenario);
}

// The C driver on a device that hangs at first: its queue pair is off.
const tandem_firmware kOnHangingDevice = {
    tandem_c_driver_firmware()->arena_bytes,
    [](void* arena, const tandem_hal* hal, std::uint64_t boot_info) {
      const int status = tandem_c_driver_firmware()->init(arena, hal, boot_info);
      const std::uint64_t npu = static_cast<driver*>(arena)->boot.npu_base;
      hal->write32(hal->context, npu + TANDEM_NPU_QP_CONTROL(0), 0);
      return status;
    },
    tandem_c_driver_firmware()->step};

TEST_CASE("the C driver drafts, verifies, and answers as the reference does") {
  const std::vector<Tokens> prompts = recorded_prompts(4);
  const auto report = run_c_driver(story_scenario(prompts, 48, {"platform.pim.enabled=false"}));
  CHECK(report.complete);
  CHECK(answers(report) == reference_answers(prompts, 48));
  CHECK(report.drafted_tokens > 0);
  CHECK(report.accepted_tokens > 0);
  CHECK(report.accepted_tokens < report.drafted_tokens);
}

TEST_CASE("the C driver decodes plainly where the policy does") {
  const std::vector<Tokens> prompts = recorded_prompts(2);
  const auto report = run_c_driver(story_scenario(prompts, 24, {"policy.name=plain"}));
  CHECK(answers(report) == reference_answers(prompts, 24));
  CHECK(report.drafted_tokens == 0);
}

TEST_CASE("the C driver reads a prompt that is longer than a command") {
  Tokens prompt(70);
  for (std::uint32_t i = 0; i < prompt.size(); ++i) prompt[i] = i == 0 ? 1 : 261 + i;
  const auto report = run_c_driver(story_scenario({prompt}, 16));
  CHECK(answers(report) == reference_answers({prompt}, 16));
}

TEST_CASE("the C driver fails a request whose sampling it does not know") {
  const auto report = run_c_driver(story_scenario(
      recorded_prompts(2), 8, {"workload.sampling={temperature: 0.8, rule: standard}"}));
  CHECK_FALSE(report.complete);
  CHECK(report.requests[0].status == "error: Unsupported");
  CHECK(report.requests[1].status == "error: Unsupported");
}

// Coupled speculation is plain sampling, token for token.
TEST_CASE("the C driver samples by the coupled rule") {
  const auto report = run_c_driver(story_scenario(
      recorded_prompts(2), 24,
      {"workload.sampling={temperature: 0.8, rule: coupled}", "run.baseline=plain"}));
  CHECK(report.accepted_tokens > 0);
  REQUIRE(report.baseline);
  CHECK(report.baseline->same_tokens);
}

TEST_CASE("the C driver resets a device that hangs, fails the request, and goes on") {
  const std::vector<Tokens> prompts = recorded_prompts(2);
  const auto report = run_firmware(kOnHangingDevice, story_scenario(prompts, 8));
  CHECK_FALSE(report.complete);
  CHECK(report.requests[0].status == "error: Reset");
  CHECK(report.requests[1].tokens == reference_answers({prompts[1]}, 8)[0]);
}

// AddressSanitizer stumbles over its own marks when an exception is thrown after coroutines of
// SystemC have run (google/sanitizers issue 189).
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("the C driver refuses a model that is no Llama") {
  const auto scenario = platform::load_scenario_text(R"(
version: 1
platform: {include: hardware/edge_lpddr5.yaml, dram: {capacity: 64 GiB}}
model: gpt3-7b
execution: timing
oracle: {acceptance: 0.5}
workload: {prompts: [[1]], max_tokens: 4}
policy: {name: plain}
run: {baseline: none}
)",
                                                     "test", TANDEM_SCENARIO_DIR, {});
  CHECK_THROWS_WITH(run_c_driver(scenario), Catch::Contains("Unsupported"));
}
#endif

}  // namespace
}  // namespace tandem::test
