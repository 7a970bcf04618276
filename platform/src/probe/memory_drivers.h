// SPDX-License-Identifier: Apache-2.0
// The same requests at either fidelity. Options and device have been checked.
#pragma once
#include "tandem/platform/probe/memory_probe.h"

namespace tandem::platform {

// Fill everything but what follows from it: rates, limit, wall time.
void drive_commands(const DeviceFile& device, const MemoryProbe& probe,
                    const memory::AddressMapping& mapping, MemoryProbeResult& result);
void drive_transactions(const DeviceFile& device, const MemoryProbe& probe,
                        const memory::AddressMapping& mapping, MemoryProbeResult& result);

}  // namespace tandem::platform
