// SPDX-License-Identifier: Apache-2.0
// Commands by name, for logs written by hand: act(cycle, bank, row). Banks of quiet_device().
#pragma once
#include <vector>

#include "tandem/memory/command.h"
#include "tandem/memory/compute_banks.h"
#include "tandem/memory/device.h"

namespace tandem::memory::test {

constexpr unsigned kRanks = 2;
constexpr unsigned kGroups = 4;
constexpr unsigned kBanksPerGroup = 4;
constexpr unsigned kBanksPerRank = kGroups * kBanksPerGroup;
constexpr Cycle kBurst = 2;
constexpr std::uint64_t kClockPs = 1000;

// A device without any rule but a burst of 2 cycles: tests add what they want.
inline DeviceConfig quiet_device() {
  DeviceConfig device;
  device.name = "quiet";
  device.geometry.ranks = kRanks;
  device.geometry.bank_groups = kGroups;
  device.geometry.banks_per_group = kBanksPerGroup;
  device.geometry.rows = 1024;
  device.geometry.row_bytes = 1024;
  device.geometry.bus_bits = 128;
  device.geometry.burst_length = 4;
  device.geometry.data_rate_mtps = 2000;
  device.timing.tCK = kClockPs;
  return device;
}

inline Command command(Cycle cycle, CommandKind kind, unsigned bank = 0, std::uint32_t row = 0,
                       std::uint32_t column = 0) {
  Command c;
  c.cycle = cycle;
  c.kind = kind;
  c.rank = static_cast<std::uint8_t>(bank / kBanksPerRank);
  c.group = static_cast<std::uint8_t>(bank / kBanksPerGroup % kGroups);
  c.bank = static_cast<std::uint8_t>(bank);
  c.row = row;
  c.column = column;
  return c;
}

inline Command counted(Cycle cycle, CommandKind kind, unsigned count) {
  Command c = command(cycle, kind);
  c.count = static_cast<std::uint16_t>(count);
  return c;
}

inline Command act(Cycle cycle, unsigned bank, std::uint32_t row = 0) {
  return command(cycle, CommandKind::kActivate, bank, row);
}
inline Command pre(Cycle cycle, unsigned bank) {
  return command(cycle, CommandKind::kPrecharge, bank);
}
inline Command rd(Cycle cycle, unsigned bank, std::uint32_t row = 0) {
  return command(cycle, CommandKind::kRead, bank, row);
}
inline Command wr(Cycle cycle, unsigned bank, std::uint32_t row = 0) {
  return command(cycle, CommandKind::kWrite, bank, row);
}
inline Command rda(Cycle cycle, unsigned bank, std::uint32_t row = 0) {
  return command(cycle, CommandKind::kReadPrecharge, bank, row);
}
inline Command wra(Cycle cycle, unsigned bank, std::uint32_t row = 0) {
  return command(cycle, CommandKind::kWritePrecharge, bank, row);
}
inline Command ref(Cycle cycle, unsigned rank) {
  return command(cycle, CommandKind::kRefresh, rank * kBanksPerRank);
}
inline Command refpb(Cycle cycle, unsigned bank) {
  return command(cycle, CommandKind::kRefreshBank, bank);
}
inline Command wcksync(Cycle cycle) {
  return command(cycle, CommandKind::kWckSync);
}
inline Command gact(Cycle cycle, unsigned first_bank, std::uint32_t row = 0) {
  return command(cycle, CommandKind::kGroupActivate, first_bank, row);
}
inline Command pimpre(Cycle cycle, unsigned bank) {
  return command(cycle, CommandKind::kComputePrecharge, bank);
}
inline Command pimprea(Cycle cycle) {
  return command(cycle, CommandKind::kComputePrechargeAll);
}
inline Command gwrite(Cycle cycle, unsigned bank, std::uint32_t row = 0) {
  return command(cycle, CommandKind::kBufferWrite, bank, row);
}
inline Command wrgb(Cycle cycle) {
  return command(cycle, CommandKind::kBufferLoad);
}
inline Command comp(Cycle cycle, unsigned vectors = 1) {
  return counted(cycle, CommandKind::kCompute, vectors);
}
inline Command comps(Cycle cycle, unsigned computes) {
  return counted(cycle, CommandKind::kComputeRead, computes);
}
inline Command readres(Cycle cycle) {
  return command(cycle, CommandKind::kResultRead);
}
inline Command mode(Cycle cycle) {
  return command(cycle, CommandKind::kMode);
}

}  // namespace tandem::memory::test
