// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"

using namespace tandem::observe;

TEST_CASE("statistics keep their order and take the path of their groups") {
  StatisticsTable table;
  table.value("cycles", std::uint64_t{7}, "1", "all");
  {
    const StatisticsGroup npu(table, "npu");
    const StatisticsGroup matrix(table, "matrix");
    table.value("busy", 0.5, "fraction", "time busy");
  }
  table.value("last", std::uint64_t{9}, "ps", "after the groups");

  REQUIRE(table.all().size() == 3);
  CHECK(table.all()[0].path == "cycles");
  CHECK(table.all()[1].path == "npu.matrix.busy");
  CHECK(table.all()[2].path == "last");
}

TEST_CASE("a statistic keeps its type, unit and description") {
  StatisticsTable table;
  // More than a double holds exactly.
  const std::uint64_t large = (std::uint64_t{1} << 53) + 1;
  table.value("bytes", large, "B", "moved");
  table.value("share", 0.25, "fraction", "of all");

  const Statistic* bytes = table.find("bytes");
  REQUIRE(bytes != nullptr);
  CHECK(bytes->is_integer);
  CHECK(bytes->integer == large);
  CHECK(bytes->unit == "B");
  CHECK(bytes->description == "moved");
  const Statistic* share = table.find("share");
  REQUIRE(share != nullptr);
  CHECK_FALSE(share->is_integer);
  CHECK(share->as_double() == 0.25);
  CHECK(table.find("nothing") == nullptr);
}

TEST_CASE("energy is the sum of its entries and each keeps its source") {
  EnergyLedger ledger;
  CHECK(ledger.total_picojoules() == 0.0);
  ledger.spend("memory.read", 1.5, "data sheet");
  ledger.spend("npu.mac", 2.25, "paper");
  CHECK(ledger.total_picojoules() == 3.75);
  REQUIRE(ledger.entries().size() == 2);
  CHECK(ledger.entries()[1].component == "npu.mac");
  CHECK(ledger.entries()[1].source == "paper");
}
