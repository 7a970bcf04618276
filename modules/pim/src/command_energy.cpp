// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/command_energy.h"

#include <cmath>
#include <stdexcept>

namespace tandem::pim {
namespace {

constexpr double kAttAccColumnPjPerBit = 0.44;
constexpr double kNeupimsReadsPerColumn = 4;
constexpr double kAimReadsPerColumn = 3;

}  // namespace

void validate(const CommandEnergy& energy) {
  const auto require = [](const char* field, double value) {
    if (std::isfinite(value) && value >= 0) return;
    throw std::invalid_argument("pim.energy.commands." + std::string(field) + " = " +
                                std::to_string(value) + ": must be a number of at least 0");
  };
  require("activate_pj", energy.activate_pj);
  require("column_pj", energy.column_pj);
  require("buffer_write_pj", energy.buffer_write_pj);
  require("buffer_load_pj", energy.buffer_load_pj);
  require("result_read_pj", energy.result_read_pj);
}

CommandEnergy default_command_energy(CommandSetKind kind, const memory::DeviceConfig& device,
                                     const CommandSetConfig& config) {
  const memory::DeviceGeometry& g = device.geometry;
  const double burst_bits = 8.0 * g.burst_bytes();
  const double read_pj = device.energy.read_pj_per_bit * burst_bits;
  const double units = static_cast<double>(g.banks()) / config.banks_per_unit;
  CommandEnergy energy;
  energy.activate_pj = device.energy.activate_pj;
  energy.buffer_write_pj = read_pj * g.row_bytes / g.burst_bytes();
  energy.buffer_load_pj = device.energy.write_pj_per_bit * burst_bits;
  energy.result_read_pj = read_pj;
  energy.with_macs = kind != CommandSetKind::kNewton;
  const std::string own = "; buffer load: a write of the device (assumed)";
  switch (kind) {
    case CommandSetKind::kNewton:
      energy.column_pj = kAttAccColumnPjPerBit * 8 * config.column_bytes;
      energy.source = "column: AttAcc simulator, cell RD/WR; the rest NeuPIMs' simulator" + own;
      break;
    case CommandSetKind::kNeupims:
      energy.column_pj = kNeupimsReadsPerColumn * read_pj / units;
      energy.source = "NeuPIMs' simulator, multiples of reads and activates" + own;
      break;
    case CommandSetKind::kAim:
      energy.column_pj = kAimReadsPerColumn * read_pj / units;
      energy.source =
          "CENT (MAC of all banks: three times the power of a read, for 1 ns), also IANUS; "
          "activate of all banks: their activates (assumed); result: a read (assumed)" +
          own;
      break;
    case CommandSetKind::kHbmPim:
      energy.column_pj = read_pj;
      energy.source =
          "assumed: a read of the device for every column of a unit, every register "
          "written or read a burst";
      break;
  }
  return energy;
}

}  // namespace tandem::pim
