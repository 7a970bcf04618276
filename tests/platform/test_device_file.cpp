// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>
#include <sstream>

#include "tandem/memory/field_error.h"
#include "tandem/platform/device_file.h"
#include "tandem/platform/errors.h"
#include "temporary_folder.h"

using namespace tandem::platform;
using Catch::Contains;

namespace {

// Lines are numbered from 1; `timing` begins at line 12.
const char* const kDevice = R"(name: toy
source: made up
geometry:
  ranks: 1
  bank_groups: 4
  banks_per_group: 4
  rows: 1024
  row: 1 KiB
  bus_width_bits: 128
  burst_length: 4
  data_rate: 2000 MT/s
timing:
  tCK: 1 ns
  CL: 14
  CWL: 4
  tRCDRD: 14
  tRCDWR: 12.5 ns
  tRP: 14
  tRAS: 34
  tRC: 48
  tCCD_S: 1
  tCCD_L: 2
  tRRD_S: 4
  tRRD_L: 6
  tFAW: 30
  tWTR_S: 6
  tWTR_L: 8
  tWR: 16
  tRTP_L: 5
  tRFC: 260
  tREFI: 3.9 us
mapping: RoRaBaBgChCo
)";

// With the line that begins with `key` (and its blanks) replaced.
std::string with(const std::string& key, const std::string& line) {
  std::istringstream lines(kDevice);
  std::string text;
  for (std::string at; std::getline(lines, at);) {
    const std::size_t blanks = at.find_first_not_of(' ');
    const bool found = at.compare(blanks, key.size() + 1, key + ":") == 0;
    text += (found ? std::string(blanks, ' ') + line : at) + "\n";
  }
  return text;
}

DeviceFile read(const std::string& text, const DramOverrides& overrides = {}) {
  return read_device_text(text, "toy.yaml", overrides);
}

std::string error_of(const std::string& text) {
  try {
    read(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a device file gives a device, its controller and its mapping") {
  const DeviceFile file = read(kDevice);
  CHECK(file.device.name == "toy");
  CHECK(file.device.geometry.banks() == 16);
  CHECK(file.device.geometry.row_bytes == 1024);
  CHECK(file.device.geometry.data_rate_mtps == 2000);
  CHECK_FALSE(file.device.geometry.separate_command_buses);
  CHECK(file.device.timing.tRCDRD == 14'000);
  CHECK(file.device.timing.tRCDWR == 12'500);
  CHECK(file.device.timing.tREFI == 3'900'000);
  CHECK(file.device.timing.tRTRS == 0);
  CHECK(file.device.energy.source == "not given");
  CHECK(file.controller.row_hit_cap == 4);
  CHECK(file.mapping == "RoRaBaBgChCo");
  CHECK(file.hash.bank == tandem::memory::AddressHash::kNone);
  CHECK(file.pim.command_set == PimCommandSet::kNone);
  CHECK(file.warnings.empty());
}

TEST_CASE("controller, hash and interleave are read") {
  const DeviceFile file = read(kDevice + std::string(R"(controller:
  scheduling: fcfs
  page: closed
  queues: per_rank
  command_queue: 32
  row_hit_cap: 7
interleave: 128 B
hash: {Ba: Ro, Bg: Ro2}
)"));
  CHECK(file.controller.scheduling == tandem::memory::Scheduling::kFcfs);
  CHECK(file.controller.page == tandem::memory::PagePolicy::kClosed);
  CHECK(file.controller.queues == tandem::memory::CommandQueues::kPerRank);
  CHECK(file.controller.command_queue == 32);
  CHECK(file.controller.row_hit_cap == 7);
  CHECK(file.interleave_bytes == 128);
  CHECK(file.hash.bank == 0);
  CHECK(file.hash.bank_group == 2);
}

TEST_CASE("energies are computed from currents where they are not given") {
  const std::string currents = R"(currents: {VDD: 1.2 V, IDD0: 65 mA, IDD2N: 40 mA, IDD3N: 55 mA,
           IDD4R: 390 mA, IDD4W: 500 mA, IDD5AB: 250 mA, source: a data sheet}
)";
  const auto energy = read(kDevice + currents).device.energy;
  CHECK(energy.activate_pj == Approx(1.2 * (65 * 48 - 55 * 34 - 40 * 14)));
  CHECK(energy.read_pj_per_bit == Approx(1.2 * (390 - 55) * 2 / 512));
  CHECK(energy.write_pj_per_bit == Approx(1.2 * (500 - 55) * 2 / 512));
  CHECK(energy.refresh_pj == Approx(1.2 * (250 - 40) * 260));
  CHECK(energy.refresh_bank_pj == Approx(energy.refresh_pj / 16));
  CHECK(energy.active_standby_mw == Approx(66));
  CHECK(energy.standby_mw == Approx(48));
  CHECK(energy.io_pj_per_bit == 0);
  CHECK(energy.source == "computed from currents: a data sheet");

  const auto mixed =
      read(kDevice + currents + "energy: {read: 2 pJ/bit, io: 0.5 pJ/bit, source: a paper}\n")
          .device.energy;
  CHECK(mixed.read_pj_per_bit == 2);
  CHECK(mixed.io_pj_per_bit == 0.5);
  CHECK(mixed.activate_pj == energy.activate_pj);
  CHECK(mixed.source == "a paper; the rest computed from currents: a data sheet");
}

TEST_CASE("a pim section says what computes in the banks") {
  const DeviceFile file = read(kDevice + std::string(R"(energy: {activate: 100 pJ, read: 1 pJ/bit}
pim:
  command_set: neupims
  row_buffer: dual
  clock: 1 GHz
  lanes: {fp16: 16, bsfp_draft: 64}
  timing: {activate_spacing: 30, activate_to_compute: 14, compute_spacing: 2,
           compute_to_precharge: 5, result_spacing: 2, buffer_write: 95.5 ns, pipeline_computes: 6}
  energy: {group_activate: 4, compute: 4, buffer_write: 16, source: a simulator}
)"));
  CHECK(file.pim.command_set == PimCommandSet::kNeupims);
  CHECK(file.pim.banks.dual_row_buffer);
  CHECK(file.pim.banks.activate_to_compute == 14);
  CHECK(file.pim.banks.buffer_write_cycles == 96);  // rounded up
  CHECK(file.pim.banks.pipeline_computes == 6);
  CHECK(file.pim.lanes.bsfp_draft == 64);
  CHECK(file.pim.energy.group_activate_pj == 400);
  CHECK(file.pim.energy.compute_pj == 4 * 512);
  CHECK(file.pim.energy.buffer_write_pj == 16 * 512);
  CHECK(error_of(kDevice + std::string("pim: {command_set: aim}\n")) ==
        "toy.yaml:33:6: pim.clock: this key is required in a `pim` section");
  CHECK_THAT(error_of(kDevice + std::string("pim: {command_set: aim, clock: 1 GHz, "
                                            "banks_per_unit: 3}\n")),
             Contains("toy.yaml:33:55: pim.banks_per_unit: 3 is no power of two"));
}

TEST_CASE("a write latency beyond the read latency is doubted") {
  const DeviceFile file = read(with("CWL", "CWL: 15"));
  REQUIRE(file.warnings.size() == 1);
  CHECK(file.warnings[0] ==
        "toy.yaml:15:8: timing.CWL: 15 ns is more than CL, 14 ns: are they swapped?");
}

TEST_CASE("a pim section has to be whole") {
  const auto refusal = [](const std::string& set, const std::string& without,
                          const std::string& row_buffer = "single") {
    std::string timing;
    for (const char* key : {"activate_spacing", "activate_to_compute", "compute_spacing",
                            "compute_to_precharge", "result_spacing", "buffer_write"}) {
      if (key != without) timing += std::string(key) + ": 4, ";
    }
    return error_of(kDevice + std::string("pim:\n  command_set: ") + set + "\n  row_buffer: " +
                    row_buffer + "\n  clock: 1 GHz\n  timing: {" + timing + "mode: 1}\n");
  };
  CHECK(refusal("neupims", "").empty());
  CHECK(refusal("neupims", "", "dual").empty());
  for (const char* key : {"activate_spacing", "activate_to_compute", "compute_spacing",
                          "compute_to_precharge", "result_spacing", "buffer_write"}) {
    CHECK(refusal("newton", key) ==
          "toy.yaml:37:11: pim.timing." + std::string(key) + ": must be given, and must not be 0");
  }
  CHECK(refusal("aim", "buffer_write").empty());
  for (const char* set : {"aim", "hbm_pim"}) {
    CHECK(refusal(set, "", "dual") ==
          "toy.yaml:35:15: pim.row_buffer: dual: only newton and neupims command a second row "
          "buffer");
  }
}

TEST_CASE("bad device files are refused with file, line, key and rule") {
  CHECK(error_of(with("tRP", "tRP: 0")) ==
        "toy.yaml:18:8: timing.tRP: is 0, must be given: every device of this kind has it");
  CHECK(error_of(with("banks_per_group", "banks_per_group: 3")) ==
        "toy.yaml:6:20: geometry.banks_per_group: 3 is not a power of two");
  CHECK(error_of(with("row", "row: 3 KiB")) ==
        "toy.yaml:8:8: geometry.row: 3072 is not a power of two");
  CHECK(error_of(with("mapping", "mapping: RoRaBaBgCoCo")) ==
        "toy.yaml:32:10: mapping: 'RoRaBaBgCoCo' has 'Co' twice, so it is no bijection: it must "
        "hold each of Ro Ra Bg Ba Co Ch once, such as RoRaBaCoBgCh");
  CHECK_THAT(error_of(with("mapping", "mapping: RoRaBaBgCo")), Contains("has not six fields"));
  CHECK_THAT(error_of(with("tCCD_L", "tCCD_L: 500 ps")),
             Contains("toy.yaml:22:11: timing.tCCD_L: 500 ps is less than tCCD_S"));
  CHECK_THAT(error_of(with("tREFI", "tREFI: 300")),
             Contains("toy.yaml:31:10: timing.tREFI: 300000 ps is not more than twice"));
  CHECK_THAT(error_of(with("tCK", "tCK: 1")), Contains("toy.yaml:13:8: timing.tCK: must have a "
                                                       "unit"));
  CHECK_THAT(error_of(with("tCK", "tCK: 0.7 ns")),
             Contains("toy.yaml:13:8: timing.tCK: a burst lasts 2000 ps at the data rate, which is "
                      "no whole number of 700 ps"));
  CHECK_THAT(error_of(with("ranks", "ranks: 0")),
             Contains("toy.yaml:4:10: geometry.ranks: expected an integer 1..64, got '0'"));
  CHECK_THAT(error_of(with("ranks", "ranks: 8")), Contains("128 banks"));
  CHECK_THAT(error_of(with("data_rate", "data_rate: 2000.5 MT/s")),
             Contains("geometry.data_rate: must be a whole number of MT/s"));
  CHECK_THAT(error_of(kDevice + std::string("interleave: 32 B\n")),
             Contains("toy.yaml:33:13: interleave: 32 is not from one burst (64)"));
  CHECK_THAT(error_of(kDevice + std::string("hash: {Ba: Co}\n")),
             Contains("toy.yaml:33:12: hash.Ba: expected Ro or Ro and a bit number"));
  CHECK_THAT(error_of(kDevice + std::string("hash: {Ba: Ro9}\n")),
             Contains("hash.Ba: needs bits 9..10 of the row, which has 10 bits"));
  CHECK_THAT(error_of(kDevice + std::string("hash: {Ba: Ro32}\n")),
             Contains("hash.Ba: 'Ro32': the bits of a row number are Ro0..Ro31"));
  CHECK_THAT(error_of(kDevice + std::string("controller: {write_queue: 0}\n")),
             Contains("controller.write_queue: expected an integer 1..65536, got '0'"));
  CHECK_THAT(error_of(kDevice + std::string("controller: {row_hit_cap: 0}\n")),
             Contains("toy.yaml:33:27: controller.row_hit_cap: expected an integer 1.."));
  CHECK_THAT(error_of(kDevice + std::string("controller: {refresh: per_bank}\n")),
             Contains("timing.tRFCpb: is 0"));
  CHECK_THAT(error_of(kDevice + std::string("currents: {VDD: 1 V, IDD4R: 5 mA, IDD3N: 9 mA}\n")),
             Contains("toy.yaml:33:29: currents.IDD4R: is less than the standby current"));
}

TEST_CASE("unknown, misplaced and missing keys are refused") {
  CHECK_THAT(error_of(with("tRAS", "tRASS: 34")),
             Contains("toy.yaml:19:3: timing.tRASS: unknown key; did you mean 'tRAS'?"));
  CHECK_THAT(error_of(kDevice + std::string("colour: red\n")),
             Contains("toy.yaml:33:1: colour: unknown key"));
  CHECK(error_of(with("tRAS", "tPPD: 34")) == "toy.yaml:13:3: timing.tRAS: this key is required");
  CHECK_THAT(error_of(with("tRAS", "tRAS: soon")),
             Contains("timing.tRAS: expected a number of cycles, or a time such as '14 ns', got "
                      "'soon'"));
  CHECK_THAT(error_of(with("tRAS", "tRAS: -3")), Contains("expected a number of cycles"));
  CHECK_THAT(error_of(with("tRAS", "tRAS: 99999999999")), Contains("at most 2^32 cycles"));
  CHECK_THAT(error_of("[]"), Contains("toy.yaml:1:1: expected a map of keys to values"));
  CHECK_THAT(error_of(""), Contains("expected a map"));
  CHECK_THROWS_WITH(read_device_file("/nowhere/x.yaml"),
                    Contains("cannot read the device file '/nowhere/x.yaml'"));
}

TEST_CASE("a tRC below tRAS + tRP is a warning, and the sum is used unless the file insists") {
  const DeviceFile mended = read(with("tRC", "tRC: 47"));
  CHECK(mended.device.timing.tRC == 48'000);
  REQUIRE(mended.warnings.size() == 1);
  CHECK(mended.warnings[0] ==
        "toy.yaml:20:8: timing.tRC: 47 ns is less than tRAS + tRP; 48 ns is used "
        "(accept_published: true keeps it)");
  const DeviceFile kept = read(with("tRC", "tRC: 47") + "accept_published: true\n");
  CHECK(kept.device.timing.tRC == 47'000);
  CHECK(kept.warnings.empty());
  const DeviceFile mixed = read(with("tRAS", "tRAS: 12"));
  REQUIRE(mixed.warnings.size() == 1);
  CHECK_THAT(mixed.warnings[0], Contains("toy.yaml:19:9: timing.tRAS: 12 ns is less than tRCDRD"));
  CHECK_THAT(error_of(with("tRC", "tRC: 33") + "accept_published: true\n"),
             Contains("timing.tRC: 33000 ps is less than tRAS"));
}

TEST_CASE("overrides replace single values and are checked with the rest") {
  DramOverrides overrides;
  overrides.timing.values["tRP"] = {20, true};
  overrides.timing.values["tRCDRD"] = {15'500, false};
  overrides.geometry.ranks = 2;
  overrides.energy.activate_fj = 5'000;
  const DeviceFile file = read(kDevice, overrides);
  CHECK(file.device.timing.tRP == 20'000);
  CHECK(file.device.timing.tRC == 54'000);
  REQUIRE(file.warnings.size() == 1);
  CHECK_THAT(file.warnings[0], Contains("platform.dram.timing.tRC: 48 ns is less than tRAS + tRP"));
  CHECK(file.device.timing.tRCDRD == 15'500);
  CHECK(file.device.geometry.ranks == 2);
  CHECK(file.device.energy.activate_pj == 5);
  CHECK(file.device.energy.source == "given by the scenario");
  overrides.geometry.ranks = 3;
  CHECK_THROWS_AS(read(kDevice, overrides), tandem::memory::FieldError);
}

TEST_CASE("a device is found beside the file that names it, else in the project") {
  tandem::test::TemporaryFolder folder;
  folder.write("hardware/devices/toy.yaml", kDevice);
  CHECK(find_device_file("toy", folder.path()) == folder.path() / "hardware/devices/toy.yaml");
  CHECK(find_device_file("toy", "/nowhere").empty());
  CHECK(find_device_file("hbm2_neupims", folder.path()).filename() == "hbm2_neupims.yaml");
  CHECK(read_named_device({"", folder.path() / "hardware/devices/toy.yaml"}).device.name == "toy");
  CHECK(read_named_device({"lpddr5_6400", {}}).device.name == "lpddr5_6400");
  CHECK_THROWS_WITH(read_named_device({"core_memory", {}}),
                    Contains("there is no DRAM device 'core_memory'"));
}

TEST_CASE("garbled device files are refused, whatever they say") {
  const std::string good = kDevice;
  const std::string letters = "0123456789:.-{}[] \nRoBaT";
  std::mt19937 random(11);
  unsigned refused = 0;
  for (int i = 0; i < 3'000; ++i) {
    std::string text = good;
    for (int n = 0; n <= i % 4; ++n) {
      text[random() % text.size()] = letters[random() % letters.size()];
    }
    try {
      read(text).device.validate();
    } catch (const UserError&) {
      ++refused;
    }
  }
  CHECK(refused > 500);
}

TEST_CASE("the documented table of device keys is the current one") {
  std::ostringstream table;
  print_device_key_table(table);
  const std::string readme =
      tandem::test::read_whole(TANDEM_SCENARIO_DIR "/hardware/devices/README.md");
  INFO("run `tandem list device-keys` and put its output into that README.md");
  CHECK(readme.find(table.str()) != std::string::npos);
}
