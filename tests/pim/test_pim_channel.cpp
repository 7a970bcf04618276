// SPDX-License-Identifier: Apache-2.0
// PIM operations command by command: figures of public simulators, and the rules of a group.
#include <catch2/catch.hpp>

#include "channel_run.h"
#include "pim_devices.h"

using namespace tandem;
using namespace tandem::test;
using memory::CommandKind;

namespace {

pim::Operations tiles(const pim::PimCommandSet& set, unsigned count, pim::Tile tile = {}) {
  pim::Operations operations;
  set.load_vectors(set.geometry().row_bytes, operations);
  for (unsigned i = 0; i < count; ++i) {
    tile.row = i;
    set.tile(tile, operations);
  }
  return operations;
}

ChannelRun::Result run(const PimSetup& setup, const pim::PimCommandSet& set,
                       const pim::Operations& operations, std::size_t reads = 0) {
  ChannelRun channel(setup.device, setup.controller, set.banks(), set.channel());
  ChannelRun::Result result = channel.run(operations, reads);
  INFO(result.report);
  CHECK(result.violations == 0);
  return result;
}

ChannelRun::Result run_tiles(const PimSetup& setup, unsigned count, const pim::Tile& tile,
                             std::size_t reads = 0) {
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  return run(setup, *set, tiles(*set, count, tile), reads);
}

// 32 KiB: 32 columns of 32 banks, in four runs of eight.
pim::Tile neupims_tile() {
  pim::Tile tile;
  tile.columns = 32;
  tile.runs = 4;
  return tile;
}

}  // namespace

TEST_CASE("NeuPIMs takes the cycles of its public simulator") {
  struct Point {
    bool dual;
    unsigned tiles;
    std::size_t reads;
    memory::Cycle cycles;  // of NewtonSim, until both sides are done
    memory::Cycle tolerance;
  };
  const Point points[] = {
      {true, 1, 0, 288, 0},         {true, 4, 0, 879, 0},
      {true, 64, 0, 17'246, 0},     {false, 1, 0, 305, 0},
      {false, 4, 0, 944, 0},        {false, 64, 0, 17'358, 0},
      {true, 64, 4'000, 17'246, 0}, {false, 64, 4'000, 26'043, 26'043 / 50},
  };
  for (const Point& point : points) {
    const ChannelRun::Result result =
        run_tiles(neupims(point.dual), point.tiles, neupims_tile(), point.reads);
    INFO((point.dual ? "dual " : "single ")
         << point.tiles << " tiles, " << point.reads << " reads");
    // The last cycle counts, too.
    const memory::Cycle cycles = std::max(result.pim, result.reads) + 1;
    CHECK(cycles + point.tolerance >= point.cycles);
    CHECK(cycles <= point.cycles + point.tolerance);
  }
}

TEST_CASE("raw commands of dual row buffers read results one by one") {
  PimSetup setup = neupims(true);
  const ChannelRun::Result composite = run_tiles(setup, 4, neupims_tile());
  setup.commands.form = pim::CommandForm::kRaw;
  const ChannelRun::Result raw = run_tiles(setup, 4, neupims_tile());
  CHECK(composite.of(CommandKind::kComputeRead) == 16);
  CHECK(composite.of(CommandKind::kCompute) == 0);
  CHECK(raw.of(CommandKind::kComputeRead) == 0);
  CHECK(raw.of(CommandKind::kCompute) == 128);
  CHECK(raw.of(CommandKind::kResultRead) == 16);
  CHECK(raw.pim > composite.pim);
  CHECK(raw.pim < composite.pim + 4 * 20);
}

TEST_CASE("a partial tile opens only the groups with its banks") {
  pim::Tile tile = neupims_tile();
  tile.bank_mask = 0b1'0000'0011;  // banks 0, 1 and 8: groups 0 and 2
  const ChannelRun::Result result = run_tiles(neupims(true), 3, tile);
  CHECK(result.of(CommandKind::kGroupActivate) == 3 * 2);
  CHECK(result.of(CommandKind::kComputePrecharge) == 2 * 8);
  CHECK(result.pim < run_tiles(neupims(true), 3, neupims_tile()).pim);
}

TEST_CASE("a group whose rows are open opens nothing") {
  const PimSetup setup = neupims(true);
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  pim::Operations operations;
  pim::Tile tile = neupims_tile();
  tile.bank_mask = 0xF;
  for (unsigned i = 0; i < 3; ++i) set->tile(tile, operations);
  tile.bank_mask = 0xFF;  // one more group
  set->tile(tile, operations);
  const ChannelRun::Result result = run(setup, *set, operations);
  CHECK(result.of(CommandKind::kGroupActivate) == 2);
  CHECK(result.of(CommandKind::kComputePrecharge) == 0);
}

TEST_CASE("a refresh guard keeps groups whole, without it refresh divides them") {
  // NeuPIMs: every group opens its eight bank groups once, whatever refresh does. The rank that is
  // not refreshed may keep its rows.
  const ChannelRun::Result guarded = run_tiles(neupims(true), 64, neupims_tile());
  CHECK(guarded.of(CommandKind::kRefresh) == guarded.pim / 1'950);
  CHECK(guarded.of(CommandKind::kGroupActivate) == 64 * 8);
  // AiM: rows are opened again when a refresh fell into their tile.
  pim::Tile tile;
  tile.columns = 64;
  const ChannelRun::Result divided = run_tiles(aim(), 64, tile);
  CHECK(divided.of(CommandKind::kRefresh) == divided.pim / 3'333);
  CHECK(divided.of(CommandKind::kGroupActivate) > 64);
  CHECK(divided.of(CommandKind::kGroupActivate) <= 64 + divided.of(CommandKind::kRefresh));
  CHECK(divided.of(CommandKind::kCompute) == 64 * 64);
}

TEST_CASE("groups too long for the time between refreshes are divided") {
  pim::Tile tile = neupims_tile();
  tile.vectors = 16;  // 1,152 cycles of computing
  const PimSetup setup = neupims(true);
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  const pim::Operations operations = tiles(*set, 4, tile);
  const ChannelRun::Result result = run(setup, *set, operations);
  CHECK(result.pim != memory::kNoCycle);
  CHECK(result.of(CommandKind::kComputeRead) == 4 * 4 * 16);
  // Vectors share the open row: no more activates than one refresh per interval adds.
  CHECK(result.of(CommandKind::kGroupActivate) <= 8 * (4 + 2 * result.of(CommandKind::kRefresh)));
}

TEST_CASE("ordinary requests wait outside of PIM mode") {
  const PimSetup setup = hbm_pim();
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  pim::Operations operations;
  set->enter(operations);
  pim::Tile tile;
  tile.columns = 32;
  tile.runs = 4;
  for (unsigned i = 0; i < 4; ++i) {
    tile.row = i;
    set->tile(tile, operations);
  }
  set->leave(operations);
  ChannelRun alone(setup.device, setup.controller, set->banks(), set->channel());
  ChannelRun both(setup.device, setup.controller, set->banks(), set->channel());
  const ChannelRun::Result without = alone.run(operations);
  const ChannelRun::Result with = both.run(operations, 1'000, 8'000);
  CHECK(with.of(CommandKind::kMode) == 2);
  CHECK(with.violations == 0);
  CHECK(with.reads > with.pim);
  CHECK(with.pim < without.pim + 1'000);
}

TEST_CASE("a reset forgets operations") {
  const PimSetup setup = neupims(false);
  struct Client : memory::CommandChannel::Client, pim::PimChannel::Client {
    virtual ~Client() = default;
    void request_done(std::uint64_t, memory::Cycle) override {}
    void operation_done(std::uint64_t, memory::Cycle) override { ++done; }
    unsigned done = 0;
  } client;
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  memory::CommandChannel channel(setup.device, setup.controller, client, set->banks());
  pim::PimChannel pim(set->channel(), channel, client);
  pim::Operations operations = tiles(*set, 1, neupims_tile());
  for (pim::BankOperation& operation : operations) {
    operation.counted = true;
    pim.submit(operation, 0);
  }
  for (memory::Cycle now = 0; now < 150; ++now) channel.tick(now);
  CHECK(pim.queued() > 0);
  pim.reset();
  channel.reset(150);
  CHECK(pim.queued() == 0);
  CHECK(pim.idle());
  client.done = 0;
  for (pim::BankOperation& operation : operations) pim.submit(operation, 150);
  for (memory::Cycle now = 150; now < 150 + 400; ++now) channel.tick(now);
  CHECK(client.done == operations.size());
}
