// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/command_report.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace tandem::memory {
namespace {

std::string statistic_name(CommandKind kind) {
  std::string name(name_of(kind));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return "commands_" + name;
}

}  // namespace

void collect(const CommandChannel& channel, std::uint64_t time_ps, observe::StatisticsSink& sink) {
  const CommandChannel::Counters& c = channel.counters();
  const std::uint64_t tck_ps = channel.timing().cycles().tck_ps;
  for (std::size_t i = 0; i < kCommandKinds; ++i) {
    if (c.commands[i] == 0) continue;
    sink.value(statistic_name(static_cast<CommandKind>(i)), c.commands[i], "1", "commands issued");
  }
  const std::uint64_t busy_ps = c.data_cycles * tck_ps;
  sink.value("row_hits", c.row_hits, "1", "column commands whose row was open already");
  sink.value("forwarded", c.forwarded, "1", "reads answered from the write queue");
  sink.value("merged_writes", c.merged_writes, "1", "writes to what a queued write holds");
  sink.value("busy", busy_ps, "ps", "time with data on the bus");
  sink.value("utilisation",
             time_ps == 0 ? 0.0 : static_cast<double>(busy_ps) / static_cast<double>(time_ps),
             "fraction", "busy time over simulated time");
}

void collect_energy(const CommandChannel& channel, const DeviceConfig& device,
                    std::uint64_t time_ps, observe::EnergySink& sink) {
  const DeviceEnergy& energy = device.energy;
  const CommandChannel::Counters& c = channel.counters();
  const auto count = [&c](std::initializer_list<CommandKind> kinds) {
    std::uint64_t sum = 0;
    for (const CommandKind kind : kinds) sum += c.of(kind);
    return static_cast<double>(sum);
  };
  const double bits = 8.0 * device.geometry.burst_bytes();
  const double reads = count({CommandKind::kRead, CommandKind::kReadPrecharge});
  const double writes = count({CommandKind::kWrite, CommandKind::kWritePrecharge});
  const auto spend = [&](const char* component, double picojoules) {
    sink.spend(component, picojoules, energy.source);
  };
  spend("activate", energy.activate_pj * count({CommandKind::kActivate}));
  spend("read", energy.read_pj_per_bit * bits * reads);
  spend("write", energy.write_pj_per_bit * bits * writes);
  spend("io", energy.io_pj_per_bit * bits * (reads + writes));
  spend("refresh", energy.refresh_pj * count({CommandKind::kRefresh}) +
                       energy.refresh_bank_pj * count({CommandKind::kRefreshBank}));
  // 1 mW for 1 ps is 0.001 pJ. Whole cycles, so that neither sum ever falls.
  const std::uint64_t tck_ps = channel.timing().cycles().tck_ps;
  const Cycle now = time_ps / tck_ps;
  const std::uint64_t open_cycles = channel.active_cycles(now);
  const auto milliwatts = [&](double mw, std::uint64_t cycles) {
    return 1e-3 * mw * static_cast<double>(cycles * tck_ps);
  };
  spend("active_standby", milliwatts(energy.active_standby_mw, open_cycles));
  spend("standby", milliwatts(energy.standby_mw, now * device.geometry.ranks - open_cycles));
}

}  // namespace tandem::memory
