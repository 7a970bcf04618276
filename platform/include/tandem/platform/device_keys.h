// SPDX-License-Identifier: Apache-2.0
// What device files say and scenarios may override: every value optional, units in the names.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace tandem::platform {

// A time as data sheets and simulators write it: cycles of the device's tCK, or with a unit.
struct Duration {
  std::uint64_t value = 0;
  bool in_cycles = true;  // false: picoseconds

  std::uint64_t ps(std::uint64_t clock_ps) const { return in_cycles ? value * clock_ps : value; }
};

// One channel.
struct DramGeometry {
  std::optional<std::uint32_t> ranks;
  std::optional<std::uint32_t> bank_groups;  // per rank
  std::optional<std::uint32_t> banks_per_group;
  std::optional<std::uint32_t> rows;  // per bank
  std::optional<std::uint64_t> row_bytes;
  std::optional<std::uint32_t> bus_width_bits;
  std::optional<std::uint32_t> burst_length;
  std::optional<std::uint64_t> data_rate_transfers_per_s;
  std::optional<std::uint32_t> command_buses;  // 2: one for rows, one for columns
};

// By the names of memory::kTimingFields, "tRCDRD".
struct DramTiming {
  std::map<std::string, Duration> values;

  std::optional<Duration> get(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  }
};

struct DramEnergy {
  std::optional<std::uint64_t> activate_fj;        // one activate with its precharge
  std::optional<std::uint64_t> read_fj_per_bit;    // array to pins
  std::optional<std::uint64_t> write_fj_per_bit;   // pins to array
  std::optional<std::uint64_t> io_fj_per_bit;      // drivers and termination
  std::optional<std::uint64_t> refresh_fj;         // one refresh of all banks
  std::optional<std::uint64_t> refresh_bank_fj;    // one refresh of one bank
  std::optional<std::uint64_t> active_standby_uw;  // a rank with a row open
  std::optional<std::uint64_t> standby_uw;         // a rank with all banks shut
  std::string source;
};

// What a scenario may change of a device.
struct DramOverrides {
  DramGeometry geometry;
  DramTiming timing;
  DramEnergy energy;
};

// A file named in a configuration: a bare name to be looked up, or a path that opens from the
// working directory.
struct NamedFile {
  std::string name;
  std::filesystem::path path;  // where the name was found, or the path itself

  std::string shown() const { return name.empty() ? path.stem().string() : name; }
};

enum class RowBuffer { kSingle, kDual };

// Multiply-accumulates that one bank completes per PIM clock, by format of the weights.
struct PimLanes {
  std::uint32_t fp16 = 16;
  std::uint32_t bf16 = 16;
  std::uint32_t int8 = 16;
  std::uint32_t int4 = 16;
  std::uint32_t e2m1 = 16;
  std::uint32_t e3m0 = 16;
  std::uint32_t bsfp_draft = 16;
};

}  // namespace tandem::platform
