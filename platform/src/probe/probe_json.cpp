// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/names.h"
#include "tandem/platform/probe/probe_report.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Json = nlohmann::ordered_json;

Json latency_json(const LatencySummary& latency) {
  Json json;
  json["mean"] = latency.mean;
  json["p50"] = latency.p50;
  json["p95"] = latency.p95;
  json["p99"] = latency.p99;
  json["max"] = latency.max;
  return json;
}

Json latency_ns_json(const LatencySummary& latency, std::uint64_t tck_ps) {
  const double ns = static_cast<double>(tck_ps) * 1e-3;
  Json json;
  json["mean"] = latency.mean * ns;
  json["p50"] = static_cast<double>(latency.p50) * ns;
  json["p95"] = static_cast<double>(latency.p95) * ns;
  json["p99"] = static_cast<double>(latency.p99) * ns;
  json["max"] = static_cast<double>(latency.max) * ns;
  return json;
}

Json counts_json(const NamedCounts& counts) {
  Json json = Json::object();
  for (const auto& [name, count] : counts) json[name] = count;
  return json;
}

Json energy_json(const observe::EnergyLedger& energy) {
  Json json = Json::object();
  for (const observe::EnergyEntry& entry : energy.entries()) {
    json[entry.component] = entry.picojoules;
  }
  json["total"] = energy.total_picojoules();
  return json;
}

Json sources_json(const observe::EnergyLedger& energy) {
  Json json = Json::object();
  for (const observe::EnergyEntry& entry : energy.entries()) json[entry.component] = entry.source;
  return json;
}

Json file_json(const std::filesystem::path& file) {
  return file.empty() ? Json(nullptr) : Json(printable_path(file));
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

Json to_json(const DeviceFile& device, const MemoryProbe& probe, const MemoryProbeResult& result) {
  const std::uint64_t tck_ps = device.device.timing.tCK;
  Json json;
  json["probe"] = "memory";
  json["device"] = device.device.name;
  json["device_file"] = file_json(probe.device_file);
  json["pattern"] = probe.pattern.name;
  json["fidelity"] = name_of(probe.fidelity);
  json["requests"] = probe.requests;
  json["outstanding"] = probe.in_flight();
  json["channels"] = probe.channels;
  json["seed"] = probe.seed;
  json["burst_bytes"] = device.device.geometry.burst_bytes();
  json["tck_ps"] = tck_ps;
  json["cycles"] = result.cycles;
  json["time_ps"] = result.time_ps;
  json["bytes"] = result.bytes;
  json["gb_per_s"] = result.gb_per_s;
  json["peak_gb_per_s"] = result.peak_gb_per_s;
  json["share_of_peak"] = result.gb_per_s / result.peak_gb_per_s;
  json["limit_gb_per_s"] = result.limit ? Json(result.limit->gb_per_s) : Json(nullptr);
  json["limit_formula"] = result.limit ? Json(result.limit->formula) : Json(nullptr);
  json["latency_cycles"] = latency_json(result.latency);
  json["latency_ns"] = latency_ns_json(result.latency, tck_ps);
  json["row_hits"] = result.row_hits;
  json["row_hit_rate"] = result.row_hit_rate;
  json["forwarded_reads"] = result.forwarded;
  json["merged_writes"] = result.merged;
  json["refreshes"] = result.refreshes;
  json["commands"] = counts_json(result.commands);
  json["energy_pj"] = energy_json(result.energy);
  json["energy_sources"] = sources_json(result.energy);
  json["pj_per_bit"] = result.pj_per_bit();
  json["violations"] = or_null(result.violations);
  json["wall_s"] = result.wall_s;
  json["requests_per_wall_s"] = result.requests_per_wall_s(probe.requests);
  return json;
}

Json to_json(const DeviceFile& device, const PimProbe& probe, const PimProbeResult& result) {
  const std::uint64_t tck_ps = device.device.timing.tCK;
  Json json;
  json["probe"] = "pim";
  json["device"] = device.device.name;
  json["device_file"] = file_json(probe.device_file);
  json["command_set"] = name_of(device.pim.command_set);
  json["row_buffer"] = name_of(result.row_buffer);
  json["command_form"] = result.form == PimCommands::kComposite ? "composite" : "raw";
  json["tiles"] = probe.tiles;
  json["macs"] = probe.macs;
  json["composites"] = probe.composites;
  json["writes"] = probe.writes;
  json["reads"] = probe.reads;
  json["tck_ps"] = tck_ps;
  json["cycles"] = result.cycles;
  json["pim_cycles"] = result.pim_cycles;
  json["read_cycles"] = result.read_cycles;
  json["time_ps"] = result.time_ps;
  json["cycles_per_tile"] = result.cycles_per_tile;
  json["gb_per_s"] = result.inside_gb_per_s;
  json["peak_gb_per_s"] = result.inside_peak_gb_per_s;
  json["read_gb_per_s"] = result.read_gb_per_s;
  json["latency_cycles"] = latency_json(result.read_latency);
  json["latency_ns"] = latency_ns_json(result.read_latency, tck_ps);
  json["row_hits"] = result.row_hits;
  json["compute_cycles"] = result.compute_cycles;
  json["refresh_idle_cycles"] = result.refresh_idle_cycles;
  json["refreshes"] = result.refreshes;
  json["commands"] = counts_json(result.commands);
  json["energy_pj"] = energy_json(result.energy);
  json["energy_sources"] = sources_json(result.energy);
  json["violations"] = or_null(result.violations);
  json["wall_s"] = result.wall_s;
  json["requests_per_wall_s"] = result.requests_per_wall_s;
  return json;
}

}  // namespace tandem::platform
