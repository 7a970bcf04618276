// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <set>

#include "tandem/platform/errors.h"
#include "tandem/platform/probe/pattern.h"
#include "tandem/test/devices.h"

using namespace tandem::platform;
using tandem::memory::AddressMapping;
using tandem::memory::DeviceGeometry;
using tandem::memory::Location;

namespace {

// 2 channels of 1 rank, 2 x 2 banks, 4 rows of 4 bursts of 64 bytes.
struct Small {
  DeviceGeometry geometry{1, 2, 2, 4, 256, 128, 4, 2000, false};
  AddressMapping mapping{"RoRaBgBaCoCh", 2, geometry, 64};

  AddressStream stream(const std::string& pattern, std::uint64_t seed = 1) const {
    return AddressStream(parse_pattern(pattern), mapping, geometry, seed);
  }
};

std::string refused(const std::string& pattern) {
  try {
    parse_pattern(pattern);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("patterns by name") {
  CHECK(parse_pattern("sequential").kind == AccessPattern::Kind::kSequential);
  CHECK(parse_pattern("sequential").write_percent == 0);
  CHECK(parse_pattern("sequential-write").write_percent == 100);
  CHECK(parse_pattern("random-write").kind == AccessPattern::Kind::kRandom);
  CHECK(parse_pattern("mixed:30").kind == AccessPattern::Kind::kRandom);
  CHECK(parse_pattern("mixed:30").write_percent == 30);
  CHECK(parse_pattern("mixed:0").write_percent == 0);
  CHECK(parse_pattern("sequential-mixed:100").write_percent == 100);
  CHECK(parse_pattern("stride:4096").stride_bytes == 4096);
  CHECK(parse_pattern("pingpong").kind == AccessPattern::Kind::kPingPong);
  CHECK(parse_pattern("row-misses").kind == AccessPattern::Kind::kRowMisses);
}

TEST_CASE("wrong patterns are refused with what was expected") {
  for (const char* text : {"", "seq", "random:3", "pingpong:", "sequential:64"}) {
    CAPTURE(text);
    CHECK(refused(text).find("expected sequential, sequential-write,") != std::string::npos);
  }
  for (const char* text : {"mixed", "mixed:", "mixed:101", "mixed:-1", "mixed:3x", "mixed:3.5"}) {
    CAPTURE(text);
    CHECK(refused(text) == std::string("--pattern ") + text +
                               ": expected mixed:PERCENT with 0..100 percent of writes");
  }
  for (const char* text :
       {"stride", "stride:", "stride:0", "stride:64B", "stride:99999999999999999999"}) {
    CAPTURE(text);
    CHECK(refused(text).find("expected stride:BYTES") != std::string::npos);
  }
}

TEST_CASE("strides must fit the device") {
  const Small small;
  CHECK_THROWS_WITH(small.stream("stride:100"),
                    Catch::Contains("a multiple of the device's burst, 64 bytes"));
  CHECK_THROWS_WITH(small.stream("stride:8192"), Catch::Contains("less than the capacity, 8192"));
  CHECK_NOTHROW(small.stream("stride:8128"));
}

TEST_CASE("sequential and strided streams touch every burst once before they repeat") {
  const Small small;
  const std::uint64_t bursts = small.mapping.size_bytes() / 64;
  for (const char* pattern : {"sequential", "stride:64", "stride:256", "stride:4096"}) {
    CAPTURE(pattern);
    AddressStream stream = small.stream(pattern);
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < bursts; ++i) {
      const std::uint64_t address = stream.next().address;
      REQUIRE(address % 64 == 0);
      REQUIRE(address < small.mapping.size_bytes());
      seen.insert(address);
    }
    CHECK(seen.size() == bursts);
  }
}

TEST_CASE("random addresses cover the capacity and follow from the seed") {
  const Small small;
  AddressStream a = small.stream("random", 7);
  AddressStream b = small.stream("random", 7);
  AddressStream c = small.stream("random", 8);
  std::set<std::uint64_t> seen;
  bool differs = false;
  for (int i = 0; i < 2'000; ++i) {
    const std::uint64_t address = a.next().address;
    REQUIRE(address == b.next().address);
    differs |= address != c.next().address;
    REQUIRE(address % 64 == 0);
    seen.insert(address);
  }
  CHECK(differs);
  CHECK(seen.size() == small.mapping.size_bytes() / 64);
}

TEST_CASE("mixed streams write as often as they say") {
  const Small small;
  for (const unsigned percent : {0u, 30u, 100u}) {
    AddressStream stream = small.stream("mixed:" + std::to_string(percent));
    int writes = 0;
    for (int i = 0; i < 10'000; ++i) writes += stream.next().is_write ? 1 : 0;
    CHECK(writes == Approx(100.0 * percent).margin(150));
  }
}

TEST_CASE("ping-pong and row misses stay in the first bank of each channel") {
  const Small small;
  AddressStream pingpong = small.stream("pingpong");
  AddressStream misses = small.stream("row-misses");
  unsigned last_row[2] = {9, 9};
  for (unsigned i = 0; i < 64; ++i) {
    const Location a = small.mapping.decode(pingpong.next().address);
    CHECK(a.channel == i % 2);
    CHECK(small.mapping.flat_bank(a) == 0);
    CHECK(a.row == i / 2 % 2);
    const Location b = small.mapping.decode(misses.next().address);
    CHECK(b.channel == i % 2);
    CHECK(small.mapping.flat_bank(b) == 0);
    CHECK(b.row != last_row[b.channel]);
    last_row[b.channel] = b.row;
  }
}
