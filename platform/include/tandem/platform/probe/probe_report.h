// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "tandem/platform/probe/memory_probe.h"
#include "tandem/platform/probe/pim_probe.h"

namespace tandem::platform {

// platform/README.md lists the keys.
nlohmann::ordered_json to_json(const DeviceFile& device, const MemoryProbe& probe,
                               const MemoryProbeResult& result);
nlohmann::ordered_json to_json(const DeviceFile& device, const PimProbe& probe,
                               const PimProbeResult& result);

// For people: lines of at most 100 characters.
std::string to_text(const DeviceFile& device, const MemoryProbe& probe,
                    const MemoryProbeResult& result);
std::string to_text(const DeviceFile& device, const PimProbe& probe, const PimProbeResult& result);

}  // namespace tandem::platform
