// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/probe/pim_probe.h"

#include <algorithm>
#include <chrono>

#include "pim_bench.h"
#include "pim_commands.h"
#include "tandem/memory/command_report.h"
#include "tandem/pim/config.h"

namespace tandem::platform {
namespace {

using memory::CommandChannel;
using memory::CommandKind;
using memory::Cycle;

constexpr std::uint64_t kFp16Bytes = 2;

// As PimStack does, but rows that are opened again after a refresh are paid for.
void spend_on_computing(const DeviceFile& device, const CommandChannel& channel,
                        const pim::PlanCounts& counts, const pim::CommandSetConfig& config,
                        observe::EnergySink& sink) {
  const pim::CommandEnergy commands = pim_command_energy(device.pim, device.device, config);
  const auto spend = [&](const char* component, double picojoules, std::uint64_t count,
                         const std::string& source) {
    sink.spend(component, picojoules * static_cast<double>(count), source);
  };
  spend("pim_activate", commands.activate_pj,
        channel.counters().of(CommandKind::kGroupActivate) * config.banks.banks_per_activate,
        commands.source);
  spend("pim_column", commands.column_pj, counts.columns, commands.source);
  spend("pim_buffer_write", commands.buffer_write_pj, counts.buffer_writes, commands.source);
  spend("pim_buffer_load", commands.buffer_load_pj, counts.buffer_loads, commands.source);
  spend("pim_result_read", commands.result_read_pj, counts.result_reads, commands.source);
  if (commands.with_macs) return;
  const bool given = device.pim.energy.mac_pj > 0;
  const pim::Energy assumed;
  spend("pim_mac", given ? device.pim.energy.mac_pj : assumed.fp16_mac_pj,
        counts.columns * (config.column_bytes / kFp16Bytes),
        given ? device.pim.energy.source : assumed.source);
}

double gb_per_s(double bytes, std::uint64_t ps) {
  return ps == 0 ? 0 : bytes * 1e3 / static_cast<double>(ps);
}

}  // namespace

PimProbeResult probe_pim(const DeviceFile& device, const PimProbe& probe) {
  const std::unique_ptr<pim::PimCommandSet> set = command_set_of(device, probe);
  const memory::ComputeBanks& banks = set->banks();
  const auto begin = std::chrono::steady_clock::now();
  PimBench bench(device, *set, probe.check, !probe.log.empty());
  PimWork work(*set, probe);
  StreamingReads reads(device, probe.reads);
  bench.run(work, reads);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;

  const std::uint64_t tck_ps = device.device.timing.tCK;
  PimProbeResult result;
  result.row_buffer = probe.row_buffer_of(device.pim);
  result.form = probe.commands_of(device.pim);
  result.pim_cycles = bench.last_result() == 0 ? 0 : bench.last_result() + 1;
  result.read_cycles = probe.reads == 0 ? 0 : bench.last_read() + 1;
  result.cycles = std::max(result.pim_cycles, result.read_cycles);
  result.time_ps = result.cycles * tck_ps;
  if (probe.tiles != 0) {
    result.cycles_per_tile =
        static_cast<double>(result.pim_cycles) / static_cast<double>(probe.tiles);
  }
  const double bytes_per_compute = static_cast<double>(device.device.geometry.banks()) /
                                   set->config().banks_per_unit * set->config().column_bytes;
  result.inside_gb_per_s = gb_per_s(bytes_per_compute * static_cast<double>(bench.computes()),
                                    result.pim_cycles * tck_ps);
  result.inside_peak_gb_per_s = gb_per_s(bytes_per_compute, banks.compute_spacing * tck_ps);
  result.read_gb_per_s =
      gb_per_s(static_cast<double>(probe.reads) * device.device.geometry.burst_bytes(),
               result.read_cycles * tck_ps);
  result.read_latency = bench.latencies().summary();
  result.compute_cycles = bench.computes() * banks.compute_spacing;
  result.refresh_idle_cycles = bench.idle_cycles();
  result.wall_s = elapsed.count();
  if (result.wall_s > 0) {
    result.requests_per_wall_s =
        static_cast<double>(bench.operations() + probe.reads) / result.wall_s;
  }

  bench.finish(result.cycles);
  const CommandChannel& channel = bench.channel();
  const CommandChannel::Counters& counters = channel.counters();
  result.row_hits = counters.row_hits;
  result.refreshes = counters.of(CommandKind::kRefresh) + counters.of(CommandKind::kRefreshBank);
  for (std::size_t kind = 0; kind < memory::kCommandKinds; ++kind) {
    if (counters.commands[kind] == 0) continue;
    result.commands.emplace_back(memory::kCommandNames[kind], counters.commands[kind]);
  }
  memory::collect_energy(channel, device.device, result.time_ps, result.energy);
  spend_on_computing(device, channel, work.counts(), set->config(), result.energy);
  if (probe.check) result.violations = bench.log().violations();
  result.violation_report = bench.log().report();
  bench.log().write(probe.log);
  return result;
}

}  // namespace tandem::platform
