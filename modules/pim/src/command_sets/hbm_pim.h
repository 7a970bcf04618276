// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/pim/command_set.h"

namespace tandem::pim {

// Samsung HBM-PIM: one unit per two banks, which works on the even and the odd ones in turn. In PIM
// mode every column command goes to all banks: writes bring pieces of a vector into the registers
// GRF_A, reads multiply them with a column and add to the registers GRF_B. What the units execute
// (their microcode: MAC, then JUMP, which costs nothing) is not looked at.
class HbmPimCommandSet final : public PimCommandSet {
 public:
  HbmPimCommandSet(const CommandSetConfig& config, const memory::DeviceConfig& device);

  PimChannel::Config channel() const override;
  std::uint64_t vector_bytes() const override;
  std::uint32_t vectors_per_row(std::uint64_t bytes) const override;
  bool sums_over_rows() const override { return true; }
  void load_vectors(std::uint64_t, Operations&) const override {}
  void tile(const Tile& tile, Operations& out) const override;

 private:
  static constexpr std::uint32_t kVectorRegisters = 8;  // GRF_A, of column_bytes

  void results(const Tile& tile, std::uint32_t turns, Operations& out) const;
};

}  // namespace tandem::pim
