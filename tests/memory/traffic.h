// SPDX-License-Identifier: Apache-2.0
// Traffic for one DRAM channel, and the same driver for both fidelities: requests of one burst in
// order, each as soon as fewer than `outstanding` are in flight and the channel takes it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "tandem/memory/channel.h"
#include "tandem/memory/command_channel.h"

namespace tandem::memory::test {

struct Access {
  unsigned bank;
  std::uint32_t row;
  std::uint32_t column;
  bool is_write;
};

struct Outcome {
  double gb_per_s = 0;
  double latency_cycles = 0;       // mean, of all requests
  double read_latency_cycles = 0;  // mean, of reads
  double row_hits = 0;             // fraction of requests
  std::uint64_t activates = 0;
  std::uint64_t wall_ns = 0;
};

struct Pattern {
  std::string name;
  std::function<std::vector<Access>(const DeviceGeometry&, std::size_t)> make;
};

constexpr unsigned kUnlimited = std::numeric_limits<unsigned>::max();

Outcome run_command(const DeviceConfig& device, const ControllerConfig& controller,
                    const std::vector<Access>& accesses, unsigned outstanding);
Outcome run_transaction(const DeviceConfig& device, const ControllerConfig& controller,
                        const std::vector<Access>& accesses, unsigned outstanding);

// The burst with index `index` of a channel in the order row, rank, group, bank, column.
Access locate(const DeviceGeometry& geometry, std::uint64_t index);

// Those that the two fidelities are compared on.
std::vector<Pattern> patterns();

// Timing of NeuPIMs' HBM2 (tCK 1 ns), one channel of 128 bits.
DeviceConfig hbm2(unsigned ranks, unsigned row_bytes);

}  // namespace tandem::memory::test
