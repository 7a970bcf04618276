// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>

#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"

namespace tandem::memory {

// How fast a channel opens rows for random reads and writes mixed. What turns of the data bus,
// write batches and banks that run empty cost there depends on what the queues hold, for which
// there is no closed form: it is measured at command fidelity, each share of writes once, when
// first asked for.
class MixedPace {
 public:
  // Both have been validated.
  MixedPace(const DeviceConfig& device, const ControllerConfig& controller)
      : device_(device), controller_(controller) {}

  // Cycles per access if this part of them (0..1) are writes.
  double cycles(double write_share);

 private:
  static constexpr std::array<double, 7> kShares = {0, 0.125, 0.25, 0.5, 0.75, 0.875, 1};
  double measured(std::size_t index);

  DeviceConfig device_;
  ControllerConfig controller_;
  std::array<double, kShares.size()> cycles_{};  // at kShares; 0: not measured yet
};

}  // namespace tandem::memory
