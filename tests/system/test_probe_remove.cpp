// SPDX-License-Identifier: Apache-2.0
// Probe, remove, probe again: the NPU's driver on the platform, with commands in flight.
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "soc.h"
#include "system_run.h"
#include "tandem/abi/boot_info.h"
#include "tandem/firmware/driver/intc.h"
#include "tandem/firmware/driver/npu.h"
#include "tandem/platform/model/loaded_model.h"

using namespace tandem;
using firmware::Machine;
using firmware::NpuDriver;

namespace {

constexpr std::uint32_t kCopyBytes = 65'536;
constexpr std::uint32_t kRounds = 40;

// What the firmware of the test found; it ends with its first mistake.
struct Findings {
  std::uint32_t removed_idle = 0;
  std::uint32_t removed_in_flight = 0;
  std::uint32_t completions = 0;
  const char* mistake = nullptr;
};
Findings findings;

struct State {
  abi::BootInfo boot;
  NpuDriver npu;
  std::uint32_t round;
};

bool expect(bool condition, const char* what) {
  if (!condition && findings.mistake == nullptr) findings.mistake = what;
  return condition;
}

int init(void* arena, const tandem_hal* hal, std::uint64_t boot_info) {
  auto* const state = new (arena) State();
  Machine machine(*hal);
  state->boot = *machine.window<abi::BootInfo>(boot_info, 1);
  return 0;
}

abi::Command copy(const State& state) {
  abi::Command command{};
  command.opcode = static_cast<std::uint8_t>(abi::Opcode::kCopy);
  command.parameter_block = state.boot.kv_base;
  command.result_block = state.boot.kv_base + kCopyBytes;
  command.wait_value = kCopyBytes;
  return command;
}

bool probe(State& state, Machine& machine) {
  NpuDriver::Setup setup;
  setup.base = state.boot.npu_base;
  setup.rings = state.boot.shared_base;
  setup.queue_pairs = 2;
  setup.entries = 8;
  setup.use_interrupts = true;
  return state.npu.start(machine, setup) == abi::Status::kOk;
}

bool complete(State& state, Machine& machine, std::uint32_t queue, std::uint32_t tag) {
  abi::Completion completion{};
  for (int turn = 0; turn < 100'000; ++turn, machine.relax()) {
    if (!state.npu.poll(machine, queue, completion)) continue;
    ++findings.completions;
    return completion.tag == tag && completion.status == 0;
  }
  return false;
}

// Probes, works, and is removed: in every other round with commands in flight, later each time.
int step(void* arena, const tandem_hal* hal) {
  State& state = *static_cast<State*>(arena);
  Machine machine(*hal);
  const bool opened = machine.open_shared(state.boot.shared_base, state.boot.shared_bytes);
  if (!expect(opened, "no window") || !expect(probe(state, machine), "probe"))
    return TANDEM_STEP_DONE;
  const std::uint32_t tag = state.npu.submit(machine, 1, {});
  if (!expect(complete(state, machine, 1, tag), "the first command of a probe")) {
    return TANDEM_STEP_DONE;
  }
  for (std::uint32_t i = 0; i < 3; ++i) state.npu.submit(machine, i % 2, copy(state));
  const bool in_flight = state.round % 2 == 0;
  for (std::uint32_t i = 0; i < state.round; ++i) machine.relax();
  const abi::Status status = state.npu.stop(machine, in_flight ? 0 : 1'000'000'000);
  const abi::Status expected = in_flight ? abi::Status::kReset : abi::Status::kOk;
  if (!expect(status == expected, "stop")) return TANDEM_STEP_DONE;
  ++(in_flight ? findings.removed_in_flight : findings.removed_idle);
  const std::uint32_t npu = static_cast<std::uint32_t>(state.boot.npu_base);
  expect(machine.read(npu + abi::npu::CONTROL) == 0, "CONTROL");
  expect(machine.read(npu + abi::npu::IRQ_RAW) == 0, "IRQ_RAW");
  expect(machine.read(npu + abi::npu::STATUS) == 0, "STATUS");
  return ++state.round < kRounds && findings.mistake == nullptr ? TANDEM_STEP_AGAIN
                                                                : TANDEM_STEP_DONE;
}

constexpr tandem_firmware kFirmware{sizeof(State), init, step};

}  // namespace

TEST_CASE("the driver is probed, removed and probed again, also in flight") {
  const platform::Scenario scenario = test::story_scenario({{1}}, 4);
  const platform::LoadedModel model = platform::load_model(scenario.model, scenario.execution);
  const platform::RequestList requests(scenario, model.tokenizer_or_null(), model.shape);
  platform::Soc::Setup setup{scenario, scenario.policy, model, requests};
  setup.firmware = &kFirmware;
  platform::Soc soc("soc", setup, {nullptr, [] { sc_core::sc_pause(); }});
  sc_core::sc_start(common::from_ps(10'000'000'000'000));
  INFO((findings.mistake == nullptr ? "" : findings.mistake));
  CHECK(findings.mistake == nullptr);
  CHECK(findings.removed_idle == kRounds / 2);
  CHECK(findings.removed_in_flight == kRounds / 2);
  CHECK(findings.completions == kRounds);
  observe::StatisticsTable table = soc.outcome("").statistics;
  CHECK(table.find("npu.failed_commands")->integer == 0);
}
