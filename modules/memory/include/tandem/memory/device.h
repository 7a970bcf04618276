// SPDX-License-Identifier: Apache-2.0
// DRAM devices are data: geometry, timing and energy of one channel, each with its source.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::memory {

// All that sits on the data bus of one channel.
struct DeviceGeometry {
  unsigned ranks = 1;
  unsigned bank_groups = 4;  // per rank
  unsigned banks_per_group = 4;
  unsigned rows = 32768;      // per bank
  unsigned row_bytes = 2048;  // of all devices of a rank together (the page)
  unsigned bus_bits = 16;
  unsigned burst_length = 16;      // beats
  unsigned data_rate_mtps = 6400;  // million beats per second and pin

  unsigned banks() const { return ranks * bank_groups * banks_per_group; }
  unsigned burst_bytes() const { return bus_bits / 8 * burst_length; }
  // Time that one burst occupies the data bus.
  std::uint64_t burst_ps() const {
    return std::uint64_t{burst_length} * 1'000'000 / data_rate_mtps;
  }
  std::uint64_t channel_bytes() const { return std::uint64_t{banks()} * rows * row_bytes; }
  double peak_bytes_per_s() const {
    return static_cast<double>(burst_bytes()) * 1e12 / static_cast<double>(burst_ps());
  }
};

// Picoseconds between commands, in the names of the JEDEC standards.
struct DeviceTiming {
  std::uint64_t tRCD = 0;    // activate to column command
  std::uint64_t tRP = 0;     // precharge to activate
  std::uint64_t tRAS = 0;    // activate to precharge
  std::uint64_t tRC = 0;     // activate to activate, same bank
  std::uint64_t tCCD_S = 0;  // column to column, other bank group
  std::uint64_t tCCD_L = 0;  // column to column, same bank group
  std::uint64_t tRRD = 0;    // activate to activate, other bank
  std::uint64_t tFAW = 0;    // window of four activates
  std::uint64_t tWTR = 0;    // end of write data to read command
  std::uint64_t tRTW = 0;    // idle time of the bus between read data and write data
  std::uint64_t tWR = 0;     // end of write data to precharge
  std::uint64_t tRTP = 0;    // read command to precharge
  std::uint64_t tRFC = 0;    // refresh of all banks
  std::uint64_t tREFI = 0;   // average interval between refreshes; 0 = no refresh
  std::uint64_t CL = 0;      // read command to data
  std::uint64_t CWL = 0;     // write command to data
};

struct DeviceEnergy {
  double activate_pj = 0;  // one activate and its precharge
  double read_pj_per_bit = 0;
  double write_pj_per_bit = 0;
  double refresh_pj = 0;     // one refresh of all banks
  double background_mw = 0;  // one channel, always
  std::string source = "not given";
};

struct DeviceConfig {
  std::string name;
  DeviceGeometry geometry;
  DeviceTiming timing;
  DeviceEnergy energy;
  std::string source;  // of geometry and timing

  // Throws std::invalid_argument with the field, its value and the rule.
  void validate() const;
};

// The devices that come with the project: "lpddr5_6400_x16", "hbm2_1000_x128", "gddr6_aim",
// "ddr4_3200_x64". Throws std::invalid_argument, naming those there are, for any other.
DeviceConfig device_preset(std::string_view name);
std::vector<std::string> device_preset_names();

}  // namespace tandem::memory
