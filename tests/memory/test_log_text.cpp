// SPDX-License-Identifier: Apache-2.0
// Command logs and what the timing checker says of them, as people read them.
#include <catch2/catch.hpp>
#include <sstream>

#include "log_builder.h"
#include "tandem/memory/command_log.h"
#include "tandem/memory/timing_checker.h"

using namespace tandem::memory;
using namespace tandem::memory::test;

TEST_CASE("a log survives being written and read") {
  LogRecorder recorder;
  replay({act(0, 31, 7), command(14, CommandKind::kRead, 31, 7, 3), gact(15, 4, 9), comps(30, 8),
          readres(50), ref(70, 1)},
         recorder);
  std::stringstream file;
  write_log(file, recorder.commands());
  REQUIRE(file.str() ==
          "# cycle command rank group bank row column count\n"
          "0 ACT 1 3 31 7 0 0\n14 RD 1 3 31 7 3 0\n15 G_ACT 0 1 4 9 0 0\n"
          "30 COMPS 0 0 0 0 0 8\n50 READRES 0 0 0 0 0 0\n70 REF 1 0 16 0 0 0\n");
  std::stringstream again;
  write_log(again, read_log(file));
  REQUIRE(again.str() == file.str());
}

TEST_CASE("a bad line of a log is named") {
  const auto read = [](const char* lines) {
    std::istringstream in(lines);
    return read_log(in);
  };
  REQUIRE(read("# nothing\n\n").empty());
  REQUIRE_THROWS_WITH(read("# x\n0 ACTIVATE 0 0 0 0 0 0\n"),
                      "line 2: no command is called ACTIVATE");
  REQUIRE_THROWS_WITH(read("0 ACT 0 0 300 0 0 0\n"),
                      "line 1: bank is missing or no number from 0 to 255");
  REQUIRE_THROWS_WITH(read("0 ACT 0 0 3 0 0\n"),
                      "line 1: count is missing or no number from 0 to 65535");
  REQUIRE_THROWS_WITH(read("0 ACT 0 0 3 0 0 0 9\n"), Catch::Contains("unexpected \"9\""));
}

TEST_CASE("a violation reads as a sentence") {
  DeviceConfig device = quiet_device();
  device.timing.tRCDRD = 14 * kClockPs;
  device.timing.tRP = 5 * kClockPs;
  device.timing.tRTP_L = 4 * kClockPs;
  device.timing.tREFI = 100 * kClockPs;
  const auto first = [&device](const std::vector<Command>& log) {
    TimingChecker checker(device);
    replay(log, checker);
    return text(checker.violations().at(0));
  };
  REQUIRE(first({act(799, 3, 7), rd(812, 3, 7)}) ==
          "RD bank 3 row 7 at cycle 812: tRCDRD: 13 cycles after ACT bank 3 row 7 at cycle 799, "
          "14 required");
  REQUIRE(first({act(0, 3, 7), rda(14, 3, 7), act(20, 3, 8)}) ==
          "ACT bank 3 row 8 at cycle 20: tRP: 2 cycles after cycle 18 (RDA bank 3 row 7 at cycle "
          "14), 5 required");
  REQUIRE(first({act(0, 3, 7), act(14, 3, 8)}) ==
          "ACT bank 3 row 8 at cycle 14: shut bank needed, last was ACT bank 3 row 7 at cycle 0");
  REQUIRE(first({pre(14, 3)}) == "PRE bank 3 at cycle 14: open bank needed");
  REQUIRE(first({ref(950, 1)}) ==
          "REF rank 1 at cycle 950: tREFI: 950 cycles after cycle 0, at most 900 allowed");
}

TEST_CASE("violations are counted, and the first of them kept") {
  TimingChecker checker(quiet_device());
  for (Cycle cycle = 0; cycle < 250; ++cycle) checker.on_command(pre(cycle, 0));
  REQUIRE(checker.violation_count() == 250);
  REQUIRE(checker.violations().size() == TimingChecker::kKept);
  REQUIRE_THAT(checker.report(), Catch::Contains("and 150 more\n"));
  REQUIRE(TimingChecker(quiet_device()).report().empty());
}

TEST_CASE("a device without clock, banks or data rate is refused") {
  DeviceConfig device = quiet_device();
  device.timing.tCK = 0;
  REQUIRE_THROWS_WITH(TimingChecker(device), Catch::Contains("tCK"));
  device = quiet_device();
  device.geometry.ranks = 0;
  REQUIRE_THROWS_WITH(TimingChecker(device), Catch::Contains("banks"));
  device = quiet_device();
  device.geometry.data_rate_mtps = 0;
  REQUIRE_THROWS_WITH(TimingChecker(device), Catch::Contains("data_rate_mtps"));
}
