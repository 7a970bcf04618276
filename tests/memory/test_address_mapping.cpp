// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "tandem/memory/address_mapping.h"

using namespace tandem::memory;

namespace {

DeviceGeometry small_geometry() {
  DeviceGeometry geometry;
  geometry.ranks = 2;
  geometry.bank_groups = 2;
  geometry.banks_per_group = 4;
  geometry.rows = 4;
  geometry.row_bytes = 256;
  geometry.bus_bits = 16;
  geometry.burst_length = 16;
  return geometry;
}

const char* const kOrders[] = {"RoRaBaCoBgCh", "RoRaBgBaChCo", "RoBaRaCoChBg",
                               "ChRaBgBaRoCo", "CoRoRaBgBaCh", "RoCoRaBgBaCh"};

using RowId = std::tuple<unsigned, unsigned, unsigned>;  // channel, bank, row

}  // namespace

TEST_CASE("a mapping is a bijection between addresses and locations") {
  for (const char* order : kOrders) {
    for (const unsigned interleave : {32u, 64u, 256u}) {
      const AddressMapping mapping(order, 4, small_geometry(), interleave);
      REQUIRE(mapping.size_bytes() == 4u * 16 * 4 * 256);
      std::set<std::tuple<unsigned, unsigned, unsigned, unsigned>> seen;
      for (std::uint64_t address = 0; address < mapping.size_bytes(); ++address) {
        const Location at = mapping.decode(address);
        if (mapping.encode(at) != address) FAIL(order << " at " << address);
        if (at.column_byte >= 256 || at.row >= 4) FAIL(order << " out of range at " << address);
        seen.insert({at.channel, mapping.flat_bank(at), at.row, at.column_byte});
      }
      REQUIRE(seen.size() == mapping.size_bytes());
    }
  }
}

TEST_CASE("runs hold exactly the bytes that each row contributes") {
  std::mt19937 random(5);
  for (const char* order : kOrders) {
    for (const unsigned interleave : {32u, 64u, 256u}) {
      const AddressMapping mapping(order, 4, small_geometry(), interleave);
      for (int i = 0; i < 60; ++i) {
        const std::uint64_t address = random() % mapping.size_bytes();
        const std::uint64_t most =
            std::min<std::uint64_t>(mapping.size_bytes() - address, i % 2 == 0 ? 700 : 9000);
        const std::uint64_t length = 1 + random() % most;
        std::map<RowId, std::uint64_t> expected;
        for (std::uint64_t a = address; a < address + length; ++a) {
          const Location at = mapping.decode(a);
          ++expected[{at.channel, mapping.flat_bank(at), at.row}];
        }
        std::map<RowId, std::uint64_t> actual;
        std::size_t runs = 0;
        mapping.for_each_run(address, length, [&](const Run& run) {
          actual[{run.channel, run.bank, run.row}] += run.bytes;
          ++runs;
          if (run.bytes == 0) FAIL("empty run");
        });
        if (actual != expected) FAIL(order << " interleave " << interleave << " at " << address);
        // The cost follows rows: a row can come up once per block, and twice at a block's ends.
        REQUIRE(runs <= 2 * expected.size() * (std::string(order) == "CoRoRaBgBaCh" ? 8 : 1));
      }
    }
  }
}

TEST_CASE("a malformed mapping is refused with its reason") {
  const DeviceGeometry geometry = small_geometry();
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBg", 1, geometry, 32), Catch::Contains("six fields"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgXx", 1, geometry, 32), Catch::Contains("'Xx'"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgBg", 1, geometry, 32),
                      Catch::Contains("'Bg' twice"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgCh", 3, geometry, 32),
                      Catch::Contains("channels is 3, must be a power of two"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgCh", 1, geometry, 16),
                      Catch::Contains("interleave_bytes is 16"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgCh", 0, geometry, 32), Catch::Contains("channels"));
}
