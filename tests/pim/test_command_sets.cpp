// SPDX-License-Identifier: Apache-2.0
// Both fidelities of the command sets on whole GEMVs and attention, and the bounds of the devices.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "channel_run.h"
#include "pim_devices.h"
#include "tandem/pim/matrix_plan.h"
#include "tandem/pim/operation_timing.h"

using namespace tandem;
using namespace tandem::test;
using memory::CommandKind;
using memory::Cycle;

namespace {

struct Work {
  std::string name;
  std::vector<pim::MatrixShape> matrices;
};

struct Measured {
  Cycle command;
  Cycle transaction;
  pim::PlanCounts counts;
  ChannelRun::Result run;
};

constexpr unsigned kChannels = 32;
constexpr unsigned kHeads = 32;
constexpr unsigned kHeadElements = 128;

pim::MatrixShape matrix(std::uint64_t rows, std::uint64_t columns, std::uint32_t first_row = 0) {
  pim::MatrixShape shape;
  shape.rows = rows;
  shape.columns = columns;
  shape.first_row = first_row;
  return shape;
}

// The share of one of 32 channels; attention of one request lies in one channel, as in NeuPIMs.
std::vector<Work> works() {
  std::vector<Work> works = {
      {"GEMV 4096 x 4096", {matrix(4'096 / kChannels, 4'096)}},
      {"GEMV 4096 x 11008", {matrix(4'096 / kChannels, 11'008)}},
      {"GEMV 11008 x 4096", {matrix(11'008 / kChannels, 4'096)}},
      {"GEMV 4096 x 4096, one channel", {matrix(4'096, 4'096)}},
  };
  for (const unsigned context : {128u, 256u, 512u, 1'024u, 2'048u, 4'096u}) {
    Work scores{"QK^T " + std::to_string(context), {matrix(context, kHeads * kHeadElements)}};
    scores.matrices[0].dot_elements = kHeadElements;
    works.push_back(scores);
    Work values{"SV " + std::to_string(context), {}};
    for (unsigned head = 0; head < kHeads; ++head) {
      values.matrices.push_back(matrix(kHeadElements, context, 64 * head));
    }
    works.push_back(values);
  }
  return works;
}

Measured measure(const PimSetup& setup, const std::vector<pim::MatrixShape>& matrices) {
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  pim::Operations operations;
  for (const pim::MatrixShape& shape : matrices) pim::plan_matrix(*set, shape, operations);
  ChannelRun channel(setup.device, setup.controller, set->banks(), set->channel());
  Measured measured;
  measured.run = channel.run(operations);
  measured.command = measured.run.pim;
  measured.counts = pim::count(*set, operations);
  pim::OperationTiming timing(setup.device, setup.controller, set->banks(), set->channel());
  measured.transaction = 0;
  for (const pim::BankOperation& operation : operations) {
    measured.transaction = std::max(measured.transaction, timing.run(operation));
  }
  return measured;
}

// What the multipliers need for all columns, refresh apart.
Cycle compute_bound(const PimSetup& setup, const pim::PlanCounts& counts) {
  const unsigned together = setup.device.geometry.banks() / setup.commands.banks_per_unit;
  return counts.columns / together * setup.commands.banks.compute_spacing;
}

// What the banks take for computing, opening rows, filling the global buffer and, if wanted, for
// refresh on the average; modules/pim/README.md has the terms.
double aim_bound(const PimSetup& setup, const Work& work, bool refresh) {
  const memory::CycleTiming t(setup.device);
  const memory::ComputeBanks& b = setup.commands.banks;
  const double opening = b.compute_to_precharge + static_cast<double>(t.RP) + b.activate_to_compute;
  double filling = 0, openings = 0, computing = 0;
  for (const pim::MatrixShape& shape : work.matrices) {
    const std::uint64_t bank_rows = (shape.rows + 15) / 16;
    const std::uint64_t segments = (shape.columns + 1'023) / 1'024;
    for (std::uint64_t s = 0; s < segments; ++s) {
      const std::uint64_t elements = std::min<std::uint64_t>(1'024, shape.columns - s * 1'024);
      const std::uint64_t dots =
          shape.dot_elements == 0 ? 1 : (elements + shape.dot_elements - 1) / shape.dot_elements;
      // As many weight rows to a DRAM row as the longest segment leaves room for.
      const std::uint64_t longest = std::min<std::uint64_t>(1'024, shape.columns);
      const std::uint64_t rows_per_tile = std::min(1'024 / longest, bank_rows);
      const std::uint64_t tiles = (bank_rows + rows_per_tile - 1) / rows_per_tile;
      const double columns = static_cast<double>(bank_rows * ((elements + 15) / 16));
      const double results = static_cast<double>(bank_rows * dots);
      computing += columns * b.compute_spacing + results * b.result_spacing;
      openings += static_cast<double>(tiles) * opening;
      filling += static_cast<double>((elements + 15) / 16 * t.burst);
      // Modes change around a matrix; else the data bus turns from results to vectors.
      filling += s == 0 ? 2.0 * b.mode_cycles
                        : static_cast<double>(t.read_to_write()) - b.compute_to_precharge;
    }
  }
  // The first row follows no other one.
  const double busy = filling + openings + computing - b.compute_to_precharge;
  if (!refresh) return busy - static_cast<double>(t.RP);
  // A refresh goes on beside buffer writes; between tiles it costs its own length; in the midst of
  // computing it also shuts the row, which is opened again.
  const double lost =
      static_cast<double>(t.RFC) * (openings + computing) / busy + opening * computing / busy;
  double total = busy;
  for (Cycle due = t.REFI; static_cast<double>(due) < total; due += t.REFI) total += lost;
  return total;
}

}  // namespace

TEST_CASE("transaction fidelity is within 5 % of the commands, and both above the bound") {
  const std::vector<PimSetup> setups = {neupims(true), neupims(false), aim(), hbm_pim()};
  for (const PimSetup& setup : setups) {
    for (const Work& work : works()) {
      const Measured measured = measure(setup, work.matrices);
      INFO(setup.name << ", " << work.name << ": " << measured.command << " cycles by commands, "
                      << measured.transaction << " by sums\n"
                      << measured.run.report);
      CHECK(measured.run.violations == 0);
      const double ratio =
          static_cast<double>(measured.transaction) / static_cast<double>(measured.command);
      CHECK(ratio > 0.95);
      CHECK(ratio < 1.05);
      const Cycle bound = compute_bound(setup, measured.counts);
      CHECK(measured.command >= bound);
      CHECK(measured.transaction >= bound);
    }
  }
}

TEST_CASE("AiM comes within 2 % of its internal bandwidth") {
  const PimSetup setup = aim();
  for (const Work& work : works()) {
    const Measured measured = measure(setup, work.matrices);
    const auto cycles = static_cast<double>(measured.command);
    const double ratio = cycles / aim_bound(setup, work, true);
    INFO(work.name << ": " << measured.command << " cycles, " << ratio << " of the bound");
    CHECK(cycles >= aim_bound(setup, work, false));
    CHECK(ratio > 0.98);
    CHECK(ratio < 1.02);
  }
}

TEST_CASE("a tile takes the cycles that the README adds up") {
  // NeuPIMs: precharges, activates, computes of a tile that follows another one.
  PimSetup setup = neupims(true);
  setup.device.timing.tREFI = 0;
  const auto cycles = [&setup](std::uint64_t rows) { return measure(setup, {matrix(rows, 512)}); };
  const Measured one = cycles(32), nine = cycles(288);
  CHECK(one.command == 16 + 96 + 91 + 14 + 3 * 18 + 16);
  CHECK((nine.command - one.command) / 8 == 5 + 32 + 1 + 91 + 14 + 3 * 18);
  CHECK((nine.transaction - one.transaction) / 8 == 5 + 32 + 1 + 91 + 14 + 3 * 18);

  setup = aim();
  setup.device.timing.tREFI = 0;
  const auto aim_cycles = [&setup](std::uint64_t rows) {
    return measure(setup, {matrix(rows, 1'024)});
  };
  const Measured first = aim_cycles(16), more = aim_cycles(std::uint64_t{16} * 9);
  CHECK((more.command - first.command) / 8 == 64 * 2 + 12 + 32 + 56);

  setup = hbm_pim();
  setup.device.timing.tREFI = 0;
  const Measured one_piece = measure(setup, {matrix(64, 128)});
  const Measured nine_pieces = measure(setup, {matrix(64, std::uint64_t{9} * 128)});
  CHECK((nine_pieces.command - one_piece.command) / 8 == 16 + 7 * 4 + 8 + 2 + 9 + 63 * 4);
}

TEST_CASE("a draft GEMV opens a quarter of the rows and computes as its lanes allow") {
  for (PimSetup setup : {neupims(true), aim(), hbm_pim()}) {
    INFO(setup.name);
    pim::MatrixShape full = matrix(2'048, 4'096);
    pim::MatrixShape draft = full;
    draft.format = abi::Format::kBsfpEDraft;
    const Measured of_full = measure(setup, {full});
    const Measured of_draft = measure(setup, {draft});
    setup.commands.lanes.bsfp_draft = 64;
    const Measured of_wide = measure(setup, {draft});
    CHECK(of_draft.counts.activations * 4 == of_full.counts.activations);
    CHECK(of_draft.counts.columns * 4 == of_full.counts.columns);
    CHECK(of_wide.counts.activations == of_draft.counts.activations);
    // A column of 64 weights takes 16 lanes four clocks.
    const auto computes = [](const Measured& m) {
      return m.run.of(CommandKind::kCompute) + m.run.of(CommandKind::kComputeRead);
    };
    CHECK(computes(of_draft) > 0);
    CHECK(of_draft.command < of_full.command);
    CHECK(of_wide.command < of_draft.command);
    // All of the lanes' time, or more.
    const unsigned together = setup.device.geometry.banks() / setup.commands.banks_per_unit;
    const std::uint64_t clocks = of_draft.counts.columns / together * 4;
    const std::uint64_t clock_cycles = setup.commands.clock_period_ps / setup.device.timing.tCK;
    CHECK(of_draft.command >= clocks * clock_cycles);
  }
}

TEST_CASE("vectors share an open row as far as buffer and accumulators reach") {
  struct Case {
    std::uint32_t buffer_rows, accumulators;
    std::uint64_t passes;
  };
  for (const Case& c :
       {Case{1, 1, 4}, Case{4, 1, 4}, Case{1, 4, 4}, Case{2, 4, 2}, Case{4, 4, 1}}) {
    PimSetup setup = aim();
    setup.commands.global_buffer_rows = c.buffer_rows;
    setup.commands.accumulators_per_bank = c.accumulators;
    pim::MatrixShape shape = matrix(160, 2'048);
    const Measured one = measure(setup, {shape});
    shape.vectors = 4;
    const Measured four = measure(setup, {shape});
    INFO("buffer rows " << c.buffer_rows << ", accumulators " << c.accumulators);
    CHECK(four.counts.activations == c.passes * one.counts.activations);
    CHECK(four.counts.columns == 4 * one.counts.columns);
    CHECK(four.run.of(CommandKind::kCompute) == 4 * one.run.of(CommandKind::kCompute));
    CHECK(four.counts.buffer_loads == 4 * one.counts.buffer_loads);
    CHECK(four.counts.result_reads == 4 * one.counts.result_reads);
  }
}

TEST_CASE("HBM-PIM works on even and odd banks in turn, with vectors in eight registers") {
  const PimSetup setup = hbm_pim();
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  pim::Tile tile;
  tile.columns = 32;
  tile.runs = 4;  // 128 elements of four weight rows
  tile.results = 4;
  pim::Operations operations;
  set->tile(tile, operations);
  ChannelRun channel(setup.device, setup.controller, set->banks(), set->channel());
  const ChannelRun::Result result = channel.run(operations);
  CHECK(result.of(CommandKind::kBufferLoad) == 8);
  CHECK(result.of(CommandKind::kCompute) == 2 * 32);
  CHECK(result.of(CommandKind::kResultRead) == 2 * 4 * (1 + 8));
  CHECK(result.of(CommandKind::kGroupActivate) == 1);
  // One weight row instead of four fills the registers four times.
  tile.runs = 1;
  tile.results = 0;
  operations.clear();
  set->tile(tile, operations);
  CHECK(pim::count(*set, operations).buffer_loads == 32);
  CHECK(pim::count(*set, operations).columns == 16 * 32);
  // Even banks only: no second turn.
  tile.bank_mask = 0x5555;
  operations.clear();
  set->tile(tile, operations);
  CHECK(pim::count(*set, operations).columns == 8 * 32);
}

TEST_CASE("command sets refuse what they cannot command") {
  const auto refused = [](const PimSetup& setup) {
    CHECK_THROWS_AS(pim::make_command_set(setup.commands, setup.device, setup.controller),
                    std::invalid_argument);
  };
  PimSetup setup = aim();
  setup.commands.banks.dual_row_buffer = true;
  refused(setup);
  setup = aim();
  setup.commands.banks.compute_spacing = 0;
  refused(setup);
  setup = neupims(true);
  setup.commands.banks.banks_per_activate = 3;
  refused(setup);
  setup = neupims(true);
  setup.commands.column_bytes = 48;
  refused(setup);
  // No group ever ends before a refresh of the channel that comes every 121 cycles.
  setup = neupims(true);
  setup.controller.refresh = memory::RefreshMode::kPerBank;
  refused(setup);
}

TEST_CASE("a long wait leaves a channel as many short ones do") {
  for (const PimSetup& setup : {neupims(true), neupims(false), aim(), hbm_pim()}) {
    for (const bool per_bank : {false, true}) {
      memory::ControllerConfig controller = setup.controller;
      memory::DeviceConfig device = setup.device;
      if (per_bank) {
        controller.refresh = memory::RefreshMode::kPerBank;
        device.timing.tRFCpb = device.timing.tRFC / 4;
        device.timing.tREFI *= 16;  // a group fits between two of them
      }
      const auto set = pim::make_command_set(setup.commands, device, controller);
      pim::Operations operations;
      pim::plan_matrix(*set, matrix(64, 4'096), operations);
      for (const Cycle wait : {Cycle{9'001}, Cycle{40'000}, Cycle{1'234'567}, Cycle{98'765'432}}) {
        CAPTURE(setup.name, per_bank, wait);
        pim::OperationTiming stepped(device, controller, set->banks(), set->channel());
        for (const pim::BankOperation& operation : operations) stepped.run(operation);
        pim::OperationTiming jumped = stepped;
        for (Cycle now = stepped.now(); now < wait; now += 97) stepped.wait_until(now);
        stepped.wait_until(wait);
        jumped.wait_until(wait);
        for (const pim::BankOperation& operation : operations) {
          REQUIRE(jumped.run(operation) == stepped.run(operation));
        }
        CHECK(jumped.now() == stepped.now());
      }
    }
  }
}

TEST_CASE("the slowest clock that is allowed still comes to an end") {
  for (PimSetup setup : {neupims(true), neupims(false), aim(), hbm_pim()}) {
    for (const bool refresh : {true, false}) {
      if (!refresh) setup.device.timing.tREFI = 0;
      const auto allowed = [&setup](std::uint64_t period_ps) {
        setup.commands.clock_period_ps = period_ps;
        try {
          setup.commands.validate(setup.device, setup.controller);
        } catch (const std::invalid_argument&) {
          return false;
        }
        return true;
      };
      std::uint64_t slowest = 1'000, refused = 1'000'000'000'000;
      while (refused - slowest > 1) {
        const std::uint64_t middle = (slowest + refused) / 2;
        (allowed(middle) ? slowest : refused) = middle;
      }
      REQUIRE(allowed(slowest));
      REQUIRE(!allowed(slowest + 1));
      REQUIRE(allowed(slowest));
      pim::MatrixShape shape = matrix(64, 256);
      shape.format = abi::Format::kBsfpEDraft;
      INFO(setup.name << ", refresh " << refresh << ", " << slowest << " ps");
      const Measured measured = measure(setup, {shape});
      CHECK(measured.run.report.empty());
      REQUIRE(measured.command != memory::kNoCycle);
      // Every column takes what its multipliers need, whatever the command says in 16 bits.
      const unsigned together = setup.device.geometry.banks() / setup.commands.banks_per_unit;
      const std::uint64_t columns = measured.counts.columns / together;
      const std::uint64_t cycles = 4 * slowest / setup.device.timing.tCK;
      CHECK(measured.command >= (columns - 1) * cycles);
      CHECK(measured.transaction >= (columns - 1) * cycles);
    }
  }
}
