// SPDX-License-Identifier: Apache-2.0
// Time, utilisation and energy of a systolic array of processing elements, as arithmetic. What a
// tile computes is numerics' canonical dot product and does not depend on anything here.
#pragma once
#include <array>
#include <cstdint>

#include "tandem/abi/formats.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"
#include "tandem/pe_array/config.h"

namespace tandem::pe_array {

// Draft mode multiplies 4-bit weights, several per element; full mode one weight of 8 or more bits.
enum class Mode : std::uint8_t { kFull = 0, kDraft = 1 };

// Formats that may be weights of the array.
bool is_weight_format(abi::Format format);
Mode mode_of(abi::Format format);

// Cycles of output[m][n] = input[m][k] . weight[n][k]. The formulas and where they come from are in
// README.md.
struct TileTiming {
  std::uint64_t fill_cycles = 0;    // until the first multiplication that counts
  std::uint64_t steady_cycles = 0;  // sub-tiles follow each other without a gap
  std::uint64_t drain_cycles = 0;   // until the last result has left the array
  // Cycles after which the array can begin the next tile, if that one's operands are there in time
  // to hide its fill behind this tile.
  std::uint64_t occupancy_cycles = 0;

  std::uint64_t latency_cycles() const { return fill_cycles + steady_cycles + drain_cycles; }
};

class ArrayCore {
 public:
  explicit ArrayCore(const Config& config);

  const Config& config() const { return config_; }

  // n weight rows (outputs), k weight columns (inputs), m input vectors, each at least 1, and a
  // weight format: std::invalid_argument otherwise.
  TileTiming tile_timing(abi::Format format, std::uint64_t n, std::uint64_t k,
                         std::uint64_t m) const {
    return tile_timing(config_.dataflow, format, n, k, m);
  }
  TileTiming tile_timing(Dataflow dataflow, abi::Format format, std::uint64_t n, std::uint64_t k,
                         std::uint64_t m) const;

  // Cycles to bring the array into the mode of `format`, 0 if it is in it; the array is in it
  // afterwards. After construction and reset it is in full mode.
  std::uint64_t reconfigure_cycles(abi::Format format);

  // Counts n x k x m multiply-accumulates that keep the array busy for `busy_cycles`. For tiles run
  // back to back that is their occupancy, for a tile on its own its latency.
  void record(abi::Format format, std::uint64_t n, std::uint64_t k, std::uint64_t m,
              std::uint64_t busy_cycles);

  // What is recorded from now on counts `times` times: it stands for work that nobody asks for.
  void count_times(std::uint64_t times) { times_ = times; }

  // Multiply-accumulates per cycle that the array cannot exceed.
  std::uint64_t peak_macs_per_cycle(abi::Format format) const;

  std::uint64_t macs() const;
  std::uint64_t macs(abi::Format format) const { return macs_[index(format)]; }
  std::uint64_t busy_cycles() const;  // tiles and reconfiguration
  std::uint64_t reconfigurations() const { return reconfigurations_; }
  // Share of the multipliers' slots in busy cycles that did useful work, 0..1.
  double utilisation() const;
  double energy_picojoules() const;

  void set_clock_period_ps(std::uint64_t period_ps);
  // Back to full mode; counters keep counting.
  void reset() { mode_ = Mode::kFull; }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(mode_, times_, reconfigurations_, macs_, busy_cycles_);
  }

  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;

 private:
  static std::size_t index(abi::Format format) { return static_cast<std::size_t>(format); }
  std::uint64_t weights_per_element(abi::Format format) const;

  Config config_;
  Mode mode_ = Mode::kFull;
  std::uint64_t times_ = 1;  // see count_times
  std::uint64_t reconfigurations_ = 0;
  std::array<std::uint64_t, abi::kFormatCount> macs_{};
  std::array<std::uint64_t, abi::kFormatCount> busy_cycles_{};
};

}  // namespace tandem::pe_array
