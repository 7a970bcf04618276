// SPDX-License-Identifier: Apache-2.0
#include "aim.h"

#include <algorithm>

namespace tandem::pim {

using Kind = BankOperation::Kind;

AimCommandSet::AimCommandSet(const CommandSetConfig& config, const memory::DeviceConfig& device)
    : PimCommandSet(config, device) {}

PimChannel::Config AimCommandSet::channel() const {
  PimChannel::Config config;
  config.precharge_all = true;
  config.refresh_guard = false;
  return config;
}

std::uint64_t AimCommandSet::vector_bytes() const {
  return std::uint64_t{config_.global_buffer_rows} * geometry_.row_bytes;
}

std::uint32_t AimCommandSet::vectors_per_row(std::uint64_t bytes) const {
  const std::uint64_t fitting = std::max<std::uint64_t>(1, vector_bytes() / bytes);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(fitting, config_.accumulators_per_bank));
}

void AimCommandSet::load_vectors(std::uint64_t bytes, Operations& out) const {
  BankOperation load;
  load.kind = Kind::kBufferLoad;
  const std::uint64_t bursts = (bytes + geometry_.burst_bytes() - 1) / geometry_.burst_bytes();
  load.count = static_cast<std::uint32_t>(bursts);
  out.push_back(load);
}

void AimCommandSet::tile(const Tile& tile, Operations& out) const {
  BankOperation operation;
  operation.kind = Kind::kHeader;
  operation.row = tile.row;
  operation.bank_mask = tile.bank_mask;
  operation.count = tile.columns * tile.vectors * repeat(tile.format);
  operation.results = tile.results;
  out.push_back(operation);
  for (std::uint32_t i = 0; i < tile.runs * tile.vectors; ++i) {
    const std::uint32_t run = i / tile.vectors;
    operation.kind = Kind::kCompute;
    operation.count = (tile.columns * (run + 1)) / tile.runs - (tile.columns * run) / tile.runs;
    operation.repeat = static_cast<std::uint16_t>(repeat(tile.format));
    const std::uint32_t commands = config_.form == CommandForm::kRaw ? operation.count : 1;
    operation.count /= commands;
    out.insert(out.end(), commands, operation);
    if (tile.results == 0) continue;
    operation.kind = Kind::kResultRead;
    operation.count = result_bursts(tile);
    operation.repeat = 1;
    out.push_back(operation);
  }
  out.back().last = true;
}

}  // namespace tandem::pim
