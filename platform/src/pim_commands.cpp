// SPDX-License-Identifier: Apache-2.0
#include "pim_commands.h"

#include <array>
#include <string_view>
#include <utility>

namespace tandem::platform {

pim::CommandSetKind command_set_kind(PimCommandSet set) {
  switch (set) {
    case PimCommandSet::kNeupims:
      return pim::CommandSetKind::kNeupims;
    case PimCommandSet::kAim:
      return pim::CommandSetKind::kAim;
    case PimCommandSet::kHbmPim:
      return pim::CommandSetKind::kHbmPim;
    case PimCommandSet::kNone:
    case PimCommandSet::kNewton:
      break;
  }
  return pim::CommandSetKind::kNewton;
}

pim::CommandEnergy pim_command_energy(const PimDevice& pim, const memory::DeviceConfig& device,
                                      const pim::CommandSetConfig& config) {
  const PimEnergy& given = pim.energy;
  const double units = static_cast<double>(device.geometry.banks()) / config.banks_per_unit;
  pim::CommandEnergy energy = pim::default_command_energy(config.kind, device, config);
  std::string others;
  const auto take = [&others](double& value, double figure, const char* name) {
    if (figure > 0) {
      value = figure;
    } else {
      others += others.empty() ? name : std::string(", ") + name;
    }
  };
  take(energy.activate_pj, given.group_activate_pj / config.banks.banks_per_activate, "activate");
  take(energy.column_pj, given.compute_pj / units, "column");
  take(energy.buffer_write_pj, given.buffer_write_pj, "buffer write");
  take(energy.result_read_pj, given.result_read_pj, "result read");
  others += others.empty() ? "buffer load" : ", buffer load";
  if (given.compute_pj > 0) energy.with_macs = given.mac_pj == 0;
  if (!given.source.empty()) energy.source = given.source + "; " + others + ": " + energy.source;
  return energy;
}

std::string pim_refusal(std::string message) {
  constexpr std::array<std::pair<const char*, const char*>, 6> kKeys = {{
      {"pim.banks.dual_row_buffer = 1", "pim.row_buffer = dual"},
      {"pim.banks.", "pim.timing."},
      {"pim.clock_period_ps", "pim.clock, in ps,"},
      {"pim.queue_depth", "pim.command_queue_depth"},
      {"pim.vector_bytes", "pim.vector_window, in bytes,"},
      {"pim.result_bytes", "pim.result_window, in bytes,"},
  }};
  for (const auto& [field, key] : kKeys) {
    if (message.rfind(field, 0) != 0) continue;
    message.replace(0, std::string_view(field).size(), key);
    break;
  }
  return message;
}

}  // namespace tandem::platform
