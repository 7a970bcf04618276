// SPDX-License-Identifier: Apache-2.0
// The section `faults` of a scenario: what it says, and what is refused.
#include <catch2/catch.hpp>

#include "fault_plan.h"
#include "scenario_fixture.h"
#include "tandem/faults/fault_log.h"
#include "tandem/platform/names.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem::platform;
using tandem::test::ScenarioFixture;

TEST_CASE_METHOD(ScenarioFixture, "a list in place of the map is the list") {
  const Scenario scenario = load(
      minimal("faults:\n  - {kind: bus_error, where: cpu.bus, nth: 3, address: 0x10, bytes: 8 B}\n"
              "  - {kind: late_completion, at: 2 us}\n"));
  CHECK(scenario.faults.present);
  REQUIRE(scenario.faults.list.size() == 2);
  CHECK(scenario.faults.list[0].nth == 3);
  CHECK(scenario.faults.list[0].address == 0x10u);
  CHECK(scenario.faults.list[0].bytes == 8);
  const std::vector<FaultConfig> planned = planned_faults(scenario.faults);
  CHECK(planned[1].where == "npu");
  CHECK(planned[1].delay_ps == kLatenessPs);
  CHECK_FALSE(load(minimal()).faults.present);
}

TEST_CASE_METHOD(ScenarioFixture,
                 "faults are drawn by their seed alone, of the kinds that are named") {
  const auto drawn = [this](const std::string& random) {
    return planned_faults(load(minimal("faults: {random: {number: 40, " + random + "}}")).faults);
  };
  const auto one = drawn("seed: 1");
  const auto same = drawn("seed: 1");
  const auto other = drawn("seed: 2");
  REQUIRE(one.size() == 40);
  bool differs = false;
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].kind == same[i].kind);
    CHECK(one[i].where == same[i].where);
    CHECK(one[i].at_ps == same[i].at_ps);
    CHECK(one[i].at_ps < 1'000'000'000);
    differs = differs || one[i].at_ps != other[i].at_ps;
  }
  CHECK(differs);
  for (const FaultConfig& fault : drawn("kinds: [stuck_engine, uart_overrun]")) {
    CHECK((fault.kind == FaultKind::kStuckEngine || fault.kind == FaultKind::kUartOverrun));
  }
}

TEST_CASE_METHOD(ScenarioFixture, "what a kind cannot have is refused at its line") {
  CHECK(error_of(minimal("faults:\n  - {kind: uart_overrun}\n  - {kind: bus_error}\n")) ==
        "s.yaml:6:5: faults.list[1]: bus_error needs a key 'where': cpu.bus, npu.memory, memory or "
        "sram");
  CHECK(error_of(minimal("faults:\n  - {kind: ecc_corrected, where: sram}\n")) ==
        "s.yaml:5:34: faults.list[0].where: ecc_corrected happens at memory, got 'sram'");
  CHECK(error_of(minimal("faults: [{kind: uart_overrun, address: 0x4}]"))
            .find("s.yaml:4:40: faults.list[0].address: uart_overrun has no address") == 0);
  CHECK(error_of(minimal("faults: [{kind: stuck_engine, where: npu.matrix, delay: 1 ns}]"))
            .find("s.yaml:4:57: faults.list[0].delay: only of late_completion") == 0);
  CHECK(error_of(minimal("faults: [{kind: uart_overrun, bits: 2}]"))
            .find("s.yaml:4:37: faults.list[0].bits: only of corrupt_...") == 0);
  CHECK(error_of(minimal("faults: [{kind: uart_overrun, nht: 2}]"))
            .find("s.yaml:4:31: faults.list[0].nht: unknown key; did you mean 'nth'?") == 0);
  CHECK(error_of(minimal("faults: [{where: uart}]")) ==
        "s.yaml:4:10: faults.list[0].kind: this key is required");
  CHECK(error_of(minimal("faults: {}")).find("s.yaml:4:9: faults: expected a list of faults") == 0);
  CHECK(error_of(minimal("faults: [3]")) ==
        "s.yaml:4:10: faults.list[0]: expected a map of keys to values, got '3'");
  CHECK(error_of(minimal("faults: {random: {kinds: [none]}}")).find("got 'none'") !=
        std::string::npos);
  CHECK(
      error_of(minimal("platform: {cpu: {command_timeout: 1500 ns}}")).find("whole microseconds") !=
      std::string::npos);
}

TEST_CASE("kinds have the words of the module that does them") {
  for (std::size_t i = 0; i < tandem::faults::kKinds; ++i) {
    CHECK(std::string(name_of(static_cast<FaultKind>(i))) ==
          tandem::faults::name_of(static_cast<tandem::faults::Kind>(i)));
    CHECK_FALSE(places_of(static_cast<FaultKind>(i)).empty());
  }
}
