// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/config.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tandem/abi/pim_registers.h"

namespace tandem::pim {
namespace {

void require(bool holds, const char* field, std::uint64_t value, const char* rule) {
  if (holds) return;
  throw std::invalid_argument("pim." + std::string(field) + " = " + std::to_string(value) + ": " +
                              rule);
}

void require_energy(const char* field, double value) {
  if (std::isfinite(value) && value >= 0.0) return;
  throw std::invalid_argument("pim.energy." + std::string(field) + " = " + std::to_string(value) +
                              ": must be a number of at least 0");
}

}  // namespace

void Config::validate() const {
  memory.validate();
  require(memory.device.geometry.banks() <= 64, "memory.device.geometry",
          memory.device.geometry.banks(), "a channel may have at most 64 banks");
  require(clock_period_ps > 0, "clock_period_ps", clock_period_ps, "must be at least 1");
  require((formats & ~kAllFormats) == 0, "formats", formats, "names a format that PIM cannot take");
  for (unsigned i = 0; i < abi::kFormatCount; ++i) {
    const auto format = static_cast<abi::Format>(i);
    if ((formats & format_bit(format)) == 0) continue;
    require(lanes.of(format) > 0, "lanes", 0, "a format that is enabled needs at least 1");
  }
  require(global_buffer_rows > 0, "global_buffer_rows", 0, "must be at least 1");
  require(accumulators_per_bank > 0, "accumulators_per_bank", 0, "must be at least 1");
  require(queue_depth > 0, "queue_depth", 0, "must be at least 1");
  constexpr std::uint32_t kLargestVectors = abi::kPimResultWindow - abi::kPimVectorWindow;
  constexpr std::uint32_t kLargestResults = abi::kPimWindowBytes - abi::kPimResultWindow;
  require(vector_bytes > 0 && vector_bytes % 64 == 0 && vector_bytes <= kLargestVectors,
          "vector_bytes", vector_bytes, "must be a multiple of 64, 64..983040");
  require(result_bytes > 0 && result_bytes % 64 == 0 && result_bytes <= kLargestResults,
          "result_bytes", result_bytes, "must be a multiple of 64, 64..1048576");
  require(port_bytes_per_cycle > 0, "port_bytes_per_cycle", 0, "must be at least 1");
  require(max_outstanding >= 1 && max_outstanding <= 1024, "max_outstanding", max_outstanding,
          "must be 1..1024");
  command_set_config().validate(memory.device, memory.controller);
  require_energy("fp16_mac_pj", energy.fp16_mac_pj);
  require_energy("int8_mac_pj", energy.int8_mac_pj);
  require_energy("four_bit_mac_pj", energy.four_bit_mac_pj);
  if (energy.commands) pim::validate(*energy.commands);
}

CommandSetConfig Config::command_set_config() const {
  const bool dual = row_buffer == RowBuffer::kDual;
  CommandSetConfig set;
  set.kind = command_set;
  set.form = commands;
  set.banks = banks.value_or(default_compute_banks(command_set, dual, memory.device));
  set.banks.dual_row_buffer = dual;
  set.banks_per_unit = banks_per_unit;
  set.column_bytes = column_bytes;
  set.clock_period_ps = clock_period_ps;
  set.lanes = lanes;
  set.formats = formats;
  set.global_buffer_rows = global_buffer_rows;
  set.accumulators_per_bank = accumulators_per_bank;
  return set;
}

CommandEnergy Config::command_energy() const {
  if (energy.commands) return *energy.commands;
  return default_command_energy(command_set, memory.device, command_set_config());
}

std::uint64_t Config::elements_per_column(abi::Format format) const {
  return 8ull * column_bytes / abi::stream_bits(format);
}

std::uint64_t Config::column_ps(abi::Format format, std::uint64_t period_ps) const {
  const std::uint64_t compute_ps =
      std::uint64_t{command_set_config().banks.compute_spacing} * memory.device.timing.tCK;
  const std::uint64_t clocks =
      (elements_per_column(format) + lanes.of(format) - 1) / lanes.of(format);
  return (clocks * period_ps + compute_ps - 1) / compute_ps * compute_ps;
}

double Config::peak_macs_per_s(abi::Format format, std::uint64_t period_ps) const {
  if (lanes.of(format) == 0) return 0.0;
  const std::uint64_t units =
      std::uint64_t{memory.channels} * memory.device.geometry.banks() / banks_per_unit;
  return static_cast<double>(units * elements_per_column(format)) * 1e12 /
         static_cast<double>(column_ps(format, period_ps));
}

}  // namespace tandem::pim
