// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "binder.h"
#include "tandem/platform/device_file.h"

namespace tandem::platform {

// Supply and currents of one device, mA and V as data sheets give them.
struct DramCurrents {
  std::uint32_t devices = 1;  // of a rank
  std::optional<std::uint64_t> vdd_uv;
  std::optional<std::uint64_t> idd0_ua, idd2n_ua, idd3n_ua, idd4r_ua, idd4w_ua, idd5ab_ua,
      idd5pb_ua;
  std::string source;
};

// "Ro": XOR with the row from its bit 0 on; "Ro4": from bit 4 on; empty: no hash.
struct HashKeys {
  std::string channel, rank, bank_group, bank;
};

struct PimTimingKeys {
  std::optional<Duration> activate_spacing, activate_to_compute, compute_spacing,
      compute_to_precharge, result_spacing, buffer_write, mode;
  std::uint32_t banks_per_activate = 4;
  std::uint32_t pipeline_computes = 0;
};

// Multiples of the device's own activate and of the array energy of one burst.
struct PimEnergyKeys {
  double group_activate = 0, compute = 0, buffer_write = 0, result_read = 0;
  std::uint64_t column_read_fj_per_bit = 0;
  std::uint64_t mac_fj = 0;
  std::string source;
};

// A device file as it is written.
struct DeviceDocument {
  std::string name;
  std::string source;
  bool accept_published = false;
  DramOverrides dram;
  DramCurrents currents;
  memory::ControllerConfig controller;
  std::string mapping;
  std::uint64_t interleave_bytes = 256;
  HashKeys hash;
  PimDevice pim;
  PimTimingKeys pim_timing;
  PimEnergyKeys pim_energy;
};

// The key of a device file that fills a field that memory::FieldError names.
std::string key_of_field(const std::string& field);

void bind_device(Binder& binder, DeviceDocument& document);

// The sections that scenarios share with device files. `whole`: all that a device needs is required
// and the number of rows can be given.
void bind_dram_geometry(Binder& binder, DramGeometry& geometry, bool whole);
void bind_dram_timing(Binder& binder, DramTiming& timing, bool whole);
void bind_dram_energy(Binder& binder, DramEnergy& energy);
void bind_pim_lanes(Binder& binder, PimLanes& lanes);
void bind_address_hash(Binder& binder, HashKeys& hash);

}  // namespace tandem::platform
