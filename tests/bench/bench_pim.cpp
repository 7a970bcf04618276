// SPDX-License-Identifier: Apache-2.0
// A GEMV of 4096 x 4096 FP16 in the banks of 32 channels, time only: every command scheduled
// against the closed forms of transaction fidelity. Items are GEMVs.
#include <benchmark/benchmark.h>

#include "../pim/pim_devices.h"
#include "tandem/pim/matrix_plan.h"
#include "tandem/pim/operation_timing.h"

using namespace tandem;

namespace {

constexpr unsigned kChannels = 32;

pim::Operations operations_of(const pim::PimCommandSet& set) {
  pim::MatrixShape shape;
  shape.rows = 4096 / kChannels;
  shape.columns = 4096;
  pim::Operations operations;
  pim::plan_matrix(set, shape, operations);
  operations.back().counted = true;
  return operations;
}

// Bare channel and agent: a listener that checks would cost as much again.
struct Clients final : memory::CommandChannel::Client, pim::PimChannel::Client {
  void request_done(std::uint64_t, memory::Cycle) override {}
  void operation_done(std::uint64_t, memory::Cycle done) override { end = done; }
  memory::Cycle end = 0;
};

void gemv_commands(benchmark::State& state, const test::PimSetup& setup) {
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  const pim::Operations operations = operations_of(*set);
  memory::Cycle end = 0;
  for (auto _ : state) {
    for (unsigned i = 0; i < kChannels; ++i) {
      Clients clients;
      memory::CommandChannel channel(setup.device, setup.controller, clients, set->banks());
      pim::PimChannel banks(set->channel(), channel, clients);
      for (const pim::BankOperation& operation : operations) banks.submit(operation, 0);
      while (channel.next() != memory::kNoCycle) channel.tick(channel.next());
      end = clients.end;
    }
  }
  state.counters["cycles"] = static_cast<double>(end);
}

void gemv_transactions(benchmark::State& state, const test::PimSetup& setup) {
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  const pim::Operations operations = operations_of(*set);
  memory::Cycle end = 0;
  for (auto _ : state) {
    for (unsigned i = 0; i < kChannels; ++i) {
      pim::OperationTiming timing(setup.device, setup.controller, set->banks(), set->channel());
      for (const pim::BankOperation& operation : operations) end = timing.run(operation);
    }
  }
  state.counters["cycles"] = static_cast<double>(end);
}

BENCHMARK_CAPTURE(gemv_commands, neupims, test::neupims(true));
BENCHMARK_CAPTURE(gemv_transactions, neupims, test::neupims(true));
BENCHMARK_CAPTURE(gemv_commands, aim, test::aim());
BENCHMARK_CAPTURE(gemv_transactions, aim, test::aim());

}  // namespace

int sc_main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
