// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/alarm.h"

using tandem::common::Agenda;
using tandem::common::Alarm;
using tandem::common::now_ps;

namespace {

struct Rung {
  int id;
  std::uint64_t time_ps;
  bool operator==(const Rung& other) const { return id == other.id && time_ps == other.time_ps; }
};

}  // namespace

TEST_CASE("alarms of the same time ring in the order of their setting") {
  std::vector<int> order;
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int id = 0; id < 9; ++id) {
    alarms.push_back(std::make_unique<Alarm>([&order, id] { order.push_back(id); }));
  }
  for (const int id : {4, 8, 0, 7, 2, 6, 1, 5, 3}) {
    alarms[static_cast<std::size_t>(id)]->set(1000);
  }
  sc_core::sc_start();
  REQUIRE(order == std::vector<int>{4, 8, 0, 7, 2, 6, 1, 5, 3});
}

TEST_CASE("the order among agendas does not depend on what else is pending") {
  Agenda first("first");
  Agenda second("second");
  sc_core::sc_event other;
  std::vector<int> order;
  for (std::uint64_t round = 0; round < 20; ++round) {
    // Zombies in the kernel's queue, in another place each time.
    for (std::uint64_t i = 0; i < round; ++i) {
      other.notify(tandem::common::from_ps(2000 + i * 7 % 5));
      other.cancel();
    }
    const std::uint64_t time_ps = now_ps() + 1000;
    order.clear();
    second.at(time_ps, [&order] { order.push_back(2); });
    first.at(time_ps, [&order] { order.push_back(1); });
    sc_core::sc_start(tandem::common::from_ps(1001));
    REQUIRE(order == std::vector<int>{2, 1});
  }
}

TEST_CASE("an alarm rings once, at its last setting, never from within the call") {
  std::vector<Rung> rung;
  Alarm a([&rung] { rung.push_back({1, now_ps()}); });
  Alarm b([&] {
    rung.push_back({2, now_ps()});
    a.set(0);  // has passed: now
    REQUIRE(rung.size() == 1);
  });
  a.set(100);
  a.set(700);
  b.set(300);
  sc_core::sc_start();
  REQUIRE(rung == std::vector<Rung>{{2, 300}, {1, 300}});
}

TEST_CASE("a cancelled alarm does not keep the simulation going") {
  int rung = 0;
  Alarm late([&rung] { ++rung; });
  Alarm early([&late] { late.cancel(); });
  late.set(5000);
  early.set(1000);
  sc_core::sc_start();
  REQUIRE(rung == 0);
  REQUIRE(now_ps() == 1000);
}
