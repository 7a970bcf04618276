// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"

namespace tandem::memory {

struct Interval {
  std::uint64_t begin_ps;
  std::uint64_t end_ps;
};

// Time of one DRAM channel at transaction fidelity. Nothing is simulated step by step: each access
// reserves banks, data bus and activation slots arithmetically, in the order of the calls.
//
// Modelled: rows left open (hit, miss, conflict), activates ahead of the data bus, tRCD, tRP, tRAS,
// tRC, tRRD, tFAW, tCCD_L, tRTP, tWR, write/read turnaround, refresh of all banks every tREFI. Not
// modelled: reordering (FR-FCFS), write buffering, per-bank refresh, the command bus, tRTRS.
class Channel {
 public:
  static constexpr std::uint64_t kAllBanks = ~std::uint64_t{0};

  struct Counters {
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bytes = 0;
    std::uint64_t row_hits = 0;       // runs that found their row open
    std::uint64_t row_misses = 0;     // runs that found the bank precharged
    std::uint64_t row_conflicts = 0;  // runs that found another row open
    std::uint64_t activates = 0;
    std::uint64_t read_bursts = 0;
    std::uint64_t write_bursts = 0;
    std::uint64_t busy_ps = 0;     // data on the bus
    std::uint64_t compute_ps = 0;  // reserved for computation in the banks
  };

  // Both have been validated.
  Channel(const DeviceConfig& device, const ControllerConfig& controller);

  // Reads or writes `bytes` (> 0) of one row from byte `column_byte` on, not before `earliest_ps`.
  // Returns the time from the first to the last byte on the data bus.
  Interval reserve(unsigned bank, unsigned row, unsigned column_byte, std::uint64_t bytes,
                   bool is_write, std::uint64_t earliest_ps);

  // The data bus alone, for bytes that do not come from a row (global buffers, results).
  Interval reserve_bus(std::uint64_t bytes, bool is_write, std::uint64_t earliest_ps);

  // Banks busy with computation (PIM in blocked mode). Starts when every bank of the mask can be
  // precharged and activated again, counts `rows_opened` activates, pauses for refresh (and opens
  // the rows again), and leaves the banks precharged. The data bus stays free. `duration_ps`
  // includes the caller's own activates and precharges.
  Interval reserve_compute(std::uint64_t bank_mask, std::uint64_t earliest_ps,
                           std::uint64_t duration_ps, std::uint64_t rows_opened);

  // The time at which reserve_compute() would start.
  std::uint64_t compute_ready_ps(std::uint64_t bank_mask, std::uint64_t earliest_ps) const;
  // `time_ps`, or the end of the refresh that it falls into.
  std::uint64_t after_refresh_ps(std::uint64_t time_ps) const;

  // As new at `time_ps`; counters stay.
  void reset(std::uint64_t time_ps);

  const DeviceConfig& device() const { return device_; }
  const Counters& counters() const { return counters_; }
  // Refreshes up to `time_ps`.
  std::uint64_t refreshes(std::uint64_t time_ps) const;
  void collect(observe::StatisticsSink& sink, std::uint64_t time_ps) const;
  void collect_energy(observe::EnergySink& sink, std::uint64_t time_ps) const;

 private:
  static constexpr std::uint32_t kNoRow = ~std::uint32_t{0};
  struct Bank {
    std::uint32_t row = kNoRow;
    std::uint64_t activated_ps = 0;
    std::uint64_t closes_ps = 0;           // the refresh that closes the row
    std::uint64_t precharge_ready_ps = 0;  // while a row is open
    std::uint64_t activate_ready_ps = 0;
  };

  std::uint64_t period(std::uint64_t time_ps) const;
  std::uint64_t next_refresh_ps(std::uint64_t time_ps) const;
  static bool row_open(const Bank& bank, std::uint64_t time_ps) {
    return bank.row != kNoRow && time_ps < bank.closes_ps;
  }
  std::uint64_t column_floor_ps(unsigned group, bool is_write, std::uint64_t earliest_ps) const;
  std::uint64_t activate(Bank& bank, std::uint32_t row, std::uint64_t earliest_ps,
                         std::uint64_t column_floor_ps);
  std::uint64_t open_row(Bank& bank, std::uint32_t row, std::uint64_t earliest_ps,
                         std::uint64_t column_floor_ps);
  void occupy_bus(std::uint64_t column_ps, std::uint64_t bursts, bool is_write);
  std::uint64_t precharge_ready_ps(const Bank& bank, std::uint64_t time_ps) const;

  DeviceConfig device_;
  ControllerConfig controller_;
  std::uint64_t burst_ps_;
  unsigned burst_shift_;  // log2 of the bytes of a burst
  unsigned group_shift_;  // log2 of the banks of a group
  std::uint64_t refresh_window_ps_;
  std::vector<Bank> banks_;
  std::vector<std::uint64_t> group_ready_ps_;           // next column command, by bank group
  std::array<std::uint64_t, 4> recent_activates_ps_{};  // end of the tFAW windows, oldest next
  unsigned oldest_activate_ = 0;
  std::uint64_t activate_ready_ps_ = 0;  // tRRD
  // All times of the bus are those of column commands; data follow by CL or CWL.
  std::uint64_t bus_ready_ps_ = 0;
  bool last_was_write_ = false;
  bool bus_used_ = false;
  std::uint64_t epoch_ps_ = 0;  // refreshes happen at epoch + n * tREFI, n >= 1
  std::uint64_t refreshes_before_epoch_ = 0;
  // The refresh period looked up last: [begin, end), end being the next refresh.
  mutable std::uint64_t period_begin_ps_ = 0;
  mutable std::uint64_t period_end_ps_ = 0;
  Counters counters_;
};

}  // namespace tandem::memory
