// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "tandem/platform/units.h"

using namespace tandem::platform;

TEST_CASE("quantities become integers in base units, exactly") {
  CHECK(parse_quantity("1 GHz", Quantity::kFrequency) == 1'000'000'000);
  CHECK(parse_quantity("1.6 GHz", Quantity::kFrequency) == 1'600'000'000);
  CHECK(parse_quantity("32 GB/s", Quantity::kBandwidth) == 32'000'000'000);
  CHECK(parse_quantity("12.8 GB/s", Quantity::kBandwidth) == 12'800'000'000);
  CHECK(parse_quantity("14 ns", Quantity::kTime) == 14'000);
  CHECK(parse_quantity("450 ps", Quantity::kTime) == 450);
  CHECK(parse_quantity("0.001 ns", Quantity::kTime) == 1);
  CHECK(parse_quantity("1 MiB", Quantity::kBytes) == 1'048'576);
  CHECK(parse_quantity("1.5 KiB", Quantity::kBytes) == 1'536);
  CHECK(parse_quantity("1 MB", Quantity::kBytes) == 1'000'000);
  CHECK(parse_quantity("0.55 pJ", Quantity::kEnergy) == 550);
  CHECK(parse_quantity("1.2 pJ/bit", Quantity::kEnergyPerBit) == 1'200);
  CHECK(parse_quantity("66.3 mW", Quantity::kPower) == 66'300);
  CHECK(parse_quantity("6400 MT/s", Quantity::kTransferRate) == 6'400'000'000);
  CHECK(parse_quantity("14ns", Quantity::kTime) == 14'000);
  CHECK(parse_quantity("3.9060 us", Quantity::kTime) == 3'906'000);
  CHECK(parse_quantity("0.10000000000000000000000 ns", Quantity::kTime) == 100);
}

TEST_CASE("the largest quantity fits, one more does not") {
  CHECK(parse_quantity("18446744073709551615 B", Quantity::kBytes) == 18446744073709551615ULL);
  CHECK_THROWS_AS(parse_quantity("18446744073709551616 B", Quantity::kBytes), UnitError);
  CHECK_THROWS_AS(parse_quantity("16777216 TiB", Quantity::kBytes), UnitError);
  CHECK(parse_quantity("16777215 TiB", Quantity::kBytes) == 16777215ULL << 40);
}

TEST_CASE("what is no such quantity is refused with what was expected") {
  const auto error = [](const char* text, Quantity quantity) -> std::string {
    try {
      parse_quantity(text, quantity);
    } catch (const UnitError& caught) {
      return caught.what();
    }
    return "accepted";
  };
  CHECK(error("5", Quantity::kTime) == "expected a time such as '14 ns', got '5' without a unit");
  CHECK(error("fast", Quantity::kFrequency) == "expected a frequency such as '1 GHz', got 'fast'");
  CHECK(error("5 GB", Quantity::kTime) ==
        "expected a time such as '14 ns', got '5 GB'; its units are ps, ns, us, ms, s");
  CHECK(error("1.0005 ns", Quantity::kTime) ==
        "expected a time such as '14 ns', got '1.0005 ns', which is no whole number of ps of 64 "
        "bits");
  for (const char* text : {"", " ", "-5 ns", "+5 ns", "1e3 ns", "1. ns", ".5 ns", "1.2.3 ns", "ns",
                           "5 NS", "5 ns x", "0x10 ns", "1,000 ns", "5\tns", "nan ns", "inf ns"}) {
    CAPTURE(text);
    CHECK(error(text, Quantity::kTime) != "accepted");
  }
}

TEST_CASE("quantities are written the short way") {
  CHECK(format_quantity(0, Quantity::kTime) == "0 ps");
  CHECK(format_quantity(450, Quantity::kTime) == "450 ps");
  CHECK(format_quantity(1'500, Quantity::kTime) == "1.5 ns");
  CHECK(format_quantity(1'000'000'000'000, Quantity::kTime) == "1 s");
  CHECK(format_quantity(12'800'000'000, Quantity::kBandwidth) == "12.8 GB/s");
  CHECK(format_quantity(262'144, Quantity::kBytes) == "256 KiB");
  CHECK(format_quantity(1'000'000, Quantity::kBytes) == "1 MB");
  CHECK(format_quantity(800'000'000, Quantity::kFrequency) == "800 MHz");
}

TEST_CASE("what is written reads back as the same number") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    const auto quantity = static_cast<Quantity>(random() % 8);
    const std::string text = format_quantity(value, quantity);
    CAPTURE(value, text);
    REQUIRE(parse_quantity(text, quantity) == value);
  }
}
