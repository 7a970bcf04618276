// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <limits>

#include "tandem/common/archive.h"

using tandem::common::Archive;
using tandem::common::ArchiveError;
using Bytes = std::vector<std::uint8_t>;

namespace {

enum class Colour : std::uint16_t { kRed = 0x1234 };

struct Inner {
  int number = 0;
  std::string text;

  template <typename A>
  void archive(A& archive) {
    archive(number, text);
  }
  bool operator==(const Inner& other) const { return number == other.number && text == other.text; }
};

struct State {
  bool flag = false;
  std::int32_t negative = 0;
  std::uint64_t large = 0;
  double real = 0;
  float single = 0;
  Colour colour{};
  std::string text;
  std::vector<Inner> inners;
  std::deque<std::uint16_t> queue;
  std::array<std::uint8_t, 3> fixed{};
  std::optional<Inner> present, absent;
  std::set<std::uint32_t> ids;
  std::map<std::uint32_t, std::map<std::uint32_t, Inner>> tree;

  void archive(Archive& archive) {
    archive(flag, negative, large, real, single, colour, text, inners, queue, fixed);
    archive(present, absent, ids, tree);
  }
  bool operator==(const State& other) const {
    return flag == other.flag && negative == other.negative && large == other.large &&
           real == other.real && single == other.single && colour == other.colour &&
           text == other.text && inners == other.inners && queue == other.queue &&
           fixed == other.fixed && present == other.present && absent == other.absent &&
           ids == other.ids && tree == other.tree;
  }
};

State example() {
  State state;
  state.flag = true;
  state.negative = -5;
  state.large = std::numeric_limits<std::uint64_t>::max() - 1;
  state.real = 0.1;
  state.single = -2.5f;
  state.colour = Colour::kRed;
  state.text = "Once";
  state.inners = {{1, "a"}, {2, ""}};
  state.queue = {3, 4, 5};
  state.fixed = {6, 7, 8};
  state.present = Inner{9, "there"};
  state.ids = {10, 11};
  state.tree[1][2] = {12, "leaf"};
  return state;
}

Bytes saved(State state) {
  Archive archive;
  archive.section("first", [&] { archive(state); });
  archive.section("second", [&] { archive.section("nested", [&] { archive(state.text); }); });
  return archive.bytes();
}

State loaded(const Bytes& bytes) {
  Archive archive(bytes);
  State state;
  state.absent = Inner{1, "is to go"};
  state.ids = {99};
  archive.section("first", [&] { archive(state); });
  archive.section("second", [&] { archive.section("nested", [&] { archive(state.text); }); });
  return state;
}

}  // namespace

TEST_CASE("an archive gives back what was written") {
  REQUIRE(loaded(saved(example())) == example());
  REQUIRE(loaded(saved(State{})) == State{});
}

TEST_CASE("an archive is little endian") {
  Archive archive;
  std::uint32_t number = 0x0102'0304;
  bool flag = true;
  archive(number, flag);
  REQUIRE(archive.bytes() == Bytes{4, 3, 2, 1, 1});
}

TEST_CASE("an archive with any byte changed, or any left out at its end, is refused") {
  const Bytes whole = saved(example());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      Bytes damaged = whole;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ change);
      CAPTURE(at);
      REQUIRE_THROWS_AS(loaded(damaged), ArchiveError);
    }
    REQUIRE_THROWS_AS(loaded(Bytes(whole.begin(), whole.begin() + static_cast<long>(at))),
                      ArchiveError);
  }
  Bytes longer = whole;
  longer.push_back(0);
  REQUIRE_THROWS_AS(loaded(longer), ArchiveError);
}

TEST_CASE("an archive is read as it was written: sections in order, each used up") {
  Archive writer;
  std::uint32_t number = 1;
  writer.section("one", [&] { writer(number); });
  SECTION("another name") {
    Archive reader(writer.bytes());
    REQUIRE(reader.next_is("one"));
    REQUIRE_FALSE(reader.next_is("on"));
    REQUIRE_THROWS_AS(reader.section("two", [&] { reader(number); }), ArchiveError);
  }
  SECTION("less") {
    Archive reader(writer.bytes());
    REQUIRE_THROWS_AS(reader.section("one", [] {}), ArchiveError);
  }
  SECTION("more") {
    Archive reader(writer.bytes());
    REQUIRE_THROWS_AS(reader.section("one", [&] { reader(number, number); }), ArchiveError);
  }
  SECTION("a table that cannot be there") {
    Archive reader(writer.bytes());
    std::vector<Inner> many;
    REQUIRE_THROWS_AS(reader.section("one", [&] { reader(many); }), ArchiveError);
  }
}

TEST_CASE("a table whose size is configured must have it") {
  Archive writer;
  std::vector<std::uint32_t> two = {1, 2};
  writer.in_place(two);
  std::vector<std::uint32_t> three(3);
  Bytes bytes;
  {
    Archive section;
    section.section("table", [&] { section.in_place(two); });
    bytes = section.bytes();
  }
  Archive reader(bytes);
  REQUIRE_THROWS_AS(reader.section("table", [&] { reader.in_place(three); }), ArchiveError);
}

TEST_CASE("of memory, the pages that differ are written") {
  constexpr std::size_t kBytes = 5 * 4096 + 100;
  Bytes initial(kBytes, 7);
  Bytes now = initial;
  now[4096] = 1;
  now[kBytes - 1] = 2;
  std::fill(now.begin() + 2 * 4096, now.begin() + 3 * 4096, std::uint8_t{0});
  Archive writer;
  writer.section("memory", [&] { writer.pages(now.data(), now.size(), initial.data()); });
  REQUIRE(writer.bytes().size() < 2 * 4096 + 100 + 100);
  Archive reader(writer.bytes());
  Bytes read = initial;
  reader.section("memory", [&] { reader.pages(read.data(), read.size(), nullptr); });
  REQUIRE(read == now);

  Archive smaller(writer.bytes());
  Bytes two_pages(2 * 4096);
  REQUIRE_THROWS_AS(
      smaller.section("memory",
                      [&] { smaller.pages(two_pages.data(), two_pages.size(), nullptr); }),
      ArchiveError);
}
