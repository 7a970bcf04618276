// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/ring.h"

using tandem::common::Agenda;
using tandem::common::now_ps;
using tandem::common::Ring;

TEST_CASE("an agenda runs callbacks in order of time, then of arrival") {
  Agenda agenda("agenda");
  std::vector<int> order;
  std::vector<std::uint64_t> times;
  const auto add = [&](std::uint64_t time_ps, int id) {
    agenda.at(time_ps, [&order, &times, id] {
      order.push_back(id);
      times.push_back(now_ps());
    });
  };
  add(300, 5);
  add(100, 1);
  add(200, 2);
  add(200, 3);
  add(200, 4);
  REQUIRE(order.empty());
  sc_core::sc_start();
  REQUIRE(order == std::vector<int>{1, 2, 3, 4, 5});
  REQUIRE(times == std::vector<std::uint64_t>{100, 200, 200, 200, 300});
  REQUIRE(agenda.empty());
}

TEST_CASE("callbacks may add to the agenda, also for now and for the past") {
  Agenda agenda("agenda");
  struct State {
    Agenda& agenda;
    std::vector<std::uint64_t> times;
  } state{agenda, {}};
  agenda.at(1000, [s = &state] {
    s->times.push_back(now_ps());
    s->agenda.at(500, [s] { s->times.push_back(now_ps()); });
    s->agenda.at(1500, [s] { s->times.push_back(now_ps()); });
  });
  agenda.at(2000, [s = &state] { s->times.push_back(now_ps()); });
  sc_core::sc_start();
  REQUIRE(state.times == std::vector<std::uint64_t>{1000, 1000, 1500, 2000});
}

TEST_CASE("an earlier entry overtakes the one that is armed, and clear forgets all") {
  Agenda agenda("agenda");
  int runs = 0;
  agenda.at(1000, [&runs] { ++runs; });
  agenda.at(10, [&runs] { runs += 100; });
  sc_core::sc_start(sc_core::sc_time(500, sc_core::SC_PS));
  REQUIRE(runs == 100);
  agenda.clear();
  agenda.at(5000, [&runs] { runs += 10; });
  sc_core::sc_start();
  REQUIRE(runs == 110);
  REQUIRE(now_ps() == 5000);
}

TEST_CASE("many random entries come out sorted and stable") {
  Agenda agenda("agenda");
  struct Seen {
    std::uint64_t time_ps;
    unsigned id;
  };
  std::vector<Seen> seen;
  std::mt19937 random(1);
  for (unsigned id = 0; id < 3000; ++id) {
    const std::uint64_t time_ps = random() % 500;
    agenda.at(time_ps, [&seen, id] { seen.push_back({now_ps(), id}); });
  }
  sc_core::sc_start();
  REQUIRE(seen.size() == 3000);
  for (std::size_t i = 1; i < seen.size(); ++i) {
    REQUIRE(seen[i - 1].time_ps <= seen[i].time_ps);
    if (seen[i - 1].time_ps == seen[i].time_ps) REQUIRE(seen[i - 1].id < seen[i].id);
  }
}

TEST_CASE("a ring keeps the order while it grows and wraps") {
  Ring<int> ring;
  int next_in = 0;
  int next_out = 0;
  std::mt19937 random(3);
  for (int i = 0; i < 10'000; ++i) {
    if (random() % 2 == 0 || ring.empty()) {
      ring.push(next_in++);
    } else {
      REQUIRE(ring.front() == next_out);
      REQUIRE(ring.pop() == next_out++);
    }
    REQUIRE(ring.size() == static_cast<std::size_t>(next_in - next_out));
  }
  ring.clear();
  REQUIRE(ring.empty());
}
