// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <iterator>
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

// None, every field, and fields from other bits of the row, which has two.
const AddressHash kHashes[] = {
    {}, {0, 0, 0, 0}, {AddressHash::kNone, 1, 1, 0}, {0, 1, AddressHash::kNone, 0}};

const char* const kOrders[] = {"RoRaBaCoBgCh", "RoRaBgBaChCo", "RoBaRaCoChBg",
                               "ChRaBgBaRoCo", "CoRoRaBgBaCh", "RoCoRaBgBaCh"};

using RowId = std::tuple<unsigned, unsigned, unsigned>;  // channel, bank, row

}  // namespace

TEST_CASE("a mapping is a bijection between addresses and locations") {
  for (const char* order : kOrders) {
    for (const unsigned interleave : {32u, 64u, 256u}) {
      for (const AddressHash& hash : kHashes) {
        const AddressMapping mapping(order, 4, small_geometry(), interleave, hash);
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
}

TEST_CASE("a mapping of a large memory is a bijection as well") {
  DeviceGeometry geometry = small_geometry();
  geometry.bank_groups = 4;
  geometry.rows = 65'536;
  geometry.row_bytes = 8'192;
  std::mt19937_64 random(7);
  for (const char* order : kOrders) {
    for (const AddressHash& hash : {AddressHash{}, AddressHash{3, 12, 0, 5}}) {
      const AddressMapping mapping(order, 32, geometry, 64, hash);
      const std::uint64_t size = mapping.size_bytes();
      REQUIRE(size == std::uint64_t{32} * 32 * 65'536 * 8'192);
      for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t address = random() % size;
        if (mapping.encode(mapping.decode(address)) != address) FAIL(order << " at " << address);
        const Location at{
            static_cast<unsigned>(random() % 32),     static_cast<unsigned>(random() % 2),
            static_cast<unsigned>(random() % 4),      static_cast<unsigned>(random() % 4),
            static_cast<unsigned>(random() % 65'536), static_cast<unsigned>(random() % 8'192)};
        const Location back = mapping.decode(mapping.encode(at));
        if (back.channel != at.channel || mapping.flat_bank(back) != mapping.flat_bank(at) ||
            back.row != at.row || back.column_byte != at.column_byte) {
          FAIL(order << ": a location does not come back");
        }
      }
    }
  }
}

TEST_CASE("runs hold exactly the bytes that each row contributes") {
  std::mt19937 random(5);
  for (const char* order : kOrders) {
    for (const unsigned interleave : {32u, 64u, 256u}) {
      for (int i = 0; i < 120; ++i) {
        const AddressHash& hash = kHashes[static_cast<unsigned>(i) % std::size(kHashes)];
        const AddressMapping mapping(order, 4, small_geometry(), interleave, hash);
        const std::uint64_t address = random() % mapping.size_bytes();
        const std::uint64_t most =
            std::min<std::uint64_t>(mapping.size_bytes() - address, random() % 2 == 0 ? 700 : 9000);
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

TEST_CASE("a hash spreads a stride of whole rows over the banks") {
  DeviceGeometry geometry = small_geometry();
  geometry.rows = 1'024;
  const auto banks_touched = [&geometry](const AddressHash& hash) {
    const AddressMapping mapping("RoRaBgBaCoCh", 1, geometry, 64, hash);
    std::set<unsigned> banks;
    const std::uint64_t stride = std::uint64_t{geometry.banks()} * geometry.row_bytes;
    for (unsigned i = 0; i < 64; ++i) banks.insert(mapping.flat_bank(mapping.decode(i * stride)));
    return banks.size();
  };
  CHECK(banks_touched({}) == 1);
  CHECK(banks_touched({AddressHash::kNone, AddressHash::kNone, AddressHash::kNone, 0}) == 4);
  CHECK(banks_touched({AddressHash::kNone, 3, 2, 0}) == 16);
}

TEST_CASE("a hash that needs more bits than a row has is refused") {
  const DeviceGeometry geometry = small_geometry();
  const AddressHash beyond{AddressHash::kNone, AddressHash::kNone, AddressHash::kNone, 1};
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgCh", 1, geometry, 32, beyond),
                      Catch::Contains("hash.Ba: needs bits 1..2 of the row, which has 2 bits"));
  const AddressHash no_channels{1, AddressHash::kNone, AddressHash::kNone, AddressHash::kNone};
  REQUIRE_NOTHROW(AddressMapping("RoRaBaCoBgCh", 1, geometry, 32, no_channels));
}

TEST_CASE("a malformed mapping is refused with its reason") {
  const DeviceGeometry geometry = small_geometry();
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBg", 1, geometry, 32), Catch::Contains("six fields"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgXx", 1, geometry, 32), Catch::Contains("'Xx'"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgBg", 1, geometry, 32),
                      Catch::Contains("'Bg' twice"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgCh", 3, geometry, 32),
                      Catch::Contains("channels: 3 is not a power of two"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgCh", 1, geometry, 16),
                      Catch::Contains("interleave_bytes: 16"));
  REQUIRE_THROWS_WITH(AddressMapping("RoRaBaCoBgCh", 0, geometry, 32), Catch::Contains("channels"));
}
