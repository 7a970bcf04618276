// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/pim/command_energy.h"
#include "tandem/platform/device_file.h"

namespace tandem::platform {

// kNone, which has no commands, counts as Newton.
pim::CommandSetKind command_set_kind(PimCommandSet set);

// What the commands of a device cost, wherever they are counted: the device's own figures, and
// pim::default_command_energy() for those that it does not give. `config` is that of its commands.
pim::CommandEnergy pim_command_energy(const PimDevice& pim, const memory::DeviceConfig& device,
                                      const pim::CommandSetConfig& config);

// What pim::Config or pim::CommandSetConfig refuses, by the keys of configurations: "pim.row_buffer
// = dual: ...".
std::string pim_refusal(std::string message);

}  // namespace tandem::platform
