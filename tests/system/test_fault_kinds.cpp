// SPDX-License-Identifier: Apache-2.0
// Each thing that can go wrong, alone: what the driver makes of it, and what the user sees.
#include <algorithm>
#include <catch2/catch.hpp>

#include "system_run.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/scenario_loader.h"
#include "tandem/platform/session.h"

namespace tandem::test {
namespace {

constexpr std::uint32_t kTokens = 16;
const std::vector<Tokens> kBosOnly = {{1}};

platform::Scenario faulty(const std::string& faults, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all = {"platform.pim.enabled=false", "platform.cpu.command_timeout=3 ms",
                                  "run.max_simulated_time=1 s", "faults=" + faults};
  all.insert(all.end(), more.begin(), more.end());
  return story_scenario(kBosOnly, kTokens, all);
}

Tokens story() {
  Tokens tokens = published_tokens();
  tokens.resize(kTokens);
  return tokens;
}

struct Seen {
  platform::RunReport report;
  platform::FaultReport faults;
  Tokens tokens;
};

Seen see(const platform::Scenario& scenario) {
  Seen seen{run(scenario), {}, {}};
  REQUIRE(seen.report.faults);
  seen.faults = *seen.report.faults;
  seen.tokens = seen.report.requests[0].tokens;
  CHECK_FALSE(seen.report.stopped_by_limit);
  return seen;
}

// The whole story, and every fault had this outcome.
void check_survives(const platform::Scenario& scenario, const std::string& outcome,
                    std::size_t faults = 1) {
  const Seen seen = see(scenario);
  CHECK(seen.report.complete);
  CHECK(seen.tokens == story());
  CHECK(seen.faults.injected.size() == faults);
  for (const platform::FaultNote& fault : seen.faults.injected) {
    INFO(fault.kind << " at " << fault.time_ps << " ps");
    CHECK(fault.outcome == outcome);
  }
}

// The request failed with this status, and what came before is right.
void check_fails(const platform::Scenario& scenario, const std::string& status) {
  const Seen seen = see(scenario);
  CHECK_FALSE(seen.report.complete);
  CHECK(seen.report.requests[0].status == status);
  REQUIRE_FALSE(seen.faults.injected.empty());
  CHECK_THAT(seen.faults.injected.back().outcome, Catch::StartsWith("request 0 failed: "));
  const Tokens right = story();
  REQUIRE(seen.tokens.size() < right.size());
  CHECK(std::equal(seen.tokens.begin(), seen.tokens.end(), right.begin()));
}

const std::string kReset = "NPU reset, work started again";

}  // namespace

TEST_CASE("a register access with a bus error is made again, in set-up as at work") {
  check_survives(faulty("[{kind: bus_error, where: cpu.bus, nth: 3, every: 15, count: 6}]"),
                 "access made again", 6);
}

TEST_CASE("a register that never answers again leads to a reset, then to a failure") {
  // SQ_TAIL of the first queue pair.
  check_fails(faulty("[{kind: bus_error, where: cpu.bus, address: 0x02100110, at: 200 us, "
                     "count: 1000000}]"),
              "error: Reset");
}

TEST_CASE("a mailbox that does not answer stops the firmware, which is reported") {
  const Seen seen = see(faulty(
      "[{kind: bus_error, where: cpu.bus, address: 0x02030050, at: 200 us, count: 1000000}]"));
  CHECK_FALSE(seen.report.complete);
  CHECK(seen.report.requests[0].status.find("the firmware stopped") != std::string::npos);
}

TEST_CASE("a memory access of the NPU with a bus error has its round repeated") {
  check_survives(faulty("[{kind: bus_error, where: npu.memory, at: 100 us},"
                        " {kind: bus_error, where: npu.memory, at: 170 us},"
                        " {kind: bus_error, where: npu.memory, at: 300 us, nth: 100}]"),
                 "work repeated after BusError", 3);
}

TEST_CASE("an interrupt that is lost is found without it") {
  check_survives(faulty("[{kind: lost_interrupt, where: npu.irq},"
                        " {kind: lost_interrupt, where: cpu.irq, nth: 3}]"),
                 "found without it", 2);
}

TEST_CASE("interrupts that are all lost only take time") {
  const Seen seen = see(faulty("[{kind: lost_interrupt, where: cpu.irq, count: 1000000}]"));
  CHECK(seen.report.complete);
  CHECK(seen.tokens == story());
}

TEST_CASE("a stuck array is reset") {
  check_survives(faulty("[{kind: stuck_engine, where: npu.matrix}]"), kReset);
}

TEST_CASE("a stuck vector unit is reset") {
  check_survives(faulty("[{kind: stuck_engine, where: npu.vector, nth: 100}]"), kReset);
}

TEST_CASE("a stuck sampler is reset") {
  check_survives(faulty("[{kind: stuck_engine, where: npu.sampler, nth: 7}]"), kReset);
}

TEST_CASE("the work of both sub-batches is started again after a reset") {
  check_survives(faulty("[{kind: stuck_engine, where: npu.matrix, nth: 50}]",
                        {"policy.sub_batches=2", "policy.sub_batch_min=2"}),
                 kReset);
}

TEST_CASE("an engine that gets stuck again and again fails the request") {
  check_fails(faulty("[{kind: stuck_engine, where: npu.matrix, at: 150 us, count: 1000000}]"),
              "error: Reset");
}

TEST_CASE("a read of the memory that cannot be corrected has its round repeated") {
  check_survives(faulty("[{kind: ecc_uncorrected, where: memory, at: 100 us},"
                        " {kind: ecc_uncorrected, where: memory, at: 170 us, nth: 200}]"),
                 "work repeated after BusError", 2);
}

TEST_CASE("weights that can never be read fail the request") {
  const platform::Scenario scenario = faulty(
      "[{kind: ecc_uncorrected, address: 0x80008000, bytes: 64 B, at: 200 us, count: 1000000}]");
  check_fails(scenario, "error: BusError");
}

TEST_CASE("corrected reads cost their time and are counted") {
  const Seen seen = see(faulty("[{kind: ecc_corrected, nth: 1, every: 10, count: 50}]"));
  CHECK(seen.tokens == story());
  const observe::Statistic* corrected = seen.report.statistics.find("faults.ecc_corrected");
  REQUIRE(corrected != nullptr);
  CHECK(corrected->integer == 50);
  CHECK(seen.report.statistics.find("faults.ecc_uncorrected")->integer == 0);
  for (const platform::FaultNote& fault : seen.faults.injected) CHECK(fault.outcome == "corrected");
}

TEST_CASE("a completion that is a little late is waited for") {
  check_survives(faulty("[{kind: late_completion, at: 150 us, delay: 500 us}]"), "waited for");
}

TEST_CASE("one that is later than the timeout is done without") {
  check_survives(faulty("[{kind: late_completion, at: 150 us, delay: 50 ms}]"), kReset);
}

TEST_CASE("a completion with wrong bits is not believed") {
  check_survives(faulty("[{kind: corrupt_completion, at: 100 us, bits: 1},"
                        " {kind: corrupt_completion, at: 400 us, bits: 2}]"),
                 kReset, 2);
}

TEST_CASE("a command with wrong bits is not run") {
  check_survives(faulty("[{kind: corrupt_command, at: 100 us, bits: 1},"
                        " {kind: corrupt_command, at: 200 us, bits: 3}]"),
                 kReset, 2);
}

TEST_CASE("a program or a table with wrong bits is not run") {
  check_survives(faulty("[{kind: corrupt_program, bits: 1}, {kind: corrupt_tables, bits: 1},"
                        " {kind: corrupt_tables, nth: 20, bits: 5}]"),
                 "work repeated after Corrupted", 3);
}

TEST_CASE("commands that are always wrong fail the request") {
  check_fails(faulty("[{kind: corrupt_command, at: 150 us, count: 1000000}]"), "error: Reset");
}

TEST_CASE("tables that are always wrong fail the request") {
  check_fails(faulty("[{kind: corrupt_tables, at: 150 us, count: 1000000}]"), "error: Corrupted");
}

TEST_CASE("a byte that the console loses is sent again") {
  std::string text;
  class Console : public platform::RunObserver {
   public:
    explicit Console(std::string& to) : to_(to) {}
    void uart(std::string_view bytes) override { to_ += bytes; }
    void progress(const platform::RunProgress&) override {}

   private:
    std::string& to_;
  } console(text);
  // The last one, too: the story has 44 bytes.
  const platform::RunReport report = platform::run_scenario(
      faulty("[{kind: uart_overrun, nth: 3, every: 6, count: 1000000}]"), console);
  CHECK(report.complete);
  CHECK(text == report.requests[0].text);
}

TEST_CASE("an NPU that can no longer be reset fails the request") {
  // CONTROL
  check_fails(faulty("[{kind: stuck_engine, where: npu.matrix, at: 150 us},"
                     " {kind: bus_error, where: cpu.bus, address: 0x02100010, at: 150 us,"
                     " count: 1000000}]"),
              "error: BusError");
}

TEST_CASE("with several sequences those that fail harm none of the others") {
  platform::Scenario scenario = faulty(
      "[{kind: stuck_engine, where: npu.matrix, at: 150 us, every: 20, count: 4},"
      " {kind: ecc_uncorrected, at: 4 ms, every: 50, count: 100}]",
      {"policy.max_batch=2", "workload.prompts=[[1],[1,403,407],[1,261],[1,378,432]]"});
  const Seen seen = see(scenario);
  const std::vector<Tokens> right =
      reference_answers({{1}, {1, 403, 407}, {1, 261}, {1, 378, 432}}, kTokens);
  unsigned failed = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const Tokens& tokens = seen.report.requests[i].tokens;
    REQUIRE(tokens.size() <= right[i].size());
    CHECK(std::equal(tokens.begin(), tokens.end(), right[i].begin()));
    failed += seen.report.requests[i].status.find("error") == 0 ? 1 : 0;
  }
  CHECK(failed > 0);
  CHECK_FALSE(seen.report.complete);
}

TEST_CASE("what has not come to happen is said") {
  const Seen seen = see(faulty("[{kind: stuck_engine, where: npu.vector, at: 10 s}]"));
  CHECK(seen.faults.injected.empty());
  CHECK(seen.faults.missed == std::vector<std::string>{"stuck_engine at npu.vector"});
  CHECK(seen.tokens == story());
}

}  // namespace tandem::test
