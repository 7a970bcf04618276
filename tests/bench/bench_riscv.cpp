// SPDX-License-Identifier: Apache-2.0
// Instructions per second of the RISC-V core, while all else is idle: bench_riscv [PROGRAM], one of
// `additions` and `mixture` of tests/cpu_riscv/programs.S. Once per process, because a SystemC
// kernel elaborates once.
#include <benchmark/benchmark.h>

#include "rig.h"

using namespace tandem;

int sc_main(int argc, char* argv[]) {
  benchmark::Initialize(&argc, argv);
  const std::string program = argc > 1 ? argv[1] : "additions";
  test::HartRig rig(program);
  benchmark::RegisterBenchmark(program.c_str(), [&](benchmark::State& state) {
    const std::uint64_t before = rig.cpu.instructions();
    for ([[maybe_unused]] auto _ : state) sc_core::sc_start(1, sc_core::SC_MS);
    state.counters["instructions"] = benchmark::Counter(
        static_cast<double>(rig.cpu.instructions() - before), benchmark::Counter::kIsRate);
  })->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
