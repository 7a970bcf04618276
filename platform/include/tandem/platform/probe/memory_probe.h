// SPDX-License-Identifier: Apache-2.0
// Drives a DRAM device with a pattern of requests, without a platform around it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tandem/observe/energy.h"
#include "tandem/platform/device_file.h"
#include "tandem/platform/probe/latency.h"
#include "tandem/platform/probe/pattern.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct MemoryProbe {
  std::filesystem::path device_file;  // as it was given; empty: the device was named
  static constexpr unsigned kOutstandingPerChannel = 128;

  AccessPattern pattern;
  std::uint64_t requests = 1'000'000;  // of one burst
  unsigned outstanding = 0;            // in flight in all channels together; 0: 128 per channel
  unsigned channels = 1;
  FidelityLevel fidelity = FidelityLevel::kCommand;
  std::uint64_t seed = 1;
  bool check = false;         // the timing checker listens (command fidelity)
  std::filesystem::path log;  // of commands, one file per channel (command fidelity); empty: none

  unsigned in_flight() const {
    return outstanding != 0 ? outstanding : kOutstandingPerChannel * channels;
  }
};

// Bandwidth that the device's timing allows for a pattern.
struct ClosedForm {
  double gb_per_s = 0;
  std::string formula;
};

using NamedCounts = std::vector<std::pair<std::string, std::uint64_t>>;

struct MemoryProbeResult {
  std::uint64_t cycles = 0;  // of tCK, until the last byte has crossed the data bus
  std::uint64_t time_ps = 0;
  std::uint64_t bytes = 0;  // of all requests, those answered from the write queue included
  double gb_per_s = 0;
  double peak_gb_per_s = 0;
  std::optional<ClosedForm> limit;  // none for patterns without one
  LatencySummary latency;           // from the initiator's request to its last byte, cycles
  std::uint64_t row_hits = 0;
  double row_hit_rate = 0;       // of what reached the banks
  std::uint64_t forwarded = 0;   // reads answered from the write queue
  std::uint64_t merged = 0;      // writes to what a queued write holds
  std::uint64_t refreshes = 0;   // of ranks, or of banks if that is how the device is refreshed
  NamedCounts commands;          // by name, those that occur
  observe::EnergyLedger energy;  // all channels together
  std::optional<std::uint64_t> violations;  // if the checker listened
  std::string violation_report;
  double wall_s = 0;  // depends on the machine; everything else does not

  double pj_per_bit() const;
  double requests_per_wall_s(std::uint64_t requests) const;
};

// Throws UserError for what cannot be probed: counts of zero, channels that are no power of two, a
// log or a check without commands, a stride that does not fit.
MemoryProbeResult probe_memory(const DeviceFile& device, const MemoryProbe& probe);

// The limit of probe_memory's bandwidth, all channels together.
std::optional<ClosedForm> memory_limit(const DeviceFile& device, const MemoryProbe& probe);

}  // namespace tandem::platform
