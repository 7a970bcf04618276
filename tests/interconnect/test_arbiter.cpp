// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <catch2/catch.hpp>

#include "tandem/interconnect/arbiter.h"

using tandem::interconnect::Arbiter;
using tandem::interconnect::Arbitration;

TEST_CASE("round robin takes turns and skips who does not wait") {
  Arbiter arbiter(Arbitration::round_robin, {1, 1, 1}, {0, 0, 0});
  REQUIRE(arbiter.pick(0b111) == 0);
  REQUIRE(arbiter.pick(0b111) == 1);
  REQUIRE(arbiter.pick(0b011) == 0);
  REQUIRE(arbiter.pick(0b110) == 1);
  REQUIRE(arbiter.pick(0b010) == 1);
  arbiter.reset();
  REQUIRE(arbiter.pick(0b111) == 0);
}

TEST_CASE("priority takes the most urgent, then the lowest port") {
  Arbiter arbiter(Arbitration::priority, {1, 1, 1}, {2, 1, 1});
  REQUIRE(arbiter.pick(0b111) == 1);
  REQUIRE(arbiter.pick(0b111) == 1);
  REQUIRE(arbiter.pick(0b101) == 2);
  REQUIRE(arbiter.pick(0b001) == 0);
}

TEST_CASE("weighted shares follow the weights when all wait") {
  Arbiter arbiter(Arbitration::weighted, {1, 2, 5}, {0, 0, 0});
  std::array<unsigned, 3> grants{};
  for (int i = 0; i < 800; ++i) ++grants[arbiter.pick(0b111)];
  REQUIRE(grants == std::array<unsigned, 3>{100, 200, 500});
  for (int i = 0; i < 10; ++i) REQUIRE(arbiter.pick(0b001) == 0);
}
