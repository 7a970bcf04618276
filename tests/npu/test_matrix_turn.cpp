// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <string>

#include "tandem/npu/matrix_turn.h"

using tandem::npu::MatrixTurn;

namespace {

struct Commands {
  // Asks for command `serial`; what it runs when its turn comes is `label`.
  bool take(std::uint64_t serial, char label) {
    return turn.take(serial, [this, label] { began += label; });
  }
  MatrixTurn turn;
  std::string began;
};

}  // namespace

TEST_CASE("matrix turns: one command at a time, the next in the order of asking") {
  Commands c;
  CHECK(c.take(1, 'a'));
  CHECK_FALSE(c.take(2, 'b'));
  CHECK_FALSE(c.take(3, 'c'));
  CHECK_FALSE(c.take(2, 'd'));
  CHECK(c.take(1, 'e'));
  c.turn.give_up(2);  // has none
  CHECK(c.began.empty());
  c.turn.give_up(1);
  CHECK(c.began == "bd");
  CHECK_FALSE(c.take(1, 'f'));
  c.turn.give_up(2);
  CHECK(c.began == "bdc");
  c.turn.give_up(3);
  CHECK(c.began == "bdcf");
  c.turn.give_up(1);
  CHECK(c.take(4, 'g'));
}

TEST_CASE("matrix turns: a command that has ended is not called, and leaves its turn") {
  Commands c;
  CHECK(c.take(1, 'a'));
  CHECK_FALSE(c.take(2, 'b'));
  CHECK_FALSE(c.take(3, 'c'));
  c.turn.forget(2);
  c.turn.forget(1);
  CHECK(c.began == "c");
  CHECK_FALSE(c.take(5, 'd'));
  c.turn.reset();
  CHECK(c.take(6, 'e'));
  CHECK(c.began == "c");
}
