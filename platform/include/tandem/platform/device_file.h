// SPDX-License-Identifier: Apache-2.0
// DRAM devices from YAML files (scenarios/hardware/devices, described there in README.md).
#pragma once
#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/memory/address_mapping.h"
#include "tandem/memory/compute_banks.h"
#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/platform/device_keys.h"

namespace tandem::platform {

enum class PimCommandSet { kNone, kNewton, kNeupims, kAim, kHbmPim };

// Picojoules per command of one channel; energies of the DRAM are not contained.
struct PimEnergy {
  double group_activate_pj = 0;  // one group activate with its precharge
  double compute_pj = 0;         // one column of every computing bank, read and multiplied
  double buffer_write_pj = 0;    // one row to the global buffer
  double result_read_pj = 0;     // the accumulators to the data bus
  double mac_pj = 0;             // one multiply-accumulate, if compute_pj does not contain it
  std::string source;
};

// What computes in the banks of a device.
struct PimDevice {
  PimCommandSet command_set = PimCommandSet::kNone;  // kNone: nothing does
  RowBuffer row_buffer = RowBuffer::kSingle;
  std::uint64_t clock_hz = 0;
  PimLanes lanes;
  std::uint32_t banks_per_unit = 1;
  std::uint32_t global_buffer_rows = 1;
  std::uint32_t accumulators_per_bank = 1;
  memory::ComputeBanks banks;  // cycles of the device's tCK
  PimEnergy energy;
  std::string source;
};

struct DeviceFile {
  std::filesystem::path path;  // empty for a text
  memory::DeviceConfig device;
  memory::ControllerConfig controller;
  std::string mapping;  // see memory::AddressMapping
  unsigned interleave_bytes = 0;
  memory::AddressHash hash;
  PimDevice pim;
  std::vector<std::string> warnings;  // "FILE:LINE:COLUMN: KEY: ..."
};

// Reads and checks a device. Throws UserError if the file cannot be read, ScenarioError for what it
// says. Values of `overrides` replace the file's; what they spoil is reported as
// memory::FieldError.
DeviceFile read_device_file(const std::filesystem::path& file, const DramOverrides& overrides = {});
// The same for a text; messages call it `name`.
DeviceFile read_device_text(std::string_view text, const std::string& name,
                            const DramOverrides& overrides = {});

// The same for a file or a name that a scenario gives; one without a path is looked up. Throws
// UserError if there is no such device.
DeviceFile read_named_device(const NamedFile& file, const DramOverrides& overrides = {});

// Folders with device files, nearest first: hardware/devices and devices of `directory`, then those
// of the working directory, around the program, and of the installation.
std::vector<std::filesystem::path> device_folders(const std::filesystem::path& directory);
// The device file `name`.yaml in the first folder that has it; empty if none has.
std::filesystem::path find_device_file(const std::string& name,
                                       const std::filesystem::path& directory);

// Markdown table of every key of a device file.
void print_device_key_table(std::ostream& out);

}  // namespace tandem::platform
