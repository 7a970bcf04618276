// SPDX-License-Identifier: Apache-2.0
// DRAM devices are data: geometry, timing and energy of one channel, each with its source.
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace tandem::memory {

// All that sits on the data bus of one channel.
struct DeviceGeometry {
  unsigned ranks = 0;
  unsigned bank_groups = 0;  // per rank
  unsigned banks_per_group = 0;
  unsigned rows = 0;       // per bank
  unsigned row_bytes = 0;  // of all devices of a rank together (the page)
  unsigned bus_bits = 0;
  unsigned burst_length = 0;            // beats
  unsigned data_rate_mtps = 0;          // million beats per second and pin
  bool separate_command_buses = false;  // one for rows, one for columns, as HBM has

  unsigned banks_per_rank() const { return bank_groups * banks_per_group; }
  unsigned banks() const { return ranks * banks_per_rank(); }
  unsigned burst_bytes() const { return bus_bits / 8 * burst_length; }
  // Time that one burst occupies the data bus.
  std::uint64_t burst_ps() const {
    return std::uint64_t{burst_length} * 1'000'000 / data_rate_mtps;
  }
  unsigned columns() const { return row_bytes / burst_bytes(); }  // bursts of a row
  std::uint64_t channel_bytes() const { return std::uint64_t{banks()} * rows * row_bytes; }
  double peak_bytes_per_s() const {
    return static_cast<double>(burst_bytes()) * 1e12 / static_cast<double>(burst_ps());
  }
};

// Picoseconds between commands, in the names of the JEDEC standards. 0 means that the device has no
// such rule, except where validate() asks for a value. At command fidelity they are rounded up to
// whole cycles of tCK.
struct DeviceTiming {
  std::uint64_t tCK = 0;       // clock of the command bus
  std::uint64_t CL = 0;        // read command to data
  std::uint64_t CWL = 0;       // write command to data
  std::uint64_t tRCDRD = 0;    // activate to read
  std::uint64_t tRCDWR = 0;    // activate to write
  std::uint64_t tRP = 0;       // precharge to activate or refresh, same bank
  std::uint64_t tRAS = 0;      // activate to precharge, same bank
  std::uint64_t tRC = 0;       // activate to activate, same bank
  std::uint64_t tCCD_S = 0;    // column to column, other bank group
  std::uint64_t tCCD_L = 0;    // column to column, same bank group
  std::uint64_t tRTRS = 0;     // idle data bus when the rank or the direction to write changes
  std::uint64_t tRRD_S = 0;    // activate to activate, other bank group
  std::uint64_t tRRD_L = 0;    // activate to activate, other bank of the same group
  std::uint64_t tFAW = 0;      // window of four activates, per rank
  std::uint64_t tWTR_S = 0;    // end of write data to read, same rank, other bank group
  std::uint64_t tWTR_L = 0;    // end of write data to read, same bank group
  std::uint64_t tWR = 0;       // end of write data to precharge, same bank
  std::uint64_t tRTP_S = 0;    // read to precharge, same bank, one bank group per rank
  std::uint64_t tRTP_L = 0;    // the same, several bank groups; the one given is used for both
  std::uint64_t tPPD = 0;      // precharge to precharge, same rank
  std::uint64_t tRFC = 0;      // refresh of all banks of a rank
  std::uint64_t tRFCpb = 0;    // refresh of one bank
  std::uint64_t tREFI = 0;     // average interval between refreshes of a rank; 0: no refresh
  std::uint64_t tWCKSYNC = 0;  // WCK synchronisation to the first column command (LPDDR5)
  std::uint64_t tWCKIDLE = 0;  // end of data until WCK stops and must be synchronised again
};

// The fields of DeviceTiming by name, for whoever reads, prints or checks all of them.
struct TimingField {
  const char* path;  // "timing.tRC"
  const char* meaning;
  std::uint64_t DeviceTiming::*value;
  bool needed;  // validate() refuses 0
  const char* name() const { return path + sizeof("timing.") - 1; }
};
constexpr std::array<TimingField, 25> kTimingFields = {{
    {"timing.tCK", "clock of the command bus", &DeviceTiming::tCK, true},
    {"timing.CL", "read command to data", &DeviceTiming::CL, true},
    {"timing.CWL", "write command to data", &DeviceTiming::CWL, true},
    {"timing.tRCDRD", "activate to read", &DeviceTiming::tRCDRD, true},
    {"timing.tRCDWR", "activate to write", &DeviceTiming::tRCDWR, true},
    {"timing.tRP", "precharge to activate or refresh, same bank", &DeviceTiming::tRP, true},
    {"timing.tRAS", "activate to precharge, same bank", &DeviceTiming::tRAS, true},
    {"timing.tRC", "activate to activate, same bank", &DeviceTiming::tRC, true},
    {"timing.tCCD_S", "column to column, other bank group", &DeviceTiming::tCCD_S, true},
    {"timing.tCCD_L", "column to column, same bank group", &DeviceTiming::tCCD_L, true},
    {"timing.tRTRS", "idle data bus when the rank or the direction to write changes",
     &DeviceTiming::tRTRS, false},
    {"timing.tRRD_S", "activate to activate, other bank group", &DeviceTiming::tRRD_S, true},
    {"timing.tRRD_L", "activate to activate, other bank of the same group", &DeviceTiming::tRRD_L,
     true},
    {"timing.tFAW", "window of four activates, per rank", &DeviceTiming::tFAW, true},
    {"timing.tWTR_S", "end of write data to read, same rank, other bank group",
     &DeviceTiming::tWTR_S, true},
    {"timing.tWTR_L", "end of write data to read, same bank group", &DeviceTiming::tWTR_L, true},
    {"timing.tWR", "end of write data to precharge, same bank", &DeviceTiming::tWR, true},
    {"timing.tRTP_S", "read to precharge, same bank, one bank group per rank (not given: tRTP_L)",
     &DeviceTiming::tRTP_S, false},
    {"timing.tRTP_L", "read to precharge, same bank, several bank groups (not given: tRTP_S)",
     &DeviceTiming::tRTP_L, false},
    {"timing.tPPD", "precharge to precharge, same rank", &DeviceTiming::tPPD, false},
    {"timing.tRFC", "refresh of all banks of a rank", &DeviceTiming::tRFC, false},
    {"timing.tRFCpb", "refresh of one bank", &DeviceTiming::tRFCpb, false},
    {"timing.tREFI", "average interval between refreshes of a rank; 0: no refresh",
     &DeviceTiming::tREFI, false},
    {"timing.tWCKSYNC", "WCK synchronisation to the first column command (LPDDR5)",
     &DeviceTiming::tWCKSYNC, false},
    {"timing.tWCKIDLE", "end of data until WCK stops and must be synchronised again",
     &DeviceTiming::tWCKIDLE, false},
}};

struct DeviceEnergy {
  double activate_pj = 0;        // one activate and its precharge, all devices of a rank
  double read_pj_per_bit = 0;    // array to data bus
  double write_pj_per_bit = 0;   // data bus to array
  double io_pj_per_bit = 0;      // drivers and termination, either direction
  double refresh_pj = 0;         // one refresh of all banks of a rank
  double refresh_bank_pj = 0;    // one refresh of one bank
  double active_standby_mw = 0;  // a rank with a row open
  double standby_mw = 0;         // a rank with all banks shut
  std::string source = "not given";
};

struct DeviceConfig {
  std::string name;
  DeviceGeometry geometry;
  DeviceTiming timing;
  DeviceEnergy energy;
  std::string source;  // of geometry and timing

  // Throws FieldError.
  void validate() const;
};

}  // namespace tandem::memory
