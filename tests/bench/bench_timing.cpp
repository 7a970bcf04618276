// SPDX-License-Identifier: Apache-2.0
// Wall time of timing-only runs of full-size models: build, decode, report. Once per process,
// because a SystemC kernel elaborates once.
#include <benchmark/benchmark.h>

#include <systemc>

#include "system_run.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;

namespace {

void decode(benchmark::State& state, const platform::Scenario& scenario) {
  std::uint64_t steps = 0;
  for ([[maybe_unused]] auto _ : state) {
    const platform::RunReport report = test::run(scenario);
    if (!report.complete) state.SkipWithError(report.incomplete_reason.c_str());
    if (report.serving) steps = report.serving->counters.decode_steps;
  }
  state.counters["steps_per_s"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate);
}

}  // namespace

// bench_timing [SCENARIO [KEY=VALUE...]]; without arguments Llama-2-7B, plain, batch 1.
int sc_main(int argc, char* argv[]) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> overrides = {"policy.name=plain", "run.baseline=none",
                                        "workload.max_tokens=400"};
  if (argc > 1) overrides.assign(argv + 2, argv + argc);
  const char* file = argc > 1 ? argv[1] : TANDEM_SCENARIO_DIR "/llama-2-7b.yaml";
  const platform::Scenario scenario = platform::load_scenario(file, overrides);
  benchmark::RegisterBenchmark("decode", [&](benchmark::State& s) { decode(s, scenario); })
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
