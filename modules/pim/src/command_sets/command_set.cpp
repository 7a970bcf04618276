// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/command_set.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "aim.h"
#include "hbm_pim.h"
#include "interval.h"
#include "newton.h"

namespace tandem::pim {
namespace {

constexpr std::uint64_t kSlowestClockPs = 1'000'000'000'000;

void require(bool holds, const char* field, std::uint64_t value, const char* rule) {
  if (holds) return;
  throw std::invalid_argument("pim." + std::string(field) + " = " + std::to_string(value) + ": " +
                              rule);
}

std::uint64_t ceil_divide(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

const char* lanes_field(abi::Format format) {
  switch (format) {
    case abi::Format::kFp16:
      return "fp16";
    case abi::Format::kBf16:
      return "bf16";
    case abi::Format::kInt8:
      return "int8";
    case abi::Format::kInt4:
      return "int4";
    case abi::Format::kE2m1:
      return "e2m1";
    case abi::Format::kE3m0:
      return "e3m0";
    default:
      return "bsfp_draft";
  }
}

// Where groups end before the next refresh, a column has to fit between two of them.
void require_computes(const CommandSetConfig& config, abi::Format format, std::uint64_t repeat,
                      std::uint64_t most) {
  if (repeat <= most) return;
  throw std::invalid_argument(
      "pim.clock_period_ps = " + std::to_string(config.clock_period_ps) + ": with lanes." +
      lanes_field(format) + " = " + std::to_string(config.lanes.of(format)) + " a column takes " +
      std::to_string(repeat) + " computes, at most " + std::to_string(most) +
      " are possible; use a faster clock or more lanes");
}

}  // namespace

std::uint32_t Lanes::of(abi::Format format) const {
  switch (format) {
    case abi::Format::kFp16:
      return fp16;
    case abi::Format::kBf16:
      return bf16;
    case abi::Format::kInt8:
      return int8;
    case abi::Format::kInt4:
      return int4;
    case abi::Format::kE2m1:
      return e2m1;
    case abi::Format::kE3m0:
      return e3m0;
    case abi::Format::kBsfpEDraft:
    case abi::Format::kBsfpIDraft:
      return bsfp_draft;
    default:
      return 0;
  }
}

std::uint64_t CommandSetConfig::repeat(abi::Format format, std::uint64_t tck_ps) const {
  const std::uint64_t elements = 8ull * column_bytes / abi::stream_bits(format);
  const std::uint64_t clocks = ceil_divide(elements, lanes.of(format));
  const std::uint64_t compute_ps = banks.compute_spacing * tck_ps;
  return std::max<std::uint64_t>(1, ceil_divide(clocks * clock_period_ps, compute_ps));
}

void CommandSetConfig::validate(const memory::DeviceConfig& device,
                                const memory::ControllerConfig& controller) const {
  const memory::DeviceGeometry& g = device.geometry;
  require(g.banks() <= 64, "memory.device.geometry", g.banks(), "at most 64 banks per channel");
  const unsigned group = banks.banks_per_activate;
  require(group > 0 && g.banks_per_rank() % group == 0, "banks.banks_per_activate", group,
          "must divide the banks of a rank");
  require(banks.compute_spacing > 0, "banks.compute_spacing", 0, "must be at least 1");
  require(banks_per_unit > 0 && g.banks() % banks_per_unit == 0, "banks_per_unit", banks_per_unit,
          "must divide the banks of a channel");
  require(column_bytes >= 2 && g.row_bytes % column_bytes == 0, "column_bytes", column_bytes,
          "must divide a row");
  require(clock_period_ps > 0 && clock_period_ps <= kSlowestClockPs, "clock_period_ps",
          clock_period_ps, "must be 1..1000000000000");
  require(global_buffer_rows > 0 || kind == CommandSetKind::kHbmPim, "global_buffer_rows", 0,
          "must be at least 1");
  require(accumulators_per_bank > 0, "accumulators_per_bank", 0, "must be at least 1");
  require(
      !banks.dual_row_buffer || kind == CommandSetKind::kNewton || kind == CommandSetKind::kNeupims,
      "banks.dual_row_buffer", 1, "only Newton and NeuPIMs command a second row buffer");
  const memory::Cycle cycles = cycles_between_refreshes(*this, device, controller);
  const std::uint64_t most = std::min<std::uint64_t>(kMostComputes, cycles / banks.compute_spacing);
  for (unsigned i = 0; i < abi::kFormatCount; ++i) {
    const auto format = static_cast<abi::Format>(i);
    if ((formats & format_bit(format)) == 0 || lanes.of(format) == 0) continue;
    require_computes(*this, format, repeat(format, device.timing.tCK), most);
  }
}

memory::ComputeBanks default_compute_banks(CommandSetKind kind, bool dual_row_buffer,
                                           const memory::DeviceConfig& device) {
  const memory::CycleTiming t(device);
  const auto cycles = [](memory::Cycle value) { return static_cast<std::uint32_t>(value); };
  const bool newton = kind == CommandSetKind::kNewton || kind == CommandSetKind::kNeupims;
  memory::ComputeBanks banks;
  banks.dual_row_buffer = dual_row_buffer;
  banks.banks_per_activate =
      newton ? device.geometry.banks_per_group : device.geometry.banks_per_rank();
  banks.activate_spacing = cycles(newton ? std::max(t.FAW, t.RRD_L) : t.RRD_L);
  banks.activate_to_compute = cycles(t.RCDRD);
  banks.compute_spacing = cycles(newton ? std::max(t.burst, t.CCD_S) : t.CCD_L);
  banks.compute_to_precharge = cycles(t.RTP);
  // The pipeline and the length of a buffer write are those of NeuPIMs' simulator.
  banks.pipeline_computes = newton ? 6 : 0;
  banks.result_spacing = cycles(std::max(t.burst, newton ? t.CCD_S : t.CCD_L));
  banks.buffer_write_cycles = newton ? cycles(32 * (t.CCD_S + t.CCD_L)) : 0;
  banks.mode_cycles = kind == CommandSetKind::kHbmPim ? cycles(t.RC) : 0;
  return banks;
}

PimCommandSet::PimCommandSet(const CommandSetConfig& config, const memory::DeviceConfig& device)
    : config_(config), geometry_(device.geometry), timing_(device) {}

void PimCommandSet::enter(Operations& out) const {
  if (config_.banks.mode_cycles == 0) return;
  BankOperation mode;
  mode.kind = BankOperation::Kind::kMode;
  out.push_back(mode);
}

void PimCommandSet::leave(Operations& out) const {
  enter(out);
}

std::uint32_t PimCommandSet::elements_per_column(abi::Format format) const {
  return 8 * config_.column_bytes / abi::stream_bits(format);
}

std::uint32_t PimCommandSet::vector_bytes_per_column(abi::Format format) const {
  return 2 * elements_per_column(format);
}

std::uint32_t PimCommandSet::repeat(abi::Format format) const {
  return static_cast<std::uint32_t>(config_.repeat(format, timing_.tck_ps));
}

std::uint32_t PimCommandSet::banks_of(const Tile& tile) const {
  if (tile.bank_mask == 0) return geometry_.banks();
  return static_cast<std::uint32_t>(__builtin_popcountll(tile.bank_mask));
}

std::uint32_t PimCommandSet::result_bursts(const Tile& tile) const {
  return static_cast<std::uint32_t>(ceil_divide(2ull * banks_of(tile), geometry_.burst_bytes()));
}

std::unique_ptr<PimCommandSet> make_command_set(const CommandSetConfig& config,
                                                const memory::DeviceConfig& device,
                                                const memory::ControllerConfig& controller) {
  config.validate(device, controller);
  switch (config.kind) {
    case CommandSetKind::kAim:
      return std::make_unique<AimCommandSet>(config, device);
    case CommandSetKind::kHbmPim:
      return std::make_unique<HbmPimCommandSet>(config, device);
    case CommandSetKind::kNewton:
    case CommandSetKind::kNeupims:
      break;
  }
  return std::make_unique<NewtonCommandSet>(config, device, controller);
}

}  // namespace tandem::pim
