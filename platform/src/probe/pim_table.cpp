// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "format.h"
#include "pim_bench.h"
#include "tandem/pim/matrix_plan.h"
#include "tandem/pim/operation_timing.h"
#include "tandem/platform/probe/tables.h"

namespace tandem::platform {
namespace {

// --- Points of a public simulator ------------------------------------------------------------

struct Point {
  RowBuffer row_buffer;
  std::uint64_t tiles;
  std::uint64_t reads;
  std::uint64_t published;  // cycles
};
// NewtonSim of NeuPIMs: one buffer write, tiles of 4 x 8 columns, reads of 64 B beside them.
constexpr Point kPoints[] = {
    {RowBuffer::kDual, 1, 0, 288},       {RowBuffer::kDual, 4, 0, 879},
    {RowBuffer::kDual, 64, 0, 17'246},   {RowBuffer::kDual, 64, 4'000, 17'246},
    {RowBuffer::kSingle, 1, 0, 305},     {RowBuffer::kSingle, 4, 0, 944},
    {RowBuffer::kSingle, 64, 0, 17'358}, {RowBuffer::kSingle, 64, 4'000, 26'043},
};

std::string points() {
  MarkdownTable table({"row buffer", "tiles", "reads", "simulator, cycles", "command, cycles",
                       "difference", "cycles per tile"},
                      1);
  const DeviceFile file = read_named_device({"hbm2_neupims", {}});
  for (const Point& point : kPoints) {
    PimProbe probe;
    probe.row_buffer = point.row_buffer;
    probe.tiles = point.tiles;
    probe.reads = point.reads;
    const PimProbeResult result = probe_pim(file, probe);
    table.add({point.row_buffer == RowBuffer::kDual ? "dual" : "single", grouped(point.tiles),
               grouped(point.reads), grouped(point.published), grouped(result.cycles),
               difference(static_cast<double>(result.cycles), static_cast<double>(point.published)),
               fixed(result.cycles_per_tile, 1)});
  }
  return table.text();
}

// --- GEMVs and attention ---------------------------------------------------------------------

constexpr unsigned kChannels = 32;
constexpr unsigned kHeads = 32;
constexpr unsigned kHeadElements = 128;

struct Work {
  std::string name;
  std::vector<pim::MatrixShape> matrices;  // one after the other
};

pim::MatrixShape matrix(std::uint64_t rows, std::uint64_t columns, std::uint32_t first_row = 0) {
  pim::MatrixShape shape;
  shape.rows = rows;
  shape.columns = columns;
  shape.first_row = first_row;
  return shape;
}

std::vector<Work> works() {
  std::vector<Work> works = {{"GEMV 4096 x 4096", {matrix(4'096 / kChannels, 4'096)}},
                             {"GEMV 4096 x 11008", {matrix(4'096 / kChannels, 11'008)}}};
  for (unsigned context = 128; context <= 4'096; context *= 2) {
    Work scores{"QKᵀ, context " + grouped(context),
                {matrix(context, std::uint64_t{kHeads} * kHeadElements)}};
    scores.matrices[0].dot_elements = kHeadElements;
    works.push_back(std::move(scores));
  }
  for (unsigned context = 128; context <= 4'096; context *= 2) {
    Work values{"SV, context " + grouped(context), {}};
    for (unsigned head = 0; head < kHeads; ++head) {
      values.matrices.push_back(matrix(kHeadElements, context, 64 * head));
    }
    works.push_back(std::move(values));
  }
  return works;
}

struct SetUp {
  const char* name;
  const char* device;
  RowBuffer row_buffer;
};
constexpr SetUp kSetUps[] = {{"NeuPIMs, dual", "hbm2_neupims", RowBuffer::kDual},
                             {"NeuPIMs, single", "hbm2_neupims", RowBuffer::kSingle},
                             {"AiM", "gddr6_aim", RowBuffer::kSingle},
                             {"HBM-PIM", "hbm_pim", RowBuffer::kSingle}};

std::string matrices() {
  MarkdownTable table({"set-up", "work", "command, cycles", "us", "multipliers busy",
                       "transaction, cycles", "to command"},
                      2);
  for (const SetUp& set_up : kSetUps) {
    const DeviceFile file = read_named_device({set_up.device, {}});
    PimProbe probe;
    probe.row_buffer = set_up.row_buffer;
    probe.commands = PimCommands::kComposite;
    probe.macs = 1;
    probe.composites = 1;
    const std::unique_ptr<pim::PimCommandSet> set = command_set_of(file, probe);
    for (const Work& work : works()) {
      pim::Operations operations;
      for (const pim::MatrixShape& shape : work.matrices) {
        pim::plan_matrix(*set, shape, operations);
      }
      pim::OperationTiming timing(file.device, file.controller, set->banks(), set->channel());
      memory::Cycle transaction = 0;
      for (const pim::BankOperation& operation : operations) {
        transaction = std::max(transaction, timing.run(operation));
      }
      PimBench bench(file, *set, false, false);
      PimWork pim_work(*set, std::move(operations));
      StreamingReads no_reads(file, 0);
      bench.run(pim_work, no_reads);
      // The last one is the cycle in which the result is there.
      const auto cycles = static_cast<double>(bench.last_result() + 1);
      const double busy =
          static_cast<double>(bench.computes() * set->banks().compute_spacing) / cycles;
      table.add({set_up.name, work.name, grouped(bench.last_result() + 1),
                 fixed(cycles * static_cast<double>(file.device.timing.tCK) * 1e-6, 2),
                 fixed(100 * busy, 1) + " %", grouped(transaction + 1),
                 difference(static_cast<double>(transaction + 1), cycles)});
    }
  }
  return table.text();
}

}  // namespace

std::string pim_table() {
  return points() + '\n' + matrices();
}

}  // namespace tandem::platform
