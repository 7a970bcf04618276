// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/probe/memory_probe.h"

#include <chrono>

#include "memory_drivers.h"
#include "tandem/memory/field_error.h"
#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {
namespace {

void check(const MemoryProbe& probe) {
  if (probe.requests == 0) throw UserError("--requests 0: expected at least 1");
  if (probe.channels == 0 || (probe.channels & (probe.channels - 1)) != 0) {
    throw UserError("--channels " + std::to_string(probe.channels) + ": expected a power of two");
  }
  if (probe.fidelity == FidelityLevel::kCommand) return;
  const char* needs = " needs --fidelity command: a transaction has no commands to look at";
  if (probe.check) throw UserError(std::string("--check") + needs);
  if (!probe.log.empty()) throw UserError(std::string("--log") + needs);
}

memory::AddressMapping mapping_of(const DeviceFile& device, unsigned channels) {
  try {
    return memory::AddressMapping(device.mapping, channels, device.device.geometry,
                                  device.interleave_bytes, device.hash);
  } catch (const memory::FieldError& error) {
    throw UserError("device " + printable(device.device.name) + " with " +
                    std::to_string(channels) + " channels: " + error.what());
  }
}

double gb_per_s(std::uint64_t bytes, std::uint64_t ps) {
  return static_cast<double>(bytes) * 1e3 / static_cast<double>(ps);
}

}  // namespace

double MemoryProbeResult::pj_per_bit() const {
  return energy.total_picojoules() / (8.0 * static_cast<double>(bytes));
}

double MemoryProbeResult::requests_per_wall_s(std::uint64_t requests) const {
  return wall_s > 0 ? static_cast<double>(requests) / wall_s : 0;
}

MemoryProbeResult probe_memory(const DeviceFile& device, const MemoryProbe& probe) {
  check(probe);
  const memory::AddressMapping mapping = mapping_of(device, probe.channels);
  MemoryProbeResult result;
  const auto begin = std::chrono::steady_clock::now();
  (probe.fidelity == FidelityLevel::kCommand ? drive_commands : drive_transactions)(
      device, probe, mapping, result);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;

  const memory::DeviceGeometry& geometry = device.device.geometry;
  result.wall_s = elapsed.count();
  result.bytes = probe.requests * geometry.burst_bytes();
  result.gb_per_s = gb_per_s(result.bytes, result.time_ps);
  result.peak_gb_per_s = geometry.peak_bytes_per_s() * 1e-9 * probe.channels;
  result.limit = memory_limit(device, probe);
  std::uint64_t columns = 0;
  for (const auto& [name, count] : result.commands) {
    if (name == "RD" || name == "WR" || name == "RDA" || name == "WRA") columns += count;
  }
  if (columns != 0) {
    result.row_hit_rate = static_cast<double>(result.row_hits) / static_cast<double>(columns);
  }
  return result;
}

}  // namespace tandem::platform
