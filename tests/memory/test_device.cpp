// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/memory/device.h"

using namespace tandem::memory;

TEST_CASE("every preset is valid and names its sources") {
  for (const std::string& name : device_preset_names()) {
    const DeviceConfig device = device_preset(name);
    REQUIRE_NOTHROW(device.validate());
    REQUIRE(device.name == name);
    REQUIRE(!device.source.empty());
    REQUIRE(device.energy.source != "not given");
    REQUIRE(device.energy.activate_pj > 0);
    REQUIRE(device.energy.read_pj_per_bit > 0);
  }
}

TEST_CASE("presets have the peak bandwidth and capacity of their data sheets") {
  const auto peak = [](const char* name) {
    return device_preset(name).geometry.peak_bytes_per_s();
  };
  REQUIRE(peak("lpddr5_6400_x16") == Approx(12.8e9));
  REQUIRE(peak("hbm2_1000_x128") == Approx(32e9));
  REQUIRE(peak("gddr6_aim") == Approx(32e9));
  REQUIRE(peak("ddr4_3200_x64") == Approx(25.6e9));
  const auto bytes = [](const char* name) { return device_preset(name).geometry.channel_bytes(); };
  REQUIRE(bytes("lpddr5_6400_x16") == std::uint64_t{1} << 30);
  REQUIRE(bytes("hbm2_1000_x128") == std::uint64_t{1} << 30);
  REQUIRE(bytes("gddr6_aim") == std::uint64_t{1} << 29);
  REQUIRE(bytes("ddr4_3200_x64") == std::uint64_t{8} << 30);
}

TEST_CASE("impossible devices are refused with field and rule") {
  DeviceConfig device = device_preset("hbm2_1000_x128");
  device.geometry.rows = 1000;
  REQUIRE_THROWS_WITH(device.validate(), Catch::Contains("rows is 1000, must be a power of two"));
  device = device_preset("hbm2_1000_x128");
  device.geometry.row_bytes = 32;
  REQUIRE_THROWS_WITH(device.validate(), Catch::Contains("less than one burst of 64 bytes"));
  device = device_preset("hbm2_1000_x128");
  device.timing.tREFI = device.timing.tRFC;
  REQUIRE_THROWS_WITH(device.validate(), Catch::Contains("tREFI"));
  device = device_preset("hbm2_1000_x128");
  device.geometry.ranks = 8;
  REQUIRE_THROWS_WITH(device.validate(), Catch::Contains("128 banks"));
  REQUIRE_THROWS_WITH(device_preset("sdram"), Catch::Contains("lpddr5_6400_x16"));
}
