// SPDX-License-Identifier: Apache-2.0
#include "interval.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace tandem::pim {

using memory::Cycle;

Cycle cycles_between_refreshes(const CommandSetConfig& config, const memory::DeviceConfig& device,
                               const memory::ControllerConfig& controller) {
  const memory::CycleTiming t(device);
  if (t.REFI == 0) return memory::kNoCycle;
  const memory::DeviceGeometry& g = device.geometry;
  const memory::ComputeBanks& banks = config.banks;
  const bool all = controller.refresh == memory::RefreshMode::kAllBank;
  const Cycle interval = t.REFI / (all ? g.ranks : g.banks());
  const unsigned groups = g.banks_per_rank() / banks.banks_per_activate;
  const bool newton =
      config.kind == CommandSetKind::kNewton || config.kind == CommandSetKind::kNeupims;
  // AiM and HBM-PIM shut all rows with one command.
  const Cycle precharges = newton ? g.banks() : 1;
  const Cycle opening = precharges * t.RTP + memory::Cycle{groups} * banks.activate_spacing +
                        banks.activate_to_compute;
  // A group that never fits would wait for ever. What a refresh itself takes does not count: the
  // next interval begins when it falls due.
  const Cycle busy = opening + (all ? t.RFC : t.RFCpb) + 2 * t.RC;
  const Cycle computing = Cycle{banks.compute_spacing} * std::max(8u, banks.pipeline_computes);
  const Cycle least = newton ? busy + std::max<Cycle>(computing, banks.buffer_write_cycles) : busy;
  if (interval < least) {
    throw std::invalid_argument("timing.tREFI = " + std::to_string(device.timing.tREFI) +
                                ": between two refreshes of the channel lie " +
                                std::to_string(interval) + " cycles, PIM needs at least " +
                                std::to_string(least));
  }
  // Elsewhere refresh divides groups.
  return newton ? interval - busy : memory::kNoCycle;
}

}  // namespace tandem::pim
