// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <stdexcept>

#include "tandem/memory/device.h"

// Energies per operation follow Micron's power note (TN-40-07) from supply voltage and currents:
//   activate  V * (IDD0 * tRC - IDD3N * tRAS - IDD2N * (tRC - tRAS))
//   burst     V * (IDD4 - IDD3N) * burst time
//   refresh   V * (IDD5 - IDD2N) * tRFC
//   standby   V * IDD3N
namespace tandem::memory {
namespace {

struct Currents {
  double volt;
  double idd0, idd2n, idd3n, idd4r, idd4w, idd5;  // mA
};

DeviceEnergy energy_of(const DeviceGeometry& geometry, const DeviceTiming& timing,
                       const Currents& currents, const std::string& source) {
  const auto ns = [](std::uint64_t ps) { return static_cast<double>(ps) / 1000.0; };
  const double burst_bits = 8.0 * geometry.burst_bytes();
  DeviceEnergy energy;
  energy.activate_pj =
      currents.volt * (currents.idd0 * ns(timing.tRC) - currents.idd3n * ns(timing.tRAS) -
                       currents.idd2n * ns(timing.tRC - timing.tRAS));
  energy.read_pj_per_bit =
      currents.volt * (currents.idd4r - currents.idd3n) * ns(geometry.burst_ps()) / burst_bits;
  energy.write_pj_per_bit =
      currents.volt * (currents.idd4w - currents.idd3n) * ns(geometry.burst_ps()) / burst_bits;
  energy.refresh_pj = currents.volt * (currents.idd5 - currents.idd2n) * ns(timing.tRFC);
  energy.background_mw = currents.volt * currents.idd3n;
  energy.source = source;
  return energy;
}

// One 16-bit channel of an 8 Gb die in bank-group mode, 12.8 GB/s.
DeviceConfig lpddr5_6400_x16() {
  DeviceConfig device;
  device.name = "lpddr5_6400_x16";
  device.geometry = {1, 4, 4, 32768, 2048, 16, 16, 6400};
  DeviceTiming& t = device.timing;
  t.tRCD = 18'750;
  t.tRP = 18'750;
  t.tRAS = 42'500;
  t.tRC = 61'250;  // tRAS + tRP: the preset's own nRC of 30 is shorter than its nRAS
  t.tCCD_S = 2'500;
  t.tCCD_L = 5'000;
  t.tRRD = 5'000;
  t.tFAW = 20'000;
  t.tWTR = 12'500;
  t.tRTW = 2'500;
  t.tWR = 35'000;
  t.tRTP = 5'000;
  t.tRFC = 210'000;
  t.tREFI = 3'906'000;
  t.CL = 25'000;
  t.CWL = 13'750;
  device.source =
      "Ramulator 2 presets LPDDR5_8Gb_x16 and LPDDR5_6400 (tCK 1.25 ns); tRFC and tREFI of an "
      "8 Gb die and tRTW assumed";
  device.energy =
      energy_of(device.geometry, t, {1.05, 45, 30, 39, 372, 310, 170},
                "computed from VDD2H currents of the Micron MT62F512M32D2 8 Gb die "
                "(maxima, as quoted in a public Ramulator fork); VDD1 and VDDQ left out");
  return device;
}

// One 128-bit channel of NeuPIMs' memory, 32 GB/s.
DeviceConfig hbm2_1000_x128() {
  DeviceConfig device;
  device.name = "hbm2_1000_x128";
  device.geometry = {2, 4, 4, 32768, 1024, 128, 4, 2000};
  DeviceTiming& t = device.timing;
  t.tRCD = 14'000;
  t.tRP = 14'000;
  t.tRAS = 34'000;
  t.tRC = 48'000;
  t.tCCD_S = 1'000;
  t.tCCD_L = 2'000;
  t.tRRD = 4'000;
  t.tFAW = 30'000;
  t.tWTR = 8'000;
  t.tRTW = 2'000;
  t.tWR = 16'000;
  t.tRTP = 5'000;
  t.tRFC = 260'000;
  t.tREFI = 3'900'000;
  t.CL = 14'000;
  t.CWL = 4'000;
  device.source =
      "NeuPIMs, HBM2_8Gb_x128_dualpim.ini (tCK 1 ns; tRRD is its RRD_S, tWTR its WTR_L, tRTP the "
      "default its simulator falls back to); tRTW assumed";
  device.energy = energy_of(device.geometry, t, {1.2, 65, 40, 55, 390, 500, 250},
                            "computed from VDD and currents of NeuPIMs, HBM2_8Gb_x128_dualpim.ini; "
                            "no interface energy");
  return device;
}

// One channel of a two-channel GDDR6-AiM chip, 32 GB/s.
DeviceConfig gddr6_aim() {
  DeviceConfig device;
  device.name = "gddr6_aim";
  device.geometry = {1, 4, 4, 16384, 2048, 16, 16, 16000};
  DeviceTiming& t = device.timing;
  t.tRCD = 18'000;
  t.tRP = 16'000;
  t.tRAS = 27'000;
  t.tRC = 44'500;
  t.tCCD_S = 1'000;
  t.tCCD_L = 1'000;
  t.tRRD = 5'500;
  t.tFAW = 22'000;
  t.tWTR = 5'500;
  t.tRTW = 1'000;
  t.tWR = 16'500;
  t.tRTP = 6'000;
  t.tRFC = 105'000;
  t.tREFI = 1'666'500;
  t.CL = 25'000;
  t.CWL = 5'000;
  device.source =
      "aim_simulator of SK hynix GDDR6-AiM (tCK 0.5 ns); tFAW (4 x tRRD), tWTR, tRTW and CWL "
      "assumed";
  // 66.3 mW over tRC, 438.2 and 553.2 mW over one burst of 1 ns, and 5.5 pJ/bit for the pins.
  device.energy.activate_pj = 66.3 * 44.5;
  device.energy.read_pj_per_bit = 438.2 / 256 + 5.5;
  device.energy.write_pj_per_bit = 553.2 / 256 + 5.5;
  device.energy.refresh_pj = 66.3 * 105.0;
  device.energy.background_mw = 263.8;
  device.energy.source =
      "CENT, power per GDDR6-AiM channel and DQ energy; duration of an activate (tRC) and refresh "
      "at activate power assumed";
  return device;
}

// One rank of eight x8 devices of 8 Gb, 25.6 GB/s.
DeviceConfig ddr4_3200_x64() {
  DeviceConfig device;
  device.name = "ddr4_3200_x64";
  device.geometry = {1, 4, 4, 65536, 8192, 64, 8, 3200};
  DeviceTiming& t = device.timing;
  t.tRCD = 13'750;
  t.tRP = 13'750;
  t.tRAS = 32'500;
  t.tRC = 46'250;
  t.tCCD_S = 2'500;
  t.tCCD_L = 5'000;
  t.tRRD = 2'500;
  t.tFAW = 21'250;
  t.tWTR = 7'500;
  t.tRTW = 1'250;
  t.tWR = 15'000;
  t.tRTP = 7'500;
  t.tRFC = 350'000;
  t.tREFI = 7'800'000;
  t.CL = 13'750;
  t.CWL = 10'000;
  device.source =
      "assumed, after JEDEC JESD79-4, speed grade DDR4-3200AA, 8 Gb, x8 (tRRD is tRRD_S, tWTR is "
      "tWTR_L): typical figures, not looked up in the standard";
  // Eight devices of assumed currents, typical of 8 Gb x8 parts.
  device.energy = energy_of(device.geometry, t,
                            {1.2, 8 * 57.0, 8 * 37.0, 8 * 52.0, 8 * 168.0, 8 * 150.0, 8 * 250.0},
                            "assumed: typical currents of 8 Gb x8 parts; no interface energy");
  return device;
}

struct Preset {
  std::string_view name;
  DeviceConfig (*make)();
};
constexpr std::array<Preset, 4> kPresets = {{{"lpddr5_6400_x16", lpddr5_6400_x16},
                                             {"hbm2_1000_x128", hbm2_1000_x128},
                                             {"gddr6_aim", gddr6_aim},
                                             {"ddr4_3200_x64", ddr4_3200_x64}}};

}  // namespace

DeviceConfig device_preset(std::string_view name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return preset.make();
    known += known.empty() ? "" : ", ";
    known += preset.name;
  }
  throw std::invalid_argument("no DRAM device '" + std::string(name) + "'; there are " + known);
}

std::vector<std::string> device_preset_names() {
  std::vector<std::string> names;
  names.reserve(kPresets.size());
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

}  // namespace tandem::memory
