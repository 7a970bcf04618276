// SPDX-License-Identifier: Apache-2.0
// A thousand runs with faults drawn by seed: every request is answered as it should be or fails
// with a status, what came before is right, and nothing hangs. Fifty runs share a process.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <systemc>

#include "soc.h"
#include "system_run.h"
#include "tandem/common/systemc.h"

namespace tandem::test {
namespace {

// Of a process. Instrumented code is slow: there it is a sample, and all with -DTANDEM_ALL_RUNS.
#if defined(__SANITIZE_ADDRESS__) && !defined(TANDEM_ALL_RUNS)
constexpr unsigned kRuns = 8;
#else
constexpr unsigned kRuns = 50;
#endif
constexpr std::uint32_t kTokens = 6;
constexpr std::uint64_t kLimitPs = 2'000'000'000'000;  // far beyond all timeouts
const std::vector<Tokens> kPrompts = {{1}, {1, 403, 407}};

// What runs of a process have in common, by its number.
const std::vector<std::string>& ways(unsigned process) {
  static const std::vector<std::vector<std::string>> kWays = {
      {"policy.name=plain", "platform.pim.enabled=false"},
      {"platform.pim.enabled=false"},
      {"policy.granularity=layer", "platform.pim.enabled=false"},
      {"policy.draft.ahead=4", "policy.draft.control=history", "policy.draft.pre_verify=true",
       "platform.pim.enabled=false"},
      {"policy.sub_batches=2", "policy.sub_batch_min=2", "platform.pim.enabled=false"},
      {},  // attention may be in the memory
  };
  return kWays[process % kWays.size()];
}

platform::Scenario drawn(unsigned process, unsigned run) {
  std::vector<std::string> settings = ways(process);
  const std::string number = std::to_string(1 + run % 6);
  const std::string seed = std::to_string(process * kRuns + run);
  settings.insert(
      settings.end(),
      {"platform.cpu.command_timeout=3 ms", "workload.stop_at_eos=false",
       "faults={random: {number: " + number + ", seed: " + seed + ", within: 300 us}}"});
  return story_scenario(kPrompts, kTokens, settings);
}

bool starts_with(const Tokens& whole, const Tokens& part) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

struct Tally {
  unsigned answered = 0, failed = 0, stopped = 0;
};

// True when something is wrong with what a request was told.
bool is_wrong(const platform::RequestLog& log, const Tokens& right, Tally& tally) {
  if (!log.ended) {
    ++tally.stopped;
  } else if (log.answered()) {
    ++tally.answered;
    return log.tokens != right;
  } else {
    ++tally.failed;
  }
  return !starts_with(right, log.tokens);
}

void run_process(unsigned process) {
  std::vector<platform::Scenario> scenarios;
  for (unsigned run = 0; run < kRuns; ++run) scenarios.push_back(drawn(process, run));
  const platform::LoadedModel model =
      platform::load_model(scenarios[0].model, scenarios[0].execution);
  const platform::RequestList requests(scenarios[0], model.tokenizer_or_null(), model.shape);
  std::vector<std::unique_ptr<platform::Soc>> socs;
  const auto pause_at_end = [&socs] {
    if (std::all_of(socs.begin(), socs.end(), [](const auto& soc) { return soc->ended(); })) {
      sc_core::sc_pause();
    }
  };
  const auto setup_of = [&](const platform::Scenario& scenario) {
    platform::Soc::Setup setup{scenario, scenario.policy, model, requests};
    setup.faults = true;
    setup.echo = true;
    return setup;
  };
  const platform::BootImage image = platform::make_boot_image(setup_of(scenarios[0]));
  for (const platform::Scenario& scenario : scenarios) {
    platform::Soc::Setup setup = setup_of(scenario);
    setup.image = &image;
    const std::string name = "soc" + std::to_string(socs.size());
    socs.push_back(std::make_unique<platform::Soc>(name.c_str(), setup,
                                                   platform::Soc::Listener{nullptr, pause_at_end}));
  }
  sc_core::sc_start(common::from_ps(kLimitPs), sc_core::SC_EXIT_ON_STARVATION);

  const std::vector<Tokens> right = reference_answers(kPrompts, kTokens);
  Tally tally;
  std::size_t injected = 0;
  for (unsigned run = 0; run < kRuns; ++run) {
    INFO("seed " << process * kRuns + run);
    const platform::Soc& soc = *socs[run];
    CHECK(soc.ended());  // else it hangs
    CHECK(soc.transcript().violation().empty());
    for (std::size_t i = 0; i < kPrompts.size(); ++i) {
      CHECK_FALSE(is_wrong(soc.transcript().requests()[i], right[i], tally));
    }
    injected += soc.outcome("").faults->injected.size();
  }
  WARN("process " << process << ": " << injected << " faults, " << tally.answered << " answered, "
                  << tally.failed << " failed, " << tally.stopped << " without firmware");
  CHECK(injected > kRuns);
  CHECK(tally.answered > kRuns / 2);
}

}  // namespace

TEMPLATE_TEST_CASE_SIG("no drawn faults give a wrong token or hang", "",
                       ((unsigned process), process), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                       14, 15, 16, 17, 18, 19) {
  run_process(process);
}

}  // namespace tandem::test
