// SPDX-License-Identifier: Apache-2.0
// Bring-up on a good platform, and on boards with a defect that a wrapped HAL gives them.
#include <algorithm>
#include <catch2/catch.hpp>

#include "system_run.h"
#include "tandem/abi/npu_registers.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/firmware/apps/bringup.h"
#include "tandem/platform/scenario_loader.h"
#include "tandem/platform/session.h"

namespace tandem::test {
namespace {

using Catch::Contains;

platform::Scenario bringup_scenario(const std::vector<std::string>& overrides = {}) {
  return platform::load_scenario(TANDEM_SCENARIO_DIR "/bringup.yaml", overrides);
}

class Silence : public platform::RunObserver {
 public:
  void uart(std::string_view) override {}
  void progress(const platform::RunProgress&) override {}
};

// A board that is good but for what `read` and `write` do.
struct Board {
  const tandem_hal* good;
  int (*read)(const tandem_hal& good, std::uint64_t address, std::uint32_t* value);
  int (*write)(const tandem_hal& good, std::uint64_t address, std::uint32_t value);
};

Board board;

int read_good(const tandem_hal& good, std::uint64_t address, std::uint32_t* value) {
  return good.read32(good.context, address, value);
}
int write_good(const tandem_hal& good, std::uint64_t address, std::uint32_t value) {
  return good.write32(good.context, address, value);
}

tandem_hal on_board(const tandem_hal* hal) {
  board.good = hal;
  tandem_hal wrapped = *hal;
  wrapped.read32 = [](void*, std::uint64_t address, std::uint32_t* value) {
    return board.read(*board.good, address, value);
  };
  wrapped.write32 = [](void*, std::uint64_t address, std::uint32_t value) {
    return board.write(*board.good, address, value);
  };
  return wrapped;
}

const tandem_firmware kOnBoard = {tandem_bringup_firmware()->arena_bytes,
                                  [](void* arena, const tandem_hal* hal, std::uint64_t boot_info) {
                                    const tandem_hal wrapped = on_board(hal);
                                    return tandem_bringup_firmware()->init(arena, &wrapped,
                                                                           boot_info);
                                  },
                                  [](void* arena, const tandem_hal* hal) {
                                    const tandem_hal wrapped = on_board(hal);
                                    return tandem_bringup_firmware()->step(arena, &wrapped);
                                  }};

platform::RunReport run_board(const platform::Scenario& scenario) {
  Silence silence;
  return platform::run_with_firmware(kOnBoard, scenario, silence);
}

const platform::Scenario& scenario() {
  static const platform::Scenario one = bringup_scenario();
  return one;
}

bool failed(const platform::RunReport& report, const std::string& check) {
  const auto& failures = report.bringup->failures;
  return std::any_of(failures.begin(), failures.end(),
                     [&](const std::string& text) { return text.find(check) == 0; });
}

TEST_CASE("bring-up passes on the platform with a PIM") {
  const auto report = run(scenario());
  REQUIRE(report.bringup);
  CHECK(report.complete);
  CHECK(report.bringup->failures.empty());
  CHECK(report.bringup->passed > 180);
  CHECK(report.bringup->skipped == 0);
  for (const char* check :
       {"npu.dma.copy 4096 bytes, ", "npu.linear BsfpEFull, ",
        "npu.position halves, quarter turns, ", "npu.linear in the banks, Int4, "}) {
    CHECK_THAT(report.bringup->console, Contains(std::string("[ok  ] ") + check));
  }
}

TEST_CASE("bring-up skips the PIM where there is none") {
  const auto report = run(bringup_scenario({"platform.pim.enabled=false"}));
  CHECK(report.complete);
  CHECK(report.bringup->skipped > 0);
  CHECK_THAT(report.bringup->console, Contains("[skip] pim"));
}

TEST_CASE("a run of bring-up has no tokens, and says so in its results") {
  const auto report = run(scenario());
  const auto json = platform::result_json(scenario(), report, {});
  CHECK(json["complete"] == true);
  CHECK(json["requests"].empty());
  CHECK(json["bringup"]["failed"] == 0);
  CHECK(json["bringup"]["passed"] == report.bringup->passed);
  CHECK(json["summary"]["tokens_per_s"].is_null());
  const std::string summary = platform::summary_text(scenario(), report);
  CHECK_THAT(summary, Contains("Bring-up"));
  CHECK_THAT(summary, !Contains("Speed") && !Contains("Requests"));
}

TEST_CASE("bring-up finds a register that shows the wrong value") {
  board = {nullptr,
           [](const tandem_hal& good, std::uint64_t address, std::uint32_t* value) {
             const int result = read_good(good, address, value);
             if (address == scenario().platform.address_map.pim + abi::pim::ID) *value = 0;
             return result;
           },
           write_good};
  const auto report = run_board(scenario());
  CHECK_FALSE(report.complete);
  CHECK(failed(report, "pim.id 0x0"));
  CHECK(report.incomplete_reason ==
        std::to_string(report.bringup->failed) + " of " +
            std::to_string(report.bringup->failed + report.bringup->passed) +
            " bring-up checks failed");
  CHECK_THAT(platform::summary_text(scenario(), report), Contains("[fail] pim.id 0x0"));
}

TEST_CASE("bring-up finds a device that lets a read-only register be written") {
  board = {nullptr, read_good,
           [](const tandem_hal& good, std::uint64_t address, std::uint32_t value) {
             if (address == scenario().platform.address_map.npu + abi::npu::MAX_ROWS) return 0;
             return write_good(good, address, value);
           }};
  const auto report = run_board(scenario());
  CHECK(report.bringup->failures == std::vector<std::string>{"npu.MAX_ROWS takes a write"});
}

TEST_CASE("bring-up comes to its end when no doorbell gets through") {
  board = {nullptr, read_good,
           [](const tandem_hal& good, std::uint64_t address, std::uint32_t value) {
             const std::uint64_t npu = scenario().platform.address_map.npu;
             if (address == npu + abi::npu::SQ_TAIL) return int{TANDEM_HAL_OK};
             return write_good(good, address, value);
           }};
  const auto report = run_board(scenario());
  CHECK(report.bringup->ended);
  CHECK(failed(report, "npu.nop: no completion"));
  CHECK(failed(report, "npu.dma.copy 4096 bytes"));
  CHECK_FALSE(failed(report, "intc"));
}

TEST_CASE("bring-up takes no workload, and needs results to look at") {
  CHECK_THROWS_WITH(bringup_scenario({"workload.prompts=[[1]]"}),
                    Contains("workload") && Contains("takes no requests"));
  CHECK_THROWS_WITH(bringup_scenario({"run.baseline=plain"}), Contains("run.baseline"));
  CHECK_THROWS_WITH(bringup_scenario({"execution=timing", "oracle={acceptance: 0.5}"}),
                    Contains("platform.cpu.app") && Contains("execution: timing"));
}

TEST_CASE("a console without the end of the report is not good") {
  using platform::read_bringup;
  CHECK(read_bringup("[ok  ] a\nbringup: 1 passed, 0 failed, 0 skipped\n").good());
  CHECK_FALSE(read_bringup("[ok  ] a\n").good());
  CHECK_FALSE(read_bringup("").good());
  CHECK_FALSE(read_bringup("[ok  ] a\nbringup: 2 passed, 0 failed, 0 skipped\n").good());
  const auto report = read_bringup(
      "[ok  ] a\n[fail] b: got 0x1\n[skip] c\nbringup: 1 passed, 1 failed, 1 skipped\n");
  CHECK(report.ended);
  CHECK(report.failures == std::vector<std::string>{"b: got 0x1"});
  CHECK(report.reason() == "1 of 2 bring-up checks failed");
  CHECK_THAT(read_bringup("[ok  ] a\n").reason(), Contains("has no end"));
}

}  // namespace
}  // namespace tandem::test
