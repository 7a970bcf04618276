// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/pim/command_set.h"

namespace tandem::pim {

// Newton and NeuPIMs: vectors from a DRAM row (GWRITE), group activates, columns of all banks, the
// result of every run read at once. A header announces what must end before the next refresh.
class NewtonCommandSet final : public PimCommandSet {
 public:
  NewtonCommandSet(const CommandSetConfig& config, const memory::DeviceConfig& device,
                   const memory::ControllerConfig& controller);

  PimChannel::Config channel() const override { return {}; }
  std::uint64_t vector_bytes() const override;
  std::uint32_t vectors_per_row(std::uint64_t bytes) const override;
  std::uint32_t run_columns(abi::Format format) const override;
  void load_vectors(std::uint64_t bytes, Operations& out) const override;
  void tile(const Tile& tile, Operations& out) const override;

 private:
  static constexpr std::uint32_t kLongestComposite = 32;  // its length has five bits
  // Of a run that a plan makes. NewtonSim lets a row be shut tRTP after a composite was issued,
  // while its columns are still being read: longer ones would be rewarded for that.
  static constexpr std::uint32_t kRunComputes = 8;

  bool composite() const;
  void group(const Tile& tile, const std::vector<std::uint32_t>& runs, Operations& out) const;
  void run(const Tile& tile, std::uint32_t columns, Operations& out) const;

  memory::Cycle group_cycles_ = 0;  // that computes of one group may take
};

}  // namespace tandem::pim
