// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <vector>

#include "tandem/faults/trigger.h"

using namespace tandem::faults;

namespace {

// Which of the opportunities 1..20, at 10 ps each, at address 100 + 4 times their number.
std::vector<unsigned> fired(const When& when) {
  Trigger trigger(when);
  std::vector<unsigned> all;
  for (unsigned i = 1; i <= 20; ++i) {
    if (trigger.fires(10 * i, 100 + 4 * i, 4)) all.push_back(i);
  }
  return all;
}

using Numbers = std::vector<unsigned>;

}  // namespace

TEST_CASE("a trigger fires at the so many-th opportunity, from a time on, in a range") {
  CHECK(fired({}) == Numbers{1});
  CHECK(fired({0, {}, 5, 1, 1}) == Numbers{5});
  CHECK(fired({45, {}, 1, 1, 1}) == Numbers{5});
  CHECK(fired({45, {}, 3, 1, 1}) == Numbers{7});
  CHECK(fired({0, {}, 2, 3, 4}) == Numbers{2, 5, 8, 11});
  CHECK(fired({0, AddressRange{126, 131}, 1, 1, 9}) == Numbers{6, 7});
  CHECK(fired({0, AddressRange{0, 103}, 1, 1, 9}).empty());
}

TEST_CASE("a trigger that is spent does not fire again") {
  Trigger trigger({0, {}, 1, 1, 2});
  CHECK(trigger.fires(0));
  CHECK_FALSE(trigger.spent());
  CHECK(trigger.fires(0));
  CHECK(trigger.spent());
  CHECK_FALSE(trigger.fires(0));
  CHECK(trigger.fired() == 2);
}
