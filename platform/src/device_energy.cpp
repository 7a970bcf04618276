// SPDX-License-Identifier: Apache-2.0
#include "device_energy.h"

#include "tandem/memory/field_error.h"
#include "tandem/pim/command_set.h"

namespace tandem::platform {
namespace {

constexpr double kThousand = 1000.0;  // fJ per pJ, uW per mW, uA per mA
constexpr double kMicrovoltsPerVolt = 1e6;
constexpr const char* kScenarioSource = "given by the scenario";

double nanoseconds(std::uint64_t ps) {
  return static_cast<double>(ps) / kThousand;
}

// mA * V * ns = pJ
class Power {
 public:
  explicit Power(const DramCurrents& currents)
      : volts_(static_cast<double>(currents.vdd_uv.value_or(0)) / kMicrovoltsPerVolt *
               currents.devices) {}
  double milliwatts(const std::optional<std::uint64_t>& microamperes) const {
    return static_cast<double>(microamperes.value_or(0)) / kThousand * volts_;
  }
  double above(const std::optional<std::uint64_t>& current,
               const std::optional<std::uint64_t>& floor, const char* key) const {
    if (!current) return 0;
    const double difference = milliwatts(current) - milliwatts(floor);
    if (difference < 0) throw memory::FieldError(key, "is less than the standby current");
    return difference;
  }

 private:
  double volts_;
};

memory::DeviceEnergy energy_of_currents(const DramCurrents& c, const memory::DeviceConfig& device) {
  memory::DeviceEnergy energy;
  if (!c.vdd_uv) return energy;
  const memory::DeviceTiming& t = device.timing;
  const Power power(c);
  const double burst_ns = nanoseconds(device.geometry.burst_ps());
  const double burst_bits = 8.0 * device.geometry.burst_bytes();
  if (c.idd0_ua) {
    energy.activate_pj = power.milliwatts(c.idd0_ua) * nanoseconds(t.tRC) -
                         power.milliwatts(c.idd3n_ua) * nanoseconds(t.tRAS) -
                         power.milliwatts(c.idd2n_ua) * nanoseconds(t.tRC - t.tRAS);
    if (energy.activate_pj < 0) {
      throw memory::FieldError("currents.IDD0",
                               "makes the energy of an activate negative with IDD2N and IDD3N");
    }
  }
  energy.read_pj_per_bit =
      power.above(c.idd4r_ua, c.idd3n_ua, "currents.IDD4R") * burst_ns / burst_bits;
  energy.write_pj_per_bit =
      power.above(c.idd4w_ua, c.idd3n_ua, "currents.IDD4W") * burst_ns / burst_bits;
  energy.refresh_pj = power.above(c.idd5ab_ua, c.idd2n_ua, "currents.IDD5AB") * nanoseconds(t.tRFC);
  energy.refresh_bank_pj =
      c.idd5pb_ua ? power.above(c.idd5pb_ua, c.idd2n_ua, "currents.IDD5PB") * nanoseconds(t.tRFCpb)
                  : energy.refresh_pj / device.geometry.banks_per_rank();
  energy.active_standby_mw = power.milliwatts(c.idd3n_ua);
  energy.standby_mw = power.milliwatts(c.idd2n_ua);
  energy.source = "computed from currents: " + (c.source.empty() ? device.source : c.source);
  return energy;
}

}  // namespace

memory::DeviceEnergy device_energy(const DeviceDocument& document,
                                   const memory::DeviceConfig& device) {
  memory::DeviceEnergy energy = energy_of_currents(document.currents, device);
  const DramEnergy& written = document.dram.energy;
  bool any = false;
  const auto take = [&any](double& value, const std::optional<std::uint64_t>& given) {
    if (!given) return;
    value = static_cast<double>(*given) / kThousand;
    any = true;
  };
  take(energy.activate_pj, written.activate_fj);
  take(energy.read_pj_per_bit, written.read_fj_per_bit);
  take(energy.write_pj_per_bit, written.write_fj_per_bit);
  take(energy.io_pj_per_bit, written.io_fj_per_bit);
  take(energy.refresh_pj, written.refresh_fj);
  take(energy.refresh_bank_pj, written.refresh_bank_fj);
  take(energy.active_standby_mw, written.active_standby_uw);
  take(energy.standby_mw, written.standby_uw);
  if (!any) return energy;
  const std::string source = written.source.empty() ? kScenarioSource : written.source;
  energy.source = document.currents.vdd_uv ? source + "; the rest " + energy.source : source;
  return energy;
}

PimEnergy pim_energy(const PimEnergyKeys& keys, const PimDevice& pim,
                     const memory::DeviceConfig& device) {
  const double burst_bits = 8.0 * device.geometry.burst_bytes();
  const double read_pj = device.energy.read_pj_per_bit * burst_bits;
  PimEnergy energy;
  energy.group_activate_pj = keys.group_activate * device.energy.activate_pj;
  energy.compute_pj = keys.compute * read_pj;
  if (keys.compute == 0) {
    const double units = static_cast<double>(device.geometry.banks()) / pim.banks_per_unit;
    const double column_bits = 8.0 * pim::CommandSetConfig().column_bytes;
    energy.compute_pj =
        static_cast<double>(keys.column_read_fj_per_bit) / kThousand * column_bits * units;
  }
  energy.buffer_write_pj = keys.buffer_write * read_pj;
  energy.result_read_pj = keys.result_read * read_pj;
  energy.mac_pj = static_cast<double>(keys.mac_fj) / kThousand;
  energy.source = keys.source;
  return energy;
}

}  // namespace tandem::platform
