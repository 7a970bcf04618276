// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/interconnect/address_map.h"

using tandem::interconnect::AddressMap;

TEST_CASE("addresses find their range, holes find none") {
  const AddressMap map({{"dram", 0x8000'0000, 0x4000'0000, 1},
                        {"sram", 0x1000'0000, 0x1000, 0},
                        {"top", ~std::uint64_t{0} - 15, 16, 2}});
  REQUIRE(map.find(0x1000'0000)->name == "sram");
  REQUIRE(map.find(0x1000'0FFF)->name == "sram");
  REQUIRE(map.find(0x1000'1000) == nullptr);
  REQUIRE(map.find(0) == nullptr);
  REQUIRE(map.find(0xBFFF'FFFF)->name == "dram");
  REQUIRE(map.find(0xC000'0000) == nullptr);
  REQUIRE(map.find(~std::uint64_t{0})->name == "top");
}

TEST_CASE("an access may not leave its range") {
  const AddressMap map({{"a", 0x1000, 0x100, 0}, {"b", 0x1100, 0x100, 1}});
  REQUIRE(map.find(0x10FC, 4) != nullptr);
  REQUIRE(map.find(0x10FD, 4) == nullptr);
  REQUIRE(map.find(0x1000, 0x101) == nullptr);
}

TEST_CASE("overlapping, empty and endless ranges are refused by name") {
  REQUIRE_THROWS_WITH(
      AddressMap({{"sram", 0x1000, 0x1000, 0}, {"uart", 0x1FFF, 4, 1}}),
      Catch::Contains("'sram' [0x1000, 0x1fff]") && Catch::Contains("'uart' [0x1fff, 0x2002]"));
  REQUIRE_THROWS_WITH(AddressMap({{"nothing", 0, 0, 0}}), Catch::Contains("'nothing' is empty"));
  REQUIRE_THROWS_WITH(AddressMap({{"long", ~std::uint64_t{0}, 2, 0}}), Catch::Contains("'long'"));
}
