// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/pim/command_set.h"

namespace tandem::pim {

// Cycles that computes of one group may take so that it ends before a refresh, if the command set
// lets groups end before refreshes; kNoCycle if nothing bounds them. Throws std::invalid_argument
// if refreshes of the channel follow each other too fast for any group.
memory::Cycle cycles_between_refreshes(const CommandSetConfig& config,
                                       const memory::DeviceConfig& device,
                                       const memory::ControllerConfig& controller);

}  // namespace tandem::pim
