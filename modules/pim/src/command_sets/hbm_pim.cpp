// SPDX-License-Identifier: Apache-2.0
#include "hbm_pim.h"

#include <algorithm>

namespace tandem::pim {

using Kind = BankOperation::Kind;

HbmPimCommandSet::HbmPimCommandSet(const CommandSetConfig& config,
                                   const memory::DeviceConfig& device)
    : PimCommandSet(config, device) {
  // Broadcast writes and reads reach every bank group: the long distances hold between them.
  config_.banks.load_spacing = static_cast<std::uint32_t>(timing_.CCD_L);
  config_.banks.load_to_compute = static_cast<std::uint32_t>(timing_.WTR_L);
}

PimChannel::Config HbmPimCommandSet::channel() const {
  PimChannel::Config config;
  config.precharge_all = true;
  config.refresh_guard = false;
  return config;
}

std::uint64_t HbmPimCommandSet::vector_bytes() const {
  return std::uint64_t{kVectorRegisters} * config_.column_bytes;
}

std::uint32_t HbmPimCommandSet::vectors_per_row(std::uint64_t) const {
  return std::max(1u, config_.accumulators_per_bank / config_.banks_per_unit);
}

// Pieces of the vector that fill the registers; each is multiplied with its columns of every run,
// of the even banks, then of the odd ones.
void HbmPimCommandSet::tile(const Tile& tile, Operations& out) const {
  BankOperation operation;
  operation.kind = Kind::kHeader;
  operation.row = tile.row;
  operation.bank_mask = tile.bank_mask;
  out.push_back(operation);

  std::uint32_t turns = 0;
  for (std::uint32_t turn = 0; turn < config_.banks_per_unit; ++turn) {
    std::uint64_t banks = 0;
    for (std::uint32_t bank = turn; bank < geometry_.banks(); bank += config_.banks_per_unit) {
      banks |= std::uint64_t{1} << bank;
    }
    if (tile.bank_mask == 0 || (tile.bank_mask & banks) != 0) ++turns;
  }
  const std::uint32_t registers =
      std::max(1u, vector_bytes_per_column(tile.format) / config_.column_bytes);
  const std::uint32_t piece = std::max(1u, kVectorRegisters / registers);
  const std::uint32_t run_columns = (tile.columns + tile.runs - 1) / tile.runs;
  for (std::uint32_t vector = 0; vector < tile.vectors; ++vector) {
    std::uint32_t left = tile.columns;  // of all runs
    for (std::uint32_t at = 0; at < run_columns; at += piece) {
      const std::uint32_t columns = std::min(piece, run_columns - at);
      operation.kind = Kind::kBufferLoad;
      operation.count = columns * registers;
      operation.repeat = 1;
      out.push_back(operation);
      const std::uint32_t all = std::min(left, columns * tile.runs);
      left -= all;
      if (all == 0) continue;
      operation.kind = Kind::kCompute;
      operation.count = all;
      operation.repeat = static_cast<std::uint16_t>(repeat(tile.format));
      out.insert(out.end(), turns, operation);
    }
  }
  if (tile.results != 0) results(tile, turns, out);
  out.back().last = true;
}

// Every register goes to the banks with one broadcast command and out of the units with a burst
// each: its 16 partial sums are added outside.
void HbmPimCommandSet::results(const Tile& tile, std::uint32_t turns, Operations& out) const {
  const std::uint32_t units = std::max(1u, banks_of(tile) / turns);
  BankOperation read;
  read.kind = Kind::kResultRead;
  read.row = tile.row;
  read.bank_mask = tile.bank_mask;
  read.count = tile.results * turns * (1 + units);
  out.push_back(read);
}

}  // namespace tandem::pim
