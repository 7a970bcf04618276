// SPDX-License-Identifier: Apache-2.0
// Wall time of 200 functional tokens of stories260K: build, self-speculative decoding, report. Once
// per process, because a SystemC kernel elaborates once.
#include <benchmark/benchmark.h>

#include <systemc>

#include "system_run.h"

using namespace tandem;

namespace {

constexpr std::uint32_t kTokens = 200;

void story(benchmark::State& state, const char* policy) {
  const auto scenario =
      test::story_scenario({{1}}, kTokens, {std::string("policy.name=") + policy});
  for ([[maybe_unused]] auto _ : state) {
    const platform::RunReport report = test::run(scenario);
    if (!report.complete) state.SkipWithError(report.incomplete_reason.c_str());
  }
  state.counters["tokens"] = kTokens;
}

}  // namespace

// bench_story [POLICY]
int sc_main(int argc, char* argv[]) {
  benchmark::Initialize(&argc, argv);
  const char* policy = argc > 1 ? argv[1] : "self_speculative";
  benchmark::RegisterBenchmark("200_functional_tokens",
                               [&](benchmark::State& s) { story(s, policy); })
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
