// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "device_schema.h"

namespace tandem::platform {

// Energies as written, else from the currents (README.md of the device files has the formulas),
// else zero. `device` has its geometry and timing. Throws memory::FieldError for currents that make
// an energy negative.
memory::DeviceEnergy device_energy(const DeviceDocument& document,
                                   const memory::DeviceConfig& device);

// `device` has its energies.
PimEnergy pim_energy(const PimEnergyKeys& keys, const PimDevice& pim,
                     const memory::DeviceConfig& device);

}  // namespace tandem::platform
