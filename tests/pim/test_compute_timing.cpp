// SPDX-License-Identifier: Apache-2.0
// Commands of computing banks and ordinary ones, each at the earliest cycle that BankTiming gives
// for it, judged by the timing checker.
#include <catch2/catch.hpp>

#include "pim_devices.h"
#include "tandem/memory/bank_timing.h"
#include "tandem/memory/timing_checker.h"

using namespace tandem;
using namespace tandem::test;
using memory::Command;
using memory::CommandKind;
using memory::Cycle;

namespace {

class Commands {
 public:
  Commands(const memory::DeviceConfig& device, const memory::ComputeBanks& banks)
      : timing(device, banks), checker_(device, banks), geometry_(device.geometry) {}

  // Issues the command at `from`, or at the first cycle after the command before. Returns the
  // cycle.
  Cycle issue(CommandKind kind, Cycle from, unsigned bank = 0, std::uint32_t row = 0,
              std::uint16_t count = 1) {
    now_ = std::max(now_ + 1, from);
    Command command;
    command.cycle = now_;
    command.kind = kind;
    command.bank = static_cast<std::uint8_t>(bank);
    command.rank = static_cast<std::uint8_t>(timing.rank_of(bank));
    command.group = static_cast<std::uint8_t>(timing.group_of(bank) % geometry_.bank_groups);
    command.row = row;
    command.count = count;
    timing.issue(command);
    checker_.on_command(command);
    INFO(checker_.report());
    CHECK(checker_.violation_count() == 0);
    return now_;
  }
  // Rows open in the compute buffer of bank 0's group and in the ordinary one of another bank.
  void open(unsigned ordinary_bank) {
    issue(CommandKind::kActivate, timing.activate_from(ordinary_bank), ordinary_bank, 7);
    issue(CommandKind::kGroupActivate, timing.group_activate_from(0), 0, 9);
  }

  memory::BankTiming timing;

 private:
  memory::TimingChecker checker_;
  memory::DeviceGeometry geometry_;
  Cycle now_ = 0;
};

constexpr unsigned kOrdinary = 8;

}  // namespace

TEST_CASE("results wait until the data bus is free of reads and writes") {
  PimSetup setup = neupims(true);
  setup.device.timing.CWL = setup.device.timing.CL;  // else a write's data never come that late
  for (const CommandKind kind : {CommandKind::kRead, CommandKind::kWrite}) {
    Commands commands(setup.device, setup.commands.banks);
    commands.open(kOrdinary);
    const Cycle compute =
        commands.issue(CommandKind::kCompute, commands.timing.compute_from(), 0, 9, 8);
    // Just before the result would be read.
    const Cycle result = commands.timing.result_from();
    REQUIRE(result > compute + 8);
    const bool reads = kind == CommandKind::kRead;
    const Cycle from =
        reads ? commands.timing.read_from(kOrdinary) : commands.timing.write_from(kOrdinary);
    REQUIRE(from < result);
    const Cycle column = commands.issue(kind, result - 1, kOrdinary, 7);
    CHECK(commands.timing.result_from() > result);
    CHECK(commands.issue(CommandKind::kResultRead, commands.timing.result_from()) ==
          column + (reads ? commands.timing.cycles().burst
                          : commands.timing.cycles().write_to_read_other_rank()));
  }
}

TEST_CASE("a composite ends a run, the next result waits for a run of its own") {
  PimSetup setup = neupims(true);
  setup.commands.banks.pipeline_computes = 40;
  Commands commands(setup.device, setup.commands.banks);
  commands.open(kOrdinary);
  const auto next = [&](CommandKind kind, Cycle from) { return commands.issue(kind, from, 0, 9); };
  next(CommandKind::kCompute, commands.timing.compute_from());
  next(CommandKind::kComputeRead, commands.timing.compute_from());
  const Cycle compute = next(CommandKind::kCompute, commands.timing.compute_from());
  CHECK(next(CommandKind::kResultRead, commands.timing.result_from()) ==
        compute + 40 * commands.timing.cycles().CCD_S);
}

TEST_CASE("reads keep the spacing of results, and results their bursts apart") {
  PimSetup setup = neupims(true);
  for (const std::uint32_t spacing : {0u, 50u}) {
    setup.commands.banks.result_spacing = spacing;
    Commands commands(setup.device, setup.commands.banks);
    commands.open(kOrdinary);
    commands.issue(CommandKind::kCompute, commands.timing.compute_from(), 0, 9);
    commands.issue(CommandKind::kResultRead, commands.timing.result_from());
    const Cycle result = commands.issue(CommandKind::kResultRead, commands.timing.result_from());
    const Cycle read =
        commands.issue(CommandKind::kRead, commands.timing.read_from(kOrdinary), kOrdinary, 7);
    CHECK(read >= result + spacing);
  }
}

TEST_CASE("WCK is not synchronised in a change of modes") {
  PimSetup setup = hbm_pim();
  setup.device.timing.tWCKSYNC = 9 * setup.device.timing.tCK;
  setup.device.timing.tWCKIDLE = 20 * setup.device.timing.tCK;
  Commands commands(setup.device, setup.commands.banks);
  const Cycle mode = commands.issue(CommandKind::kMode, 100);
  const Cycle load = commands.timing.buffer_load_from();
  REQUIRE(commands.timing.needs_wck_sync(load));
  // As the scheduler does: so that the data command need not wait.
  commands.issue(CommandKind::kWckSync, load - commands.timing.cycles().WCKSYNC);
  CHECK(commands.issue(CommandKind::kBufferLoad, load) ==
        mode + setup.commands.banks.mode_cycles + 9);
}
