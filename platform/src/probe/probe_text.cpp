// SPDX-License-Identifier: Apache-2.0
#include "format.h"
#include "tandem/platform/names.h"
#include "tandem/platform/probe/probe_report.h"
#include "text.h"

namespace tandem::platform {
namespace {

std::string gigabytes(double gb_per_s) {
  return fixed(gb_per_s, 2) + " GB/s";
}

std::string percent(double part, double whole) {
  return (whole > 0 ? fixed(100 * part / whole, 1) : std::string("0.0")) + " %";
}

void add_file(Lines& lines, const std::filesystem::path& file) {
  if (!file.empty()) lines.add("device file", printable_path(file));
}

void add_latency(Lines& lines, const std::string& label, const LatencySummary& latency,
                 std::uint64_t tck_ps) {
  const double ns = static_cast<double>(tck_ps) * 1e-3;
  const auto both = [ns](double cycles, int digits) {
    return fixed(cycles, digits) + " (" + fixed(cycles * ns, 1) + " ns)";
  };
  const auto whole = [&both](std::uint64_t cycles) { return both(static_cast<double>(cycles), 0); };
  lines.add(label, "mean " + both(latency.mean, 1) + ", p50 " + whole(latency.p50) + ", p95 " +
                       whole(latency.p95));
  lines.add("", "p99 " + whole(latency.p99) + ", max " + whole(latency.max) + " cycles");
}

void add_commands(Lines& lines, const NamedCounts& commands) {
  std::string text;
  for (const auto& [name, count] : commands) {
    if (!text.empty()) text += ", ";
    text += name + " " + grouped(count);
  }
  lines.add("commands", text);
}

void add_energy(Lines& lines, const observe::EnergyLedger& energy) {
  const double total = energy.total_picojoules();
  for (const observe::EnergyEntry& entry : energy.entries()) {
    if (entry.picojoules == 0) continue;
    lines.add("  " + entry.component,
              energy_text(entry.picojoules) + ", " + percent(entry.picojoules, total));
  }
}

void add_check(Lines& lines, const std::optional<std::uint64_t>& violations) {
  if (violations) lines.add("timing violations", grouped(*violations));
}

}  // namespace

std::string to_text(const DeviceFile& device, const MemoryProbe& probe,
                    const MemoryProbeResult& result) {
  Lines lines;
  lines.add("device", device.device.name + ", channels: " + std::to_string(probe.channels));
  add_file(lines, probe.device_file);
  lines.add("pattern", probe.pattern.name + ", " + grouped(probe.requests) + " requests of " +
                           std::to_string(device.device.geometry.burst_bytes()) + " B, " +
                           grouped(probe.in_flight()) + " outstanding");
  lines.add("fidelity", name_of(probe.fidelity));
  lines.add("cycles", grouped(result.cycles) + " of " + std::to_string(device.device.timing.tCK) +
                          " ps, " + time_text(result.time_ps));
  lines.add("bandwidth", gigabytes(result.gb_per_s) + ", " +
                             percent(result.gb_per_s, result.peak_gb_per_s) + " of the peak " +
                             gigabytes(result.peak_gb_per_s));
  if (result.limit) {
    lines.add("limit", gigabytes(result.limit->gb_per_s) + ", bandwidth is " +
                           difference(result.gb_per_s, result.limit->gb_per_s) + " from it");
    lines.add("", result.limit->formula);
  }
  add_latency(lines, "latency", result.latency, device.device.timing.tCK);
  if (probe.fidelity == FidelityLevel::kTransaction) {
    lines.add("", "at transaction fidelity, the mean only is meaningful");
  }
  lines.add("row hits", grouped(result.row_hits) + ", rate " + percent(result.row_hit_rate, 1));
  if (result.forwarded + result.merged != 0) {
    lines.add("write queue", grouped(result.forwarded) + " reads answered from it, " +
                                 grouped(result.merged) + " writes merged");
  }
  add_commands(lines, result.commands);
  lines.add("refreshes", grouped(result.refreshes));
  if (result.energy.total_picojoules() > 0) {
    lines.add("energy", energy_text(result.energy.total_picojoules()) + ", " +
                            fixed(result.pj_per_bit(), 2) + " pJ/bit");
    add_energy(lines, result.energy);
  } else {
    lines.add("energy", "not given by the device");
  }
  add_check(lines, result.violations);
  lines.add("speed", fixed(result.requests_per_wall_s(probe.requests) * 1e-6, 2) +
                         " M requests per second of wall time");
  return lines.text() + result.violation_report;
}

std::string to_text(const DeviceFile& device, const PimProbe& probe, const PimProbeResult& result) {
  const std::uint64_t tck_ps = device.device.timing.tCK;
  Lines lines;
  lines.add("device", device.device.name + ", command set " + name_of(device.pim.command_set));
  add_file(lines, probe.device_file);
  lines.add("row buffer", name_of(result.row_buffer));
  lines.add("commands as", result.form == PimCommands::kComposite ? "composites" : "raw commands");
  lines.add("load", grouped(probe.tiles) + " tiles of " + std::to_string(probe.composites) + " x " +
                        std::to_string(probe.macs) + " columns, " + grouped(probe.writes) +
                        " buffer writes, " + grouped(probe.reads) + " reads");
  lines.add("all done", grouped(result.cycles) + " cycles of " + std::to_string(tck_ps) + " ps, " +
                            time_text(result.time_ps));
  lines.add("PIM done", grouped(result.pim_cycles) + " cycles");
  lines.add("per tile", fixed(result.cycles_per_tile, 1) + " cycles");
  lines.add("inside", gigabytes(result.inside_gb_per_s) + ", " +
                          percent(result.inside_gb_per_s, result.inside_peak_gb_per_s) +
                          " of what the multipliers take, " +
                          gigabytes(result.inside_peak_gb_per_s));
  lines.add("multipliers busy", percent(static_cast<double>(result.compute_cycles),
                                        static_cast<double>(result.pim_cycles)));
  lines.add("idle for refresh", grouped(result.refresh_idle_cycles) + " cycles, " +
                                    percent(static_cast<double>(result.refresh_idle_cycles),
                                            static_cast<double>(result.pim_cycles)));
  if (probe.reads != 0) {
    lines.add("reads done",
              grouped(result.read_cycles) + " cycles, " + gigabytes(result.read_gb_per_s));
    add_latency(lines, "read latency", result.read_latency, tck_ps);
    lines.add("row hits", grouped(result.row_hits));
  }
  add_commands(lines, result.commands);
  lines.add("refreshes", grouped(result.refreshes));
  lines.add("energy", energy_text(result.energy.total_picojoules()));
  add_energy(lines, result.energy);
  add_check(lines, result.violations);
  return lines.text() + result.violation_report;
}

}  // namespace tandem::platform
