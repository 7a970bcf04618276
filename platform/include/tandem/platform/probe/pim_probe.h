// SPDX-License-Identifier: Apache-2.0
// Drives the computing banks of one channel with tiles of a matrix, and ordinary reads beside them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tandem/observe/energy.h"
#include "tandem/platform/device_file.h"
#include "tandem/platform/probe/latency.h"
#include "tandem/platform/probe/memory_probe.h"

namespace tandem::platform {

enum class PimCommands {
  kComposite,  // computes of a run and the read of their result are one command
  kRaw,        // each compute and each result read is a command of its own
};

// `writes` rows to the global buffer, then tiles. A tile is one row of every bank, of which
// `composites` runs of `macs` columns are multiplied; every run ends with its result.
struct PimProbe {
  std::filesystem::path device_file;  // as it was given; empty: the device was named
  std::uint64_t tiles = 1;
  unsigned macs = 8;
  unsigned composites = 4;
  std::uint64_t writes = 1;
  std::uint64_t reads = 0;              // of one burst, one after the other, in other rows
  std::optional<RowBuffer> row_buffer;  // none: the device's
  std::optional<PimCommands> commands;  // none: composites with dual row buffers, else raw
  bool check = false;                   // the timing checker listens
  std::filesystem::path log;            // of commands; empty: none

  RowBuffer row_buffer_of(const PimDevice& pim) const {
    return row_buffer.value_or(pim.row_buffer);
  }
  PimCommands commands_of(const PimDevice& pim) const {
    const bool dual = row_buffer_of(pim) == RowBuffer::kDual;
    return commands.value_or(dual ? PimCommands::kComposite : PimCommands::kRaw);
  }
};

struct PimProbeResult {
  RowBuffer row_buffer = RowBuffer::kSingle;
  PimCommands form = PimCommands::kRaw;
  std::uint64_t cycles = 0;       // of tCK, until everything is done
  std::uint64_t time_ps = 0;      // the same
  std::uint64_t pim_cycles = 0;   // until the last result has crossed the data bus; 0 without PIM
  std::uint64_t read_cycles = 0;  // until the last read has; 0 without reads
  double cycles_per_tile = 0;
  double inside_gb_per_s = 0;        // from the arrays to the multipliers, until the last result
  double inside_peak_gb_per_s = 0;   // if one compute followed the other
  double read_gb_per_s = 0;          // of the ordinary reads, until the last one
  LatencySummary read_latency;       // cycles, from its acceptance by the channel
  std::uint64_t row_hits = 0;        // of the ordinary reads
  std::uint64_t compute_cycles = 0;  // multipliers at work
  std::uint64_t refresh_idle_cycles = 0;  // no computes around refreshes, opening rows included
  std::uint64_t refreshes = 0;
  NamedCounts commands;  // by name, those that occur
  observe::EnergyLedger energy;
  std::optional<std::uint64_t> violations;  // if the checker listened
  std::string violation_report;
  double wall_s = 0;
  double requests_per_wall_s = 0;  // operations of the banks and reads
};

// Throws UserError for a device whose banks do not compute, a row buffer that its commands do not
// know, runs of zero length, tiles longer than a row.
PimProbeResult probe_pim(const DeviceFile& device, const PimProbe& probe);

}  // namespace tandem::platform
