// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/channel.h"

#include <algorithm>

namespace tandem::memory {
namespace {

constexpr std::uint64_t kNever = std::uint64_t{1} << 62;  // leaves room for sums

unsigned log2_of(std::uint64_t power_of_two) {
  unsigned bits = 0;
  while ((std::uint64_t{1} << bits) < power_of_two) ++bits;
  return bits;
}

}  // namespace

Channel::Channel(const DeviceConfig& device, const ControllerConfig& controller)
    : device_(device),
      controller_(controller),
      burst_ps_(device.geometry.burst_ps()),
      burst_shift_(log2_of(device.geometry.burst_bytes())),
      group_shift_(log2_of(device.geometry.banks_per_group)),
      refresh_window_ps_(device.timing.tRP + device.timing.tRFC) {
  reset(0);
}

void Channel::reset(std::uint64_t time_ps) {
  refreshes_before_epoch_ = refreshes(time_ps);
  epoch_ps_ = time_ps;
  const DeviceGeometry& geometry = device_.geometry;
  banks_.assign(geometry.banks(), Bank{});
  group_ready_ps_.assign(std::size_t{geometry.ranks} * geometry.bank_groups, 0);
  recent_activates_ps_.fill(0);
  oldest_activate_ = 0;
  activate_ready_ps_ = 0;
  bus_ready_ps_ = 0;
  bus_used_ = false;
  last_was_write_ = false;
  period_begin_ps_ = epoch_ps_;
  period_end_ps_ = device_.timing.tREFI == 0 ? kNever : epoch_ps_ + device_.timing.tREFI;
}

// When the last refresh before `time_ps` began; the epoch if there was none yet.
std::uint64_t Channel::period(std::uint64_t time_ps) const {
  next_refresh_ps(time_ps);
  return period_begin_ps_;
}

std::uint64_t Channel::next_refresh_ps(std::uint64_t time_ps) const {
  if (time_ps >= period_begin_ps_ && time_ps < period_end_ps_) return period_end_ps_;
  const std::uint64_t interval = device_.timing.tREFI;
  if (interval == 0) return kNever;
  const std::uint64_t since = time_ps > epoch_ps_ ? time_ps - epoch_ps_ : 0;
  period_begin_ps_ = epoch_ps_ + since / interval * interval;
  period_end_ps_ = period_begin_ps_ + interval;
  return period_end_ps_;
}

std::uint64_t Channel::after_refresh_ps(std::uint64_t time_ps) const {
  const std::uint64_t begin_ps = period(time_ps);
  if (begin_ps == epoch_ps_) return time_ps;  // no refresh has happened yet
  return std::max(time_ps, begin_ps + refresh_window_ps_);
}

std::uint64_t Channel::refreshes(std::uint64_t time_ps) const {
  if (device_.timing.tREFI == 0 || time_ps < epoch_ps_) return refreshes_before_epoch_;
  return refreshes_before_epoch_ + (time_ps - epoch_ps_) / device_.timing.tREFI;
}

std::uint64_t Channel::column_floor_ps(unsigned group, bool is_write,
                                       std::uint64_t earliest_ps) const {
  const DeviceTiming& t = device_.timing;
  std::uint64_t bus_ps = bus_ready_ps_;
  if (bus_used_ && last_was_write_ && !is_write) {
    bus_ps += t.CWL + t.tWTR_L;
  } else if (bus_used_ && !last_was_write_ && is_write) {
    // The first write data follow the last read data after tRTRS.
    const std::uint64_t read_end_ps = bus_ps + t.CL + t.tRTRS;
    bus_ps = std::max(bus_ps, read_end_ps > t.CWL ? read_end_ps - t.CWL : 0);
  }
  return std::max({bus_ps, group_ready_ps_[group], earliest_ps});
}

// Returns the time of the first column command to the row.
std::uint64_t Channel::open_row(Bank& bank, std::uint32_t row, std::uint64_t earliest_ps,
                                std::uint64_t column_floor_ps) {
  if (bank.row == row && row_open(bank, column_floor_ps)) {
    const std::uint64_t column_ps =
        std::max(column_floor_ps, bank.activated_ps + device_.timing.tRCDRD);
    if (row_open(bank, column_ps)) {
      ++counters_.row_hits;
      return column_ps;
    }
  }
  ++(row_open(bank, column_floor_ps) ? counters_.row_conflicts : counters_.row_misses);
  return activate(bank, row, earliest_ps, column_floor_ps);
}

std::uint64_t Channel::activate(Bank& bank, std::uint32_t row, std::uint64_t earliest_ps,
                                std::uint64_t column_floor_ps) {
  const DeviceTiming& t = device_.timing;
  std::uint64_t activate_ps = std::max({earliest_ps, bank.activate_ready_ps, activate_ready_ps_,
                                        recent_activates_ps_[oldest_activate_]});
  if (row_open(bank, activate_ps)) {
    activate_ps = std::max(activate_ps, std::max(earliest_ps, bank.precharge_ready_ps) + t.tRP);
  }
  activate_ps = after_refresh_ps(activate_ps);
  std::uint64_t column_ps = std::max(activate_ps + t.tRCDRD, column_floor_ps);
  while (next_refresh_ps(activate_ps) <= column_ps) {
    // A refresh would close the row before its data are due.
    activate_ps = std::max(activate_ps, period(column_ps) + refresh_window_ps_);
    column_ps = std::max(activate_ps + t.tRCDRD, column_floor_ps);
  }
  bank.row = row;
  bank.activated_ps = activate_ps;
  bank.closes_ps = next_refresh_ps(activate_ps);
  bank.activate_ready_ps = activate_ps + t.tRC;
  bank.precharge_ready_ps = activate_ps + t.tRAS;
  activate_ready_ps_ = activate_ps + t.tRRD_S;
  recent_activates_ps_[oldest_activate_] = activate_ps + t.tFAW;
  oldest_activate_ = (oldest_activate_ + 1) % 4;
  ++counters_.activates;
  return column_ps;
}

void Channel::occupy_bus(std::uint64_t column_ps, std::uint64_t bursts, bool is_write) {
  bus_ready_ps_ = column_ps + bursts * burst_ps_;
  bus_used_ = true;
  last_was_write_ = is_write;
  counters_.busy_ps += bursts * burst_ps_;
  (is_write ? counters_.write_bursts : counters_.read_bursts) += bursts;
}

Interval Channel::reserve(unsigned bank_index, unsigned row, unsigned column_byte,
                          std::uint64_t bytes, bool is_write, std::uint64_t earliest_ps) {
  const DeviceTiming& t = device_.timing;
  Bank& bank = banks_[bank_index];
  const unsigned group = bank_index >> group_shift_;
  const std::uint64_t pace_ps = std::max(burst_ps_, t.tCCD_L);
  const std::uint64_t burst_mask = (std::uint64_t{1} << burst_shift_) - 1;
  std::uint64_t bursts = ((column_byte & burst_mask) + bytes + burst_mask) >> burst_shift_;
  (is_write ? counters_.write_bytes : counters_.read_bytes) += bytes;

  Interval data{kNever, 0};
  while (bursts > 0) {
    const std::uint64_t floor_ps = after_refresh_ps(column_floor_ps(group, is_write, earliest_ps));
    const std::uint64_t column_ps = open_row(bank, row, earliest_ps, floor_ps);
    // The bus is charged for the data only, and the bank group for the pace of its bursts, from
    // the time at which it could have begun: a controller mixes bursts of several groups.
    const std::uint64_t since_ps =
        std::max({group_ready_ps_[group], bank.activated_ps + t.tRCDRD, earliest_ps});
    const std::uint64_t refresh_ps = next_refresh_ps(column_ps);
    const std::uint64_t count =
        std::min({bursts, (refresh_ps - column_ps + burst_ps_ - 1) / burst_ps_,
                  (refresh_ps - since_ps + pace_ps - 1) / pace_ps});
    bursts -= count;
    const std::uint64_t last_ps =
        std::max(column_ps + (count - 1) * burst_ps_, since_ps + (count - 1) * pace_ps);
    occupy_bus(column_ps, count, is_write);
    group_ready_ps_[group] = since_ps + count * pace_ps;
    const std::uint64_t recovery_ps = is_write ? t.CWL + burst_ps_ + t.tWR : t.tRTP_L;
    bank.precharge_ready_ps = std::max(bank.precharge_ready_ps, last_ps + recovery_ps);
    const std::uint64_t latency_ps = is_write ? t.CWL : t.CL;
    data.begin_ps = std::min(data.begin_ps, column_ps + latency_ps);
    data.end_ps = last_ps + burst_ps_ + latency_ps;
  }
  return data;
}

Interval Channel::reserve_bus(std::uint64_t bytes, bool is_write, std::uint64_t earliest_ps) {
  const std::uint64_t burst_mask = (std::uint64_t{1} << burst_shift_) - 1;
  const std::uint64_t bursts = (bytes + burst_mask) >> burst_shift_;
  std::uint64_t column_ps = std::max(earliest_ps, bus_ready_ps_);
  if (bus_used_ && last_was_write_ != is_write) {
    column_ps = column_floor_ps(0, is_write, earliest_ps);
  }
  column_ps = after_refresh_ps(column_ps);
  occupy_bus(column_ps, bursts, is_write);
  (is_write ? counters_.write_bytes : counters_.read_bytes) += bytes;
  const std::uint64_t latency_ps = is_write ? device_.timing.CWL : device_.timing.CL;
  return {column_ps + latency_ps, column_ps + bursts * burst_ps_ + latency_ps};
}

// When the bank could be activated if it were closed as soon as possible from `time_ps` on.
std::uint64_t Channel::precharge_ready_ps(const Bank& bank, std::uint64_t time_ps) const {
  const std::uint64_t ready_ps = std::max(time_ps, bank.activate_ready_ps);
  if (!row_open(bank, time_ps)) return ready_ps;
  return std::max(ready_ps, std::max(time_ps, bank.precharge_ready_ps) + device_.timing.tRP);
}

std::uint64_t Channel::compute_ready_ps(std::uint64_t bank_mask, std::uint64_t earliest_ps) const {
  std::uint64_t begin_ps = earliest_ps;
  for (std::size_t i = 0; i < banks_.size(); ++i) {
    if ((bank_mask >> i & 1) != 0) {
      begin_ps = std::max(begin_ps, precharge_ready_ps(banks_[i], earliest_ps));
    }
  }
  return after_refresh_ps(begin_ps);
}

Interval Channel::reserve_compute(std::uint64_t bank_mask, std::uint64_t earliest_ps,
                                  std::uint64_t duration_ps, std::uint64_t rows_opened) {
  const DeviceTiming& t = device_.timing;
  const std::uint64_t begin_ps = compute_ready_ps(bank_mask, earliest_ps);
  std::uint64_t end_ps = begin_ps + duration_ps;
  for (std::uint64_t refresh_ps = next_refresh_ps(begin_ps); refresh_ps < end_ps;
       refresh_ps = next_refresh_ps(refresh_ps)) {
    end_ps += refresh_window_ps_ + t.tRCDRD;
  }
  for (std::size_t i = 0; i < banks_.size(); ++i) {
    if ((bank_mask >> i & 1) == 0) continue;
    banks_[i].row = kNoRow;
    banks_[i].activate_ready_ps = end_ps;
  }
  counters_.activates += rows_opened;
  counters_.compute_ps += end_ps - begin_ps;
  return {begin_ps, end_ps};
}

void Channel::collect(observe::StatisticsSink& sink, std::uint64_t time_ps) const {
  const Counters& c = counters_;
  sink.value("read_bytes", c.read_bytes, "B", "bytes read by transactions");
  sink.value("write_bytes", c.write_bytes, "B", "bytes written by transactions");
  sink.value("row_hits", c.row_hits, "1", "runs within a row that found it open");
  sink.value("row_misses", c.row_misses, "1", "runs that found their bank precharged");
  sink.value("row_conflicts", c.row_conflicts, "1", "runs that found another row open");
  sink.value("activates", c.activates, "1", "rows opened");
  sink.value("refreshes", refreshes(time_ps), "1", "refreshes of all banks");
  sink.value("busy", c.busy_ps, "ps", "time with data on the bus");
  sink.value("compute", c.compute_ps, "ps", "time reserved for computation in the banks");
  sink.value("utilisation",
             time_ps == 0 ? 0.0 : static_cast<double>(c.busy_ps) / static_cast<double>(time_ps),
             "fraction", "busy time over simulated time");
}

void Channel::collect_energy(observe::EnergySink& sink, std::uint64_t time_ps) const {
  const DeviceEnergy& energy = device_.energy;
  const double burst_bits = 8.0 * device_.geometry.burst_bytes();
  const auto times = [](double pj, std::uint64_t count) { return pj * static_cast<double>(count); };
  sink.spend("activate", times(energy.activate_pj, counters_.activates), energy.source);
  sink.spend("read", times(energy.read_pj_per_bit * burst_bits, counters_.read_bursts),
             energy.source);
  sink.spend("write", times(energy.write_pj_per_bit * burst_bits, counters_.write_bursts),
             energy.source);
  sink.spend("refresh", times(energy.refresh_pj, refreshes(time_ps)), energy.source);
  // 1 mW for 1 ps is 0.001 pJ.
  sink.spend("standby",
             energy.standby_mw * 1e-3 * static_cast<double>(time_ps) * device_.geometry.ranks,
             energy.source);
}

}  // namespace tandem::memory
