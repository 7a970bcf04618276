// SPDX-License-Identifier: Apache-2.0
#include "timing_oracle.h"

#include <algorithm>
#include <random>

namespace tandem::memory::test {
namespace {

using K = CommandKind;

bool is_write(const Command& c) {
  return is_column(c.kind) && !is_read(c.kind);
}
bool precharges_itself(const Command& c) {
  return c.kind == K::kReadPrecharge || c.kind == K::kWritePrecharge;
}
bool is_activate(const Command& c) {
  return c.kind == K::kActivate;
}

// a - b, but not less than 0.
Cycle less(Cycle a, Cycle b) {
  return a > b ? a - b : 0;
}

}  // namespace

DeviceConfig drawn_device(unsigned seed) {
  std::mt19937 random(seed);
  const auto draw = [&random](unsigned from, unsigned to) {
    return std::uniform_int_distribution<unsigned>(from, to)(random);
  };
  DeviceConfig device;
  device.name = "drawn " + std::to_string(seed);
  DeviceGeometry& g = device.geometry;
  g.ranks = 1U << draw(0, 2);
  g.bank_groups = 1U << draw(0, 2);
  g.banks_per_group = 1U << draw(0, 2);
  g.rows = 256;
  g.row_bytes = 1024;
  g.bus_bits = 128;
  g.burst_length = 16;
  g.data_rate_mtps = 2000;
  g.separate_command_buses = draw(0, 1) == 1;
  DeviceTiming& t = device.timing;
  for (const TimingField& field : kTimingFields) t.*field.value = draw(1, 30);
  t.tCCD_S = draw(1, 8);
  t.tCCD_L = t.tCCD_S + draw(0, 8);
  t.tRTP_L = t.tRTP_S + draw(0, 5);
  t.tRRD_L = t.tRRD_S + draw(0, 5);
  t.tWTR_L = t.tWTR_S + draw(0, 5);
  t.tRC = t.tRAS + t.tRP + draw(0, 10);
  t.tFAW = t.tRRD_S * 4 + draw(0, 30);
  t.tRFC = draw(60, 120);
  t.tRFCpb = draw(20, 60);
  t.tREFI = draw(2500, 4000);
  t.tWCKSYNC = 0;
  t.tWCKIDLE = 0;
  constexpr std::uint64_t kClockPs = 1000;
  if (const unsigned given = draw(0, 3); given < 2) (given == 0 ? t.tRTP_S : t.tRTP_L) = 0;
  for (const TimingField& field : kTimingFields) t.*field.value *= kClockPs;
  t.tCK = kClockPs;
  return device;
}

TimingOracle::TimingOracle(const DeviceConfig& device)
    : burst_((device.geometry.burst_ps() + device.timing.tCK / 2) / device.timing.tCK),
      two_buses_(device.geometry.separate_command_buses) {
  for (const TimingField& field : kTimingFields) {
    const std::uint64_t ps = device.timing.*field.value;
    t_.*field.value = (ps + device.timing.tCK - 1) / device.timing.tCK;
  }
  read_to_precharge_ = device.geometry.bank_groups == 1 ? t_.tRTP_S : t_.tRTP_L;
  if (read_to_precharge_ == 0) read_to_precharge_ = std::max(t_.tRTP_S, t_.tRTP_L);
}

Cycle TimingOracle::earliest(const std::vector<Command>& log, std::size_t count,
                             const Command& command) const {
  Cycle cycle = 0;
  unsigned activates = 0;  // of the rank, from the last one back
  for (std::size_t i = count; i-- > 0;) {
    const Command& from = log[i];
    cycle = std::max(cycle, from.cycle + (same_bus(from, command) ? 1 : 0));
    cycle = std::max(cycle, from.cycle + distance(from, command));
    const bool one_rank = from.rank == command.rank;
    const bool needs_precharge =
        command.kind == K::kRefresh ? one_rank
                                    : from.bank == command.bank &&
                                          (is_activate(command) || command.kind == K::kRefreshBank);
    if (precharges_itself(from) && needs_precharge) {
      cycle = std::max(cycle, internal_precharge(log, i) + t_.tRP);
    }
    if (is_activate(from) && is_activate(command) && one_rank && ++activates == 4) {
      cycle = std::max(cycle, from.cycle + t_.tFAW);
    }
  }
  return cycle;
}

bool TimingOracle::same_bus(const Command& a, const Command& b) const {
  return !two_buses_ || is_column(a.kind) == is_column(b.kind);
}

Cycle TimingOracle::internal_precharge(const std::vector<Command>& log, std::size_t index) const {
  const Command& column = log[index];
  Cycle cycle =
      column.cycle + (is_read(column.kind) ? read_to_precharge_ : t_.CWL + burst_ + t_.tWR);
  for (std::size_t i = index; i-- > 0;) {
    if (!is_activate(log[i]) || log[i].bank != column.bank) continue;
    cycle = std::max(cycle, log[i].cycle + t_.tRAS);
    break;
  }
  return cycle;
}

Cycle TimingOracle::distance(const Command& from, const Command& to) const {
  const bool rank = from.rank == to.rank;
  const bool group = rank && from.group == to.group;
  const bool bank = from.bank == to.bank;
  const Cycle written = t_.CWL + burst_;
  const Cycle ccd = group ? t_.tCCD_L : rank ? t_.tCCD_S : 0;

  if (is_column(from.kind) && is_column(to.kind)) {
    if (is_read(from.kind) && is_read(to.kind)) {
      return std::max(ccd, burst_ + (rank ? 0 : t_.tRTRS));
    }
    if (is_write(from) && is_write(to)) return std::max(ccd, burst_);
    if (is_read(from.kind)) return less(t_.CL + burst_ + t_.tRTRS, t_.CWL);
    if (!rank) return less(written + t_.tRTRS, t_.CL);
    return std::max(written + (group ? t_.tWTR_L : t_.tWTR_S), less(written, t_.CL));
  }
  if (!rank) return 0;
  switch (from.kind) {
    case K::kActivate:
      if (is_activate(to)) return bank ? t_.tRC : group ? t_.tRRD_L : t_.tRRD_S;
      if (to.kind == K::kRefreshBank) return bank ? 0 : t_.tRRD_S;
      if (!bank) return 0;
      if (to.kind == K::kPrecharge) return t_.tRAS;
      return is_read(to.kind) ? t_.tRCDRD : is_write(to) ? t_.tRCDWR : 0;
    case K::kPrecharge:
      if (to.kind == K::kPrecharge) return t_.tPPD;
      if (to.kind == K::kRefresh) return t_.tRP;
      return bank && (is_activate(to) || to.kind == K::kRefreshBank) ? t_.tRP : 0;
    case K::kRefresh:
      return is_activate(to) || to.kind == K::kRefresh || to.kind == K::kRefreshBank ? t_.tRFC : 0;
    case K::kRefreshBank:
      if (is_activate(to)) return bank ? t_.tRFCpb : t_.tRRD_S;
      return to.kind == K::kRefresh || to.kind == K::kRefreshBank ? t_.tRFCpb : 0;
    default:  // a column command
      if (to.kind != K::kPrecharge || !bank) return 0;
      return is_read(from.kind) ? read_to_precharge_ : written + t_.tWR;
  }
}

}  // namespace tandem::memory::test
