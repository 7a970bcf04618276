// SPDX-License-Identifier: Apache-2.0
#include "pim_work.h"

#include <stdexcept>
#include <utility>

#include "pim_commands.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Kind = pim::BankOperation::Kind;

void check(const DeviceFile& device, const PimProbe& probe, const pim::CommandSetConfig& config) {
  const std::uint64_t columns = device.device.geometry.row_bytes / config.column_bytes;
  if (probe.macs == 0 || probe.composites == 0) {
    throw UserError("--macs and --composites: expected at least 1");
  }
  if (std::uint64_t{probe.macs} * probe.composites > columns) {
    throw UserError("--macs " + std::to_string(probe.macs) + " --composites " +
                    std::to_string(probe.composites) + ": a row of " +
                    printable(device.device.name) + " has " + std::to_string(columns) +
                    " columns; expected macs x composites up to that");
  }
  const unsigned most = device.device.geometry.rows / 4;
  if (probe.writes > most) {
    throw UserError("--writes " + std::to_string(probe.writes) +
                    ": expected up to a quarter of "
                    "the rows, " +
                    std::to_string(most));
  }
}

}  // namespace

std::unique_ptr<pim::PimCommandSet> command_set_of(const DeviceFile& device,
                                                   const PimProbe& probe) {
  const PimDevice& given = device.pim;
  if (given.command_set == PimCommandSet::kNone) {
    throw UserError("device " + printable(device.device.name) +
                        " does not compute: its file has no section 'pim' with a command_set",
                    "hbm2_neupims, gddr6_aim, hbm3_attacc and hbm_pim do");
  }
  pim::CommandSetConfig config;
  config.kind = command_set_kind(given.command_set);
  config.form = probe.commands_of(given) == PimCommands::kRaw ? pim::CommandForm::kRaw
                                                              : pim::CommandForm::kComposite;
  config.banks = given.banks;
  config.banks.dual_row_buffer = probe.row_buffer_of(given) == RowBuffer::kDual;
  config.banks_per_unit = given.banks_per_unit;
  config.clock_period_ps = 1'000'000'000'000 / given.clock_hz;
  config.lanes = {given.lanes.fp16, given.lanes.bf16, given.lanes.int8,      given.lanes.int4,
                  given.lanes.e2m1, given.lanes.e3m0, given.lanes.bsfp_draft};
  config.global_buffer_rows = given.global_buffer_rows;
  config.accumulators_per_bank = given.accumulators_per_bank;
  check(device, probe, config);
  try {
    return pim::make_command_set(config, device.device, device.controller);
  } catch (const std::invalid_argument& error) {
    throw UserError("device " + printable(device.device.name) + ": " + pim_refusal(error.what()));
  }
}

PimWork::PimWork(const pim::PimCommandSet& set, const PimProbe& probe) : set_(set), probe_(probe) {
  if (probe_.tiles != 0) set_.enter(operations_);
  if (probe_.writes != 0) {
    set_.load_vectors(probe_.writes * set_.geometry().row_bytes, operations_);
  }
  count_operations();
}

PimWork::PimWork(const pim::PimCommandSet& set, pim::Operations operations)
    : set_(set), operations_(std::move(operations)) {
  probe_.tiles = 0;
  count_operations();
}

const pim::BankOperation& PimWork::front() {
  if (at_ == operations_.size()) make_tile();
  return operations_[at_];
}

void PimWork::make_tile() {
  operations_.clear();
  at_ = 0;
  pim::Tile tile;
  tile.row = static_cast<std::uint32_t>(tile_ % (set_.geometry().rows / 2));
  tile.columns = probe_.macs * probe_.composites;
  tile.runs = probe_.composites;
  set_.tile(tile, operations_);
  ++tile_;
  if (tile_ == probe_.tiles) set_.leave(operations_);
  count_operations();
}

void PimWork::count_operations() {
  counts_ += pim::count(set_, operations_);
  for (pim::BankOperation& operation : operations_) {
    operation.counted = operation.kind == Kind::kBufferWrite ||
                        operation.kind == Kind::kBufferLoad ||
                        operation.kind == Kind::kComputeRead || operation.kind == Kind::kResultRead;
  }
}

}  // namespace tandem::platform
