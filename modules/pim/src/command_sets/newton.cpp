// SPDX-License-Identifier: Apache-2.0
#include "newton.h"

#include <algorithm>

#include "interval.h"

namespace tandem::pim {

using memory::Cycle;
using Kind = BankOperation::Kind;

NewtonCommandSet::NewtonCommandSet(const CommandSetConfig& config,
                                   const memory::DeviceConfig& device,
                                   const memory::ControllerConfig& controller)
    : PimCommandSet(config, device) {
  group_cycles_ = cycles_between_refreshes(config, device, controller);
}

std::uint64_t NewtonCommandSet::vector_bytes() const {
  return std::uint64_t{config_.global_buffer_rows} * geometry_.row_bytes;
}

std::uint32_t NewtonCommandSet::vectors_per_row(std::uint64_t bytes) const {
  const std::uint64_t fitting = std::max<std::uint64_t>(1, vector_bytes() / bytes);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(fitting, config_.accumulators_per_bank));
}

std::uint32_t NewtonCommandSet::run_columns(abi::Format format) const {
  if (!composite()) return ~std::uint32_t{0};
  return std::max(1u, kRunComputes / repeat(format));
}

// The vectors lie in the last rows of bank 0.
void NewtonCommandSet::load_vectors(std::uint64_t bytes, Operations& out) const {
  const std::uint64_t rows = (bytes + geometry_.row_bytes - 1) / geometry_.row_bytes;
  for (std::uint64_t i = 0; i < rows; ++i) {
    BankOperation write;
    write.kind = Kind::kBufferWrite;
    write.row = static_cast<std::uint32_t>(geometry_.rows - 1 - i);
    out.push_back(write);
  }
}

bool NewtonCommandSet::composite() const {
  return config_.kind == CommandSetKind::kNeupims && config_.form == CommandForm::kComposite;
}

// Runs of every vector, as many in a group as end before a refresh.
void NewtonCommandSet::tile(const Tile& tile, Operations& out) const {
  const Cycle column = Cycle{config_.banks.compute_spacing} * repeat(tile.format);
  const auto fitting = static_cast<std::uint32_t>(
      std::clamp<Cycle>(group_cycles_ / column, 1, std::uint32_t{1} << 30));
  const std::uint32_t longest =
      composite() ? std::min({kLongestComposite, fitting, kMostComputes / repeat(tile.format)})
                  : fitting;
  const Cycle result = std::max<Cycle>(
      {timing_.burst, timing_.CCD_L,
       Cycle{config_.banks.compute_spacing} * (1 + config_.banks.pipeline_computes)});
  std::vector<std::uint32_t> runs;
  Cycle cycles = 0;
  for (std::uint32_t i = 0; i < tile.runs * tile.vectors; ++i) {
    const std::uint32_t run = i / tile.vectors;
    std::uint32_t left = (tile.columns * (run + 1)) / tile.runs - (tile.columns * run) / tile.runs;
    for (; left > 0;) {
      const std::uint32_t columns = std::min(left, longest);
      const Cycle length = columns * column + result;
      if (!runs.empty() && cycles + length > group_cycles_) {
        group(tile, runs, out);
        runs.clear();
        cycles = 0;
      }
      runs.push_back(columns);
      cycles += length;
      left -= columns;
    }
  }
  if (!runs.empty()) group(tile, runs, out);
}

void NewtonCommandSet::group(const Tile& tile, const std::vector<std::uint32_t>& runs,
                             Operations& out) const {
  BankOperation header;
  header.kind = Kind::kHeader;
  header.row = tile.row;
  header.bank_mask = tile.bank_mask;
  header.count = 0;
  for (const std::uint32_t columns : runs) header.count += columns * repeat(tile.format);
  header.results = tile.results == 0 ? 0 : static_cast<std::uint32_t>(runs.size());
  out.push_back(header);
  for (const std::uint32_t columns : runs) run(tile, columns, out);
  out.back().last = true;
}

void NewtonCommandSet::run(const Tile& tile, std::uint32_t columns, Operations& out) const {
  BankOperation compute;
  compute.row = tile.row;
  compute.bank_mask = tile.bank_mask;
  compute.repeat = static_cast<std::uint16_t>(repeat(tile.format));
  compute.count = columns;
  const bool reads = tile.results != 0;
  if (composite() && config_.banks.dual_row_buffer && reads) {
    compute.kind = Kind::kComputeRead;
    out.push_back(compute);
    const std::uint32_t more = result_bursts(tile) - 1;
    if (more == 0) return;
    compute.count = more;
  } else {
    compute.kind = Kind::kCompute;
    // A single row buffer executes the column commands one by one whatever they are sent as.
    const std::uint32_t commands = composite() ? 1 : columns;
    compute.count = columns / commands;
    out.insert(out.end(), commands, compute);
    if (!reads) return;
    compute.count = result_bursts(tile);
  }
  compute.kind = Kind::kResultRead;
  compute.repeat = 1;
  out.push_back(compute);
}

}  // namespace tandem::pim
