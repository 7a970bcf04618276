// SPDX-License-Identifier: Apache-2.0
// Resets that a scenario or the firmware asks for, and how what has been reported counts once.
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>

#include "soc.h"
#include "system_run.h"
#include "tandem/abi/boot_info.h"
#include "tandem/firmware/machine.h"
#include "tandem/platform/model/loaded_model.h"
#include "transcript.h"

using namespace tandem;
using platform::Transcript;

namespace {

const std::vector<test::Tokens> kPrompts = {{1, 403, 407}, {1, 261, 270}};

abi::Record tokens(std::vector<std::uint32_t> ids, std::uint64_t time_ns) {
  abi::Record record{};
  record.kind = static_cast<std::uint32_t>(abi::RecordKind::kTokens);
  record.count = static_cast<std::uint32_t>(ids.size());
  record.round = 1;
  record.drafted = 3;
  record.accepted = record.count - 1;
  record.time_ns = time_ns;
  std::memcpy(record.tokens, ids.data(), ids.size() * sizeof ids[0]);
  return record;
}

abi::Record finished(std::uint64_t started_ns) {
  abi::Record record{};
  record.kind = static_cast<std::uint32_t>(abi::RecordKind::kFinished);
  abi::EndReport report{};
  report.started_ns = started_ns;
  std::memcpy(record.tokens, &report, sizeof report);
  return record;
}

}  // namespace

TEST_CASE("a run with resets of the platform tells the same tokens") {
  const auto report = test::run(test::story_scenario(
      kPrompts, 8, {"run.reset={at: 30 us, every: 90 us, count: 4}", "policy.max_batch=2"}));
  CHECK(report.complete);
  CHECK(test::answers(report) == test::reference_answers(kPrompts, 8));
  CHECK(report.statistics.find("cpu.resets")->integer == 4);
}

TEST_CASE("a run without resets has none") {
  const auto report = test::run(test::story_scenario(kPrompts, 8, {"policy.max_batch=2"}));
  CHECK(test::answers(report) == test::reference_answers(kPrompts, 8));
  CHECK(report.statistics.find("cpu.resets")->integer == 0);
}

TEST_CASE("the driver survives a reset of the NPU behind its back") {
  const auto report = test::run(test::story_scenario(
      kPrompts, 8, {"run.reset={at: 60 us, what: npu}", "policy.max_batch=2"}));
  CHECK(report.complete);
  CHECK(test::answers(report) == test::reference_answers(kPrompts, 8));
}

TEST_CASE("the driver survives a reset of the PIM behind its back") {
  const auto report = test::run(test::story_scenario(
      kPrompts, 8,
      {"run.reset={at: 60 us, what: pim, every: 500 us, count: 3}", "policy.max_batch=2",
       "policy.placement={attention: pim, linear: pim}"}));
  CHECK(report.complete);
  CHECK(test::answers(report) == test::reference_answers(kPrompts, 8));
}

namespace {

// What `firmware` leaves behind after a millisecond on the platform.
platform::Outcome outcome_of(const tandem_firmware& firmware) {
  const platform::Scenario scenario = test::story_scenario({{1}}, 4);
  const platform::LoadedModel model = platform::load_model(scenario.model, scenario.execution);
  const platform::RequestList requests(scenario, model.tokenizer_or_null(), model.shape);
  platform::Soc::Setup setup{scenario, scenario.policy, model, requests};
  setup.firmware = &firmware;
  platform::Soc soc("soc", setup, platform::Soc::Listener());
  sc_core::sc_start(common::from_ps(1'000'000'000));
  CHECK(soc.ended());
  return soc.outcome("");
}

// In its first life it resets the NPU, in its second one the platform, then it stops.
struct Lives {
  std::uint32_t count = 0;
  std::uint32_t npu_control[2] = {~0u, ~0u};
};
Lives lives;

int init(void*, const tandem_hal* hal, std::uint64_t boot_info) {
  firmware::Machine machine(*hal);
  const abi::BootInfo boot = *machine.window<abi::BootInfo>(boot_info, 1);
  auto* const kept = machine.window<std::uint32_t>(boot.shared_base, 1);
  lives.count = ++*kept;  // memory keeps its bytes
  namespace regs = abi::syscon;
  machine.write(boot.npu_base + abi::npu::CONTROL, abi::npu::CONTROL_ENABLE.put(1));
  if (lives.count > 2) return 0;
  const abi::Field target = lives.count == 1 ? regs::RESET_NPU : regs::RESET_PLATFORM;
  machine.write(boot.syscon_base + regs::RESET, target.put(1));
  for (int i = 0; i < 10; ++i) machine.relax();
  lives.npu_control[lives.count - 1] = machine.read(boot.npu_base + abi::npu::CONTROL);
  if (lives.count == 2) return 0;  // not reached by the processor's new life
  machine.write(boot.syscon_base + regs::RESET, regs::RESET_PLATFORM.put(1));
  return 0;
}

int step(void*, const tandem_hal*) {
  return lives.count > 2 ? TANDEM_STEP_DONE : TANDEM_STEP_WAIT;
}

constexpr tandem_firmware kFirmware{64, init, step};

}  // namespace

TEST_CASE("firmware resets a device, or everything and itself") {
  const platform::Outcome outcome = outcome_of(kFirmware);
  CHECK(lives.count == 3);
  CHECK(lives.npu_control[0] == 0);  // the device was reset, the processor went on
  CHECK(outcome.statistics.find("syscon.reset_requests")->integer == 3);
}

namespace {

// Uses the NPU again as soon as its reset is over, without giving others the time to catch up.
std::uint32_t control_after_reset = 0;

int reset_and_use(void*, const tandem_hal* hal, std::uint64_t boot_info) {
  firmware::Machine machine(*hal);
  const abi::BootInfo boot = *machine.window<abi::BootInfo>(boot_info, 1);
  const std::uint64_t control = boot.npu_base + abi::npu::CONTROL;
  machine.write(boot.syscon_base + abi::syscon::RESET, abi::syscon::RESET_NPU.put(1));
  const std::uint64_t begin_ns = machine.now_ns();
  while (machine.now_ns() < begin_ns + 200) {
  }
  machine.write(control, abi::npu::CONTROL_ENABLE.put(1));
  for (int i = 0; i < 10; ++i) machine.relax();
  control_after_reset = machine.read(control);
  return 0;
}

constexpr tandem_firmware kUsesAtOnce{
    64, reset_and_use, [](void*, const tandem_hal*) -> int { return TANDEM_STEP_DONE; }};

}  // namespace

TEST_CASE("a reset takes effect before what its writer does next") {
  outcome_of(kUsesAtOnce);
  CHECK(abi::npu::CONTROL_ENABLE.get(control_after_reset) == 1);
}

TEST_CASE("tokens that come again after a reset count once") {
  Transcript transcript(1);
  transcript.add(tokens({5, 6, 7}, 100));
  transcript.restart();
  transcript.add(tokens({5, 6}, 500));
  CHECK(transcript.tokens() == 3);
  transcript.add(tokens({7, 8, 9}, 600));
  transcript.restart();  // in the midst of it, again
  transcript.add(tokens({5, 6}, 700));
  transcript.add(tokens({7, 8, 9}, 800));
  transcript.add(tokens({10}, 900));
  transcript.add(finished(650));
  CHECK(transcript.violation().empty());
  CHECK(transcript.all_ended());
  const platform::RequestLog& log = transcript.requests()[0];
  CHECK(log.tokens == std::vector<std::uint32_t>{5, 6, 7, 8, 9, 10});
  CHECK(log.rounds == 3);
  CHECK(log.round_tokens == 6);
  CHECK(*log.first_token_ns == 100);
  CHECK(*log.last_token_ns == 900);
  CHECK(*log.started_ns == 100);
}

TEST_CASE("other tokens than before a reset, or fewer, are no correct driver's") {
  Transcript transcript(1);
  transcript.add(tokens({5, 6, 7}, 100));
  transcript.restart();
  SECTION("other") {
    transcript.add(tokens({5, 8}, 500));
    CHECK(transcript.violation().find("another token than before a reset") != std::string::npos);
  }
  SECTION("fewer") {
    transcript.add(tokens({5, 6}, 500));
    transcript.add(finished(400));
    CHECK(transcript.violation().find("fewer tokens than before a reset") != std::string::npos);
  }
}
