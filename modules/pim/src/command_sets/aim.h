// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/pim/command_set.h"

namespace tandem::pim {

// SK hynix AiM: vectors over the data bus (WR_GB), one activate for all banks (ACT16), a MAC of all
// banks per column (MAC_ABK), the accumulators in one burst (RD_MAC), one precharge for all banks.
class AimCommandSet final : public PimCommandSet {
 public:
  AimCommandSet(const CommandSetConfig& config, const memory::DeviceConfig& device);

  PimChannel::Config channel() const override;
  std::uint64_t vector_bytes() const override;
  std::uint32_t vectors_per_row(std::uint64_t bytes) const override;
  void load_vectors(std::uint64_t bytes, Operations& out) const override;
  void tile(const Tile& tile, Operations& out) const override;
};

}  // namespace tandem::pim
