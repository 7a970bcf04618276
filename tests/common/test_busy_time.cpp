// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/common/busy_time.h"

using tandem::common::BusyTime;

TEST_CASE("busy time grows with time, though intervals are known ahead") {
  BusyTime busy;
  CHECK(busy.until(50) == 0);
  busy.add(100, 200, 50);
  busy.add(300, 400, 50);
  CHECK(busy.until(50) == 0);
  CHECK(busy.until(130) == 30);
  CHECK(busy.until(250) == 100);
  CHECK(busy.until(301) == 101);
  CHECK(busy.until(1000) == 200);
  busy.add(1000, 1010, 1005);
  CHECK(busy.until(1005) == 205);
  CHECK(busy.until(2000) == 210);
}

TEST_CASE("of work that is given up, what has been done counts") {
  BusyTime busy;
  busy.add(0, 100, 0);
  busy.add(100, 200, 0);
  busy.stop(150);
  CHECK(busy.until(1000) == 150);
}
