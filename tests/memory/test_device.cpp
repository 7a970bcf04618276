// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/memory/field_error.h"
#include "tandem/memory/stack.h"
#include "tandem/test/devices.h"

using namespace tandem::memory;
using tandem::test::device;

namespace {

// The field that validate() blames; empty if it accepts.
std::string blamed(const DeviceConfig& config) {
  try {
    config.validate();
  } catch (const FieldError& error) {
    return error.field();
  }
  return {};
}

std::string blamed_with(std::uint64_t DeviceTiming::*field, std::uint64_t value) {
  DeviceConfig config = device("hbm2_neupims");
  config.timing.*field = value;
  return blamed(config);
}

}  // namespace

TEST_CASE("every device file is valid and names its sources") {
  for (const std::string& name : tandem::test::device_names()) {
    const auto file = tandem::test::device_file(name);
    INFO(name);
    REQUIRE_NOTHROW(file.device.validate());
    REQUIRE_NOTHROW(file.controller.validate_with(file.device));
    CHECK(file.device.name == name);
    CHECK(!file.device.source.empty());
    CHECK(file.device.energy.source != "not given");
    CHECK(file.device.energy.activate_pj > 0);
    CHECK(file.device.energy.read_pj_per_bit > 0);
    CHECK(file.warnings.empty());
  }
}

TEST_CASE("devices have the peak bandwidth and capacity of their data sheets") {
  const auto peak = [](const char* name) { return device(name).geometry.peak_bytes_per_s(); };
  CHECK(peak("lpddr5_6400") == Approx(12.8e9));
  CHECK(peak("hbm2_neupims") == Approx(32e9));
  CHECK(peak("hbm2_dramsim3") == Approx(32e9));
  CHECK(peak("gddr6_aim") == Approx(32e9));
  CHECK(peak("ddr4_3200") == Approx(25.6e9));
  CHECK(32 * peak("hbm3_attacc") == Approx(665.6e9).epsilon(0.001));
  CHECK(16 * peak("hbm2e") == Approx(409.6e9));
  CHECK(32 * peak("hbm3") == Approx(819.2e9));
  const auto bytes = [](const char* name) { return device(name).geometry.channel_bytes(); };
  CHECK(bytes("lpddr5_6400") == std::uint64_t{1} << 30);
  CHECK(bytes("hbm2_neupims") == std::uint64_t{1} << 30);
  CHECK(bytes("hbm2_dramsim3") == std::uint64_t{1} << 30);
  CHECK(bytes("gddr6_aim") == std::uint64_t{1} << 29);
  CHECK(bytes("ddr4_3200") == std::uint64_t{8} << 30);
  CHECK(32 * bytes("hbm3_attacc") == std::uint64_t{16} << 30);
}

TEST_CASE("counts that are no powers of two are refused") {
  using Count = unsigned DeviceGeometry::*;
  const std::pair<Count, const char*> counts[] = {
      {&DeviceGeometry::ranks, "geometry.ranks"},
      {&DeviceGeometry::bank_groups, "geometry.bank_groups"},
      {&DeviceGeometry::banks_per_group, "geometry.banks_per_group"},
      {&DeviceGeometry::rows, "geometry.rows"},
      {&DeviceGeometry::row_bytes, "geometry.row_bytes"},
      {&DeviceGeometry::bus_bits, "geometry.bus_bits"},
      {&DeviceGeometry::burst_length, "geometry.burst_length"}};
  for (const auto& [field, name] : counts) {
    DeviceConfig config = device("hbm2_neupims");
    config.geometry.*field = config.geometry.*field * 3;
    CHECK(blamed(config) == name);
  }
}

TEST_CASE("a timing of zero is refused where a value is needed") {
  for (const TimingField& field : kTimingFields) {
    if (field.value == &DeviceTiming::tRFC) continue;    // depends on tREFI
    if (field.value == &DeviceTiming::tRTP_L) continue;  // depends on tRTP_S
    INFO(field.path);
    CHECK((blamed_with(field.value, 0) == field.path) == field.needed);
  }
  DeviceConfig config = device("hbm2_neupims");
  config.timing.tRFC = 0;
  CHECK(blamed(config) == "timing.tRFC");
  config.timing.tREFI = 0;  // no refresh, no tRFC
  CHECK(blamed(config).empty());
  std::swap(config.timing.tRTP_S, config.timing.tRTP_L);  // one of the two is enough
  CHECK(blamed(config).empty());
  config.timing.tRTP_S = 0;
  CHECK(blamed(config) == "timing.tRTP_L");
}

TEST_CASE("timings that contradict each other are refused") {
  using T = DeviceTiming;
  CHECK(blamed_with(&T::tCCD_S, 3'000) == "timing.tCCD_L");
  CHECK(blamed_with(&T::tRRD_S, 7'000) == "timing.tRRD_L");
  CHECK(blamed_with(&T::tWTR_S, 9'000) == "timing.tWTR_L");
  CHECK(blamed_with(&T::tRTP_S, 6'000) == "timing.tRTP_L");
  CHECK(blamed_with(&T::tFAW, 3'000) == "timing.tFAW");
  CHECK(blamed_with(&T::tRC, 33'000) == "timing.tRC");
  CHECK(blamed_with(&T::tREFI, 260'000) == "timing.tREFI");
  CHECK(blamed_with(&T::tRFCpb, 300'000) == "timing.tRFCpb");
  CHECK(blamed_with(&T::tWCKSYNC, 1'000) == "timing.tWCKIDLE");
  CHECK(blamed_with(&T::tCK, 1'500) == "timing.tCK");  // a burst would last 1.33 cycles
  CHECK(blamed_with(&T::tRP, 10'000'000'000'000) == "timing.tRP");
}

TEST_CASE("impossible devices are refused with value and rule") {
  DeviceConfig config = device("hbm2_neupims");
  config.geometry.row_bytes = 32;
  REQUIRE_THROWS_WITH(config.validate(), Catch::Contains("less than one burst of 64 bytes"));
  config = device("hbm2_neupims");
  config.geometry.ranks = 8;
  REQUIRE_THROWS_WITH(config.validate(), Catch::Contains("128 banks"));
  config = device("hbm2_neupims");
  config.geometry.rows = 1u << 30;
  config.geometry.row_bytes = 1u << 31;  // the bytes of a channel would not fit 64 bits
  REQUIRE_THROWS_WITH(config.validate(), Catch::Contains("larger than 1 TiB"));
  config = device("hbm2_neupims");
  config.energy.refresh_pj = -1;
  REQUIRE_THROWS_WITH(config.validate(), Catch::Contains("energy.refresh_pj"));
}

TEST_CASE("a stack has no device until one is given") {
  REQUIRE_THROWS_WITH(Stack::Config{}.validate(),
                      Catch::Contains("device") && Catch::Contains("device file"));
}

TEST_CASE("impossible controllers are refused") {
  ControllerConfig controller;
  REQUIRE_NOTHROW(controller.validate());
  const auto field = [](ControllerConfig config, const DeviceConfig& on) -> std::string {
    try {
      config.validate_with(on);
    } catch (const FieldError& error) {
      return error.field();
    }
    return {};
  };
  const DeviceConfig hbm2 = device("hbm2_neupims");
  ControllerConfig bad;
  bad.command_queue = 0;
  CHECK(field(bad, hbm2) == "controller.command_queue");
  bad = {};
  bad.read_queue = 1u << 20;
  CHECK(field(bad, hbm2) == "controller.read_queue");
  bad = {};
  bad.write_low = bad.write_queue;
  CHECK(field(bad, hbm2) == "controller.write_low");
  bad = {};
  bad.row_hit_cap = 0;
  CHECK(field(bad, hbm2) == "controller.row_hit_cap");
  bad = {};
  bad.refresh = RefreshMode::kPerBank;
  CHECK(field(bad, hbm2) == "timing.tRFCpb");  // the file has none
  DeviceConfig busy = hbm2;
  busy.timing.tRFCpb = 240'000;  // of 3900 / 16 ns
  CHECK(field(bad, busy) == "timing.tRFCpb");
  CHECK(field(bad, device("lpddr5_6400")).empty());
}
