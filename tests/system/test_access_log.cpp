// SPDX-License-Identifier: Apache-2.0
// access.log, and registers by name and time.
#include <catch2/catch.hpp>
#include <sstream>

#include "register_names.h"
#include "system_run.h"
#include "tandem/platform/errors.h"

namespace tandem::test {
namespace {

using Catch::Contains;
using platform::find_registers;

platform::RunReport run_with(const std::vector<std::string>& overrides) {
  return run(story_scenario({{1}}, 6, overrides));
}

std::size_t lines_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find(part) != std::string::npos;
  return count;
}

TEST_CASE("without run.log there is no log") {
  const auto report = run_with({});
  CHECK(report.access_log.empty());
  CHECK(report.registers.empty());
}

TEST_CASE("the log names initiator, register and field") {
  const auto report = run_with({"run.log.npu=access", "run.log.intc=info"});
  const std::string& log = report.access_log;
  CHECK_THAT(log, Contains("cpu  NPU.CONTROL.ENABLE=1") && Contains("cpu  NPU.SQ_TAIL[0]=0x1"));
  CHECK_THAT(log, Contains("cpu  NPU.ID -> 0x544e5055"));
  CHECK_THAT(log, Contains("intc  line npu rises") && Contains("intc  line npu falls"));
  CHECK(lines_with(log, "MAILBOX") == 0);
  CHECK(lines_with(log, "INTC.") == 0);  // its accesses were not asked for
}

TEST_CASE("lines are in the order of their times, also of several initiators") {
  const auto report = run_with({"run.log.npu=access", "run.log.sram=access", "run.log.pim=access"});
  std::istringstream lines(report.access_log);
  double last = 0.0;
  for (std::string line; std::getline(lines, line);) {
    const double time = std::stod(line);
    CHECK(time >= last);
    last = time;
  }
  CHECK(lines_with(report.access_log, "npu  sram+0x") > 0);
}

TEST_CASE("a log is cut at its size, and says so") {
  const auto report = run_with({"run.log.npu=access", "run.log.max_size=1 KiB"});
  CHECK(report.access_log_dropped > 0);
  CHECK_THAT(report.access_log, Contains("cut short: " + std::to_string(report.access_log_dropped) +
                                         " later lines were dropped; raise run.log.max_size"));
  CHECK(report.access_log.size() < 1024 + 200);
}

TEST_CASE("registers are shown at their time, and those of a time that does not come say so") {
  const auto report =
      run_with({"run.registers='npu.STATUS,npu.SQ_TAIL[0]@30us; timer.CONTROL@9s'"});
  REQUIRE(report.registers.size() == 3);
  CHECK(report.registers[0].name == "npu.STATUS");
  CHECK(report.registers[0].at_ps == 30'000'000);
  CHECK_THAT(report.registers[0].text, Contains("NPU.STATUS"));
  CHECK(report.registers[1].value.has_value());
  CHECK_FALSE(report.registers[2].value.has_value());
  CHECK_THAT(report.registers[2].text, Contains("the run ended before"));
  CHECK_THAT(platform::registers_text(report), Contains("at 30 us\n  NPU.STATUS"));
  CHECK(platform::registers_json(report)[2]["value"].is_null());
}

TEST_CASE("neighbours in an array of registers share a line where they are the same") {
  platform::RunReport report;
  const auto add = [&](std::uint64_t at_ps, const std::string& name, const std::string& rest) {
    report.registers.push_back({at_ps, "npu." + name, 0, "NPU." + name + rest});
  };
  add(1'000, "ID", " -> 0x1");
  for (const char* name : {"SQ[0]", "SQ[1]", "SQ[2]"}) add(1'000, name, " -> 0x0");
  add(1'000, "SQ[3]", ".ENABLE -> 1");
  add(1'000, "CQ[4]", ".ENABLE -> 1");
  add(2'000, "CQ[5]", ".ENABLE -> 1");
  CHECK(platform::registers_text(report) ==
        "at 1 ns\n  NPU.ID -> 0x1\n  NPU.SQ[0..2] -> 0x0\n  NPU.SQ[3].ENABLE -> 1\n"
        "  NPU.CQ[4].ENABLE -> 1\nat 2 ns\n  NPU.CQ[5].ENABLE -> 1\n");
  CHECK(platform::registers_json(report).size() == 7);
}

TEST_CASE("registers are found by block, array and beginning") {
  CHECK(find_registers("npu.CONTROL").size() == 1);
  CHECK(find_registers("NPU.control")[0].name == "npu.CONTROL");
  CHECK(find_registers("npu.SQ_TAIL").size() == 8);
  CHECK(find_registers("npu.SQ_TAIL[2]")[0].offset == 0x190);
  CHECK(find_registers("npu.SQ_T*").size() == 8);
  CHECK(find_registers("uart").size() == find_registers("uart.*").size());
  CHECK_THROWS_WITH(find_registers("npu.CONTRL"), Contains("unknown register 'npu.CONTRL'"));
  try {
    find_registers("npu.CONTRL");
  } catch (const platform::UserError& error) {
    CHECK(error.hint() == "did you mean 'npu.CONTROL'?");
  }
  CHECK_THROWS(find_registers(""));
}

TEST_CASE("a register is described with its fields") {
  const std::string text = platform::describe_registers("npu.CONTROL");
  CHECK_THAT(text, Contains("npu.CONTROL  at 0x10, read and write, reset 0x0"));
  CHECK_THAT(text, Contains("[0] ENABLE: 1: the device takes work"));
}

TEST_CASE("what cannot be shown is refused with its key") {
  CHECK_THROWS_WITH(run_with({"run.registers=npu.STATUS"}),
                    Contains("run.registers") && Contains("NAMES@TIME"));
  CHECK_THROWS_WITH(run_with({"run.registers=npu.STATUS@5"}), Contains("without a unit"));
  CHECK_THROWS_WITH(run_with({"run.registers=pe_array.ID@1us"}), Contains("has no pe_array"));
  CHECK_THROWS_WITH(run_with({"platform.pim.enabled=false", "run.registers=pim.ID@1us"}),
                    Contains("has no pim"));
}

}  // namespace
}  // namespace tandem::test
