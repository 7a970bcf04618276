// SPDX-License-Identifier: Apache-2.0
// What a channel at command fidelity reports about itself.
#pragma once
#include <cstdint>

#include "tandem/memory/command_channel.h"
#include "tandem/memory/device.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"

namespace tandem::memory {

// Counts of every command that was given, row hits, time with data on the bus.
void collect(const CommandChannel& channel, std::uint64_t time_ps, observe::StatisticsSink& sink);

// Energy of ordinary commands, refresh and standby up to `time_ps`, from the device's figures. What
// computing banks spend beyond that is their owner's to report.
void collect_energy(const CommandChannel& channel, const DeviceConfig& device,
                    std::uint64_t time_ps, observe::EnergySink& sink);

}  // namespace tandem::memory
