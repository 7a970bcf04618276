// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <sstream>

#include "tandem/platform/probe/tables.h"
#include "temporary_folder.h"

using namespace tandem::platform;
using tandem::test::read_whole;

namespace {

// What a README shows between the markers of a command.
std::string shown(const std::string& module, const std::string& command) {
  const std::string text = read_whole(std::string(TANDEM_MODULES "/") + module + "/README.md");
  const std::string begin = "<!-- " + command + " -->\n";
  const std::size_t from = text.find(begin);
  REQUIRE(from != std::string::npos);
  const std::size_t to = text.find("<!-- end -->", from);
  REQUIRE(to != std::string::npos);
  return text.substr(from + begin.size(), to - from - begin.size());
}

// Shows the first line that differs, not the whole table.
void check_same(const std::string& in_file, const std::string& printed) {
  INFO("tandem probe table TOPIC --into README.md writes it anew");
  std::istringstream file(in_file), now(printed);
  std::string file_line, now_line;
  while (std::getline(file, file_line) && std::getline(now, now_line)) {
    REQUIRE(file_line == now_line);
  }
  CHECK(in_file.size() == printed.size());
}

}  // namespace

TEST_CASE("modules/memory/README.md shows what tandem probe table memory prints") {
  check_same(shown("memory", "tandem probe table memory"), memory_table());
}

TEST_CASE("modules/pim/README.md shows what tandem probe table pim prints") {
  check_same(shown("pim", "tandem probe table pim"), pim_table());
}

TEST_CASE("modules/pim/README.md shows what tandem probe table contention prints") {
  check_same(shown("pim", "tandem probe table contention"), contention_table());
}

TEST_CASE("modules/pim/contention.svg is what tandem probe picture contention prints") {
  check_same(read_whole(TANDEM_MODULES "/pim/contention.svg"), contention_picture());
}
