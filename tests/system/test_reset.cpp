// SPDX-License-Identifier: Apache-2.0
// A reset in the midst of a run leaves device and driver like new: the run begins again, takes as
// long as one that was never disturbed, and tells the same tokens.
#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "soc.h"
#include "system_run.h"
#include "tandem/abi/tables.h"
#include "tandem/cpu/host_bridge.h"
#include "tandem/platform/model/loaded_model.h"

using namespace tandem;
using platform::ResetLines;
using platform::ResetTarget;
using platform::Soc;

namespace {

// Per case; there are eight cases. Instrumented code is slow: there it is a sample.
#if defined(__SANITIZE_ADDRESS__) && !defined(TANDEM_ALL_RUNS)
constexpr std::size_t kResets = 5;
#else
constexpr std::size_t kResets = 25;
#endif
constexpr std::uint64_t kStepPs = 1'000'000;
// The processor does not unwind the firmware: it begins anew when the call that the reset found has
// returned, at worst the firmware's `init`; an assumption.
constexpr double kCallPs = 5'000'000;
// Clocks of the DRAM do not start with the reset, and its refreshes fall into other commands: part
// of a run's time, an assumption.
constexpr double kTolerance = 0.005;
constexpr std::uint64_t kLongestPs = 1'000'000'000'000;

struct Block {
  const abi::RegisterBlock& registers;
  std::uint64_t base;
};

// The SoCs of one case: the first is never reset.
struct Bench {
  explicit Bench(const std::vector<test::Tokens>& prompts,
                 const std::vector<std::string>& overrides)
      : scenario(test::story_scenario(prompts, 4, overrides)),
        model(platform::load_model(scenario.model, scenario.execution)),
        requests(scenario, model.tokenizer_or_null(), model.shape) {}

  Soc& add() {
    const std::string name = "soc" + std::to_string(socs.size());
    texts.emplace_back();
    std::string& text = texts.back();
    Soc::Setup setup{scenario, scenario.policy, model, requests};
    setup.echo = true;
    socs.push_back(std::make_unique<Soc>(
        name.c_str(), setup, Soc::Listener{[&text](char byte) { text += byte; }, nullptr}));
    return *socs.back();
  }
  std::vector<Block> blocks() const {
    const platform::AddressMap& map = scenario.platform.address_map;
    return {{abi::npu::kBlock, map.npu},    {abi::intc::kBlock, map.interrupt_controller},
            {abi::uart::kBlock, map.uart},  {abi::mailbox::kBlock, map.mailbox},
            {abi::pim::kBlock, map.pim},    {abi::syscon::kBlock, map.system_control},
            {abi::timer::kBlock, map.timer}};
  }

  // A SoC that nobody has ever told anything.
  Soc& add_untouched() {
    Soc::Setup setup{scenario, scenario.policy, model, requests};
    setup.make_cpu = [] {
      return std::make_unique<cpu::HostBridge>("cpu", cpu::HostBridge::Config());
    };
    socs.push_back(std::make_unique<Soc>("untouched", setup, Soc::Listener()));
    return *socs.back();
  }

  const platform::Scenario scenario;
  const platform::LoadedModel model;
  const platform::RequestList requests;
  std::deque<std::string> texts;  // of the UARTs
  std::vector<std::unique_ptr<Soc>> socs;
};

std::uint32_t register_of(Soc& soc, std::uint64_t address) {
  std::uint32_t value = 0;
  REQUIRE(soc.peek(address, &value, sizeof value) == sizeof value);
  return value;
}

// The time; and the tags of the NPU's jobs at the PIM, which it does not use again, so that a job
// from before a reset is not taken for one from after it.
bool goes_on(const Block& block, const abi::RegisterInfo& info) {
  return &block.registers == &abi::timer::kBlock ||
         (&block.registers == &abi::pim::kBlock && info.offset == abi::pim::COMPLETED_TAG);
}

// Ring indices, enables, bases, errors: what devices hold and drivers have made of them.
std::vector<std::uint32_t> registers_of(Soc& soc, const std::vector<Block>& blocks) {
  std::vector<std::uint32_t> values;
  for (const Block& block : blocks) {
    for (std::size_t i = 0; i < block.registers.register_count; ++i) {
      const abi::RegisterInfo& info = block.registers.registers[i];
      if (goes_on(block, info)) continue;
      for (unsigned n = 0; n < info.count; ++n) {
        values.push_back(register_of(soc, block.base + info.offset + n * info.stride));
      }
    }
  }
  return values;
}

std::vector<test::Tokens> tokens_of(const Soc& soc) {
  std::vector<test::Tokens> tokens;
  for (const platform::RequestLog& log : soc.transcript().requests()) tokens.push_back(log.tokens);
  return tokens;
}

void run_until(std::uint64_t time_ps) {
  if (time_ps > common::now_ps()) sc_core::sc_start(common::from_ps(time_ps - common::now_ps()));
}

std::uint64_t end_of(const Soc& soc) {
  while (!soc.ended() && common::now_ps() < kLongestPs) {
    sc_core::sc_start(common::from_ps(kStepPs));
  }
  REQUIRE(soc.ended());
  return soc.outcome("").simulated_time_ps;
}

// Resets one SoC after the other, each at a time of its own within the run.
void reset_at_random_times(Bench& bench, unsigned seed, std::uint64_t within_ps) {
  Soc& undisturbed = bench.add();
  std::vector<Soc*> others;
  for (std::size_t i = 0; i < kResets; ++i) others.push_back(&bench.add());
  Soc& untouched = bench.add_untouched();

  std::mt19937 draw(seed);
  std::vector<std::uint64_t> times_ps;
  for (std::size_t i = 0; i < kResets; ++i) {
    times_ps.push_back(static_cast<std::uint64_t>(draw()) * within_ps >> 32);
  }
  std::sort(times_ps.begin(), times_ps.end());

  std::size_t in_flight = 0;
  for (std::size_t i = 0; i < kResets; ++i) {
    run_until(times_ps[i]);
    in_flight += others[i]->ended() ? 0 : 1;
    others[i]->request_reset(ResetTarget::kPlatform);
    run_until(times_ps[i] + ResetLines::kHoldPs - 1);
    INFO("reset at " << times_ps[i] << " ps");
    CHECK(registers_of(*others[i], bench.blocks()) == registers_of(untouched, bench.blocks()));
  }
  CHECK(in_flight == kResets);

  const auto length_ps = static_cast<double>(end_of(undisturbed));
  for (std::size_t i = 0; i < kResets; ++i) {
    INFO("reset at " << times_ps[i] << " ps");
    const std::uint64_t end_ps = end_of(*others[i]);
    CHECK(others[i]->transcript().violation().empty());
    CHECK(others[i]->transcript().all_ok());
    CHECK(tokens_of(*others[i]) == tokens_of(undisturbed));
    const std::uint64_t again_ps = end_ps - times_ps[i] - ResetLines::kHoldPs;
    CHECK(static_cast<double>(again_ps) >= length_ps * (1 - kTolerance));
    CHECK(static_cast<double>(again_ps) <= length_ps * (1 + kTolerance) + kCallPs);
  }
  sc_core::sc_start(common::from_ps(1'000'000'000));  // the UARTs send what they hold
  for (std::size_t i = 0; i < kResets; ++i) {
    INFO("reset at " << times_ps[i] << " ps");
    CHECK(bench.texts[i + 1] == bench.texts[0]);
    CHECK(registers_of(*others[i], bench.blocks()) == registers_of(undisturbed, bench.blocks()));
  }
  CHECK_FALSE(bench.texts[0].empty());
}

const test::Tokens kPrompt = {1, 403, 407};

}  // namespace

TEST_CASE("resets at random times: attention on the NPU") {
  Bench bench({kPrompt}, {"policy.placement.attention=npu"});
  reset_at_random_times(bench, 1, 60'000'000);
}

TEST_CASE("resets at random times: attention in the banks") {
  Bench bench({kPrompt}, {"policy.placement.attention=pim"});
  reset_at_random_times(bench, 2, 60'000'000);
}

TEST_CASE("resets at random times: everything in the banks") {
  Bench bench({kPrompt}, {"policy.placement.attention=pim", "policy.placement.linear=pim"});
  reset_at_random_times(bench, 3, 60'000'000);
}

TEST_CASE("resets at random times: several sequences in two halves") {
  Bench bench({kPrompt, {1, 261, 270}, {1, 9, 400, 20, 30}},
              {"policy.max_batch=4", "policy.sub_batches=2", "policy.sub_batch_min=2"});
  reset_at_random_times(bench, 4, 60'000'000);
}

TEST_CASE("resets at random times: drafts ahead of verification") {
  Bench bench({kPrompt}, {"policy.draft.ahead=6", "policy.draft.control=history"});
  reset_at_random_times(bench, 5, 60'000'000);
}

TEST_CASE("resets at random times: a command per layer") {
  Bench bench({kPrompt}, {"policy.granularity=layer"});
  reset_at_random_times(bench, 6, 60'000'000);
}

TEST_CASE("resets at random times: commands of the DRAM, one by one") {
  Bench bench({kPrompt}, {"fidelity=command", "platform.dram.check_timing=true"});
  reset_at_random_times(bench, 7, 60'000'000);
}

TEST_CASE("resets at random times: more requests than the firmware takes at once") {
  Bench bench({kPrompt, {1, 261}, {1, 9, 400}}, {"policy.max_batch=1"});
  reset_at_random_times(bench, 8, 60'000'000);
}
