// SPDX-License-Identifier: Apache-2.0
// The firmware on the RISC-V core: the same answers as native, and what the user hears when a
// firmware goes wrong.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "system_run.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/session.h"

namespace tandem::test {
namespace {

const std::vector<Tokens> kBosOnly = {{1}};

std::string elf(const std::string& name) {
  return "platform.cpu.riscv.elf=" + std::string(TANDEM_TEST_FIRMWARE) + "/" + name + ".elf";
}

platform::RunReport run_bad(const std::string& name, const std::string& more = "seed=1") {
  return run(story_scenario(kBosOnly, 8, {"platform.cpu=riscv", elf(name), more}));
}

std::string refusal(const std::filesystem::path& file) {
  try {
    platform::check_scenario(story_scenario(
        kBosOnly, 8, {"platform.cpu=riscv", "platform.cpu.riscv.elf=" + file.string()}));
  } catch (const platform::UserError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("riscv: plain decoding writes the published story") {
  const auto report =
      run(story_scenario(kBosOnly, kPublished, {"platform.cpu=riscv", "policy.name=plain"}));
  CHECK(answers(report) == std::vector<Tokens>{first_published()});
  CHECK(report.complete);
}

TEST_CASE("riscv: self-speculation writes the published story") {
  const auto report =
      run(story_scenario(kBosOnly, kPublished, {"platform.cpu=riscv", "run.baseline=plain"}));
  CHECK(answers(report) == std::vector<Tokens>{first_published()});
  REQUIRE(report.baseline);
  CHECK(report.baseline->same_tokens);
}

TEST_CASE("riscv: commands per layer cost the driver more, and change no token") {
  const auto report =
      run(story_scenario(kBosOnly, kPublished, {"platform.cpu=riscv", "policy.granularity=layer"}));
  CHECK(answers(report) == std::vector<Tokens>{first_published()});
  const platform::DriverCost::Part& work = report.driver.work;
  CHECK(work.commands > 10 * report.requests[0].rounds);
  CHECK(work.interrupts > report.requests[0].rounds);
  CHECK(work.instructions > 500 * work.commands);
  CHECK(work.bus_accesses > 3 * work.commands);
  CHECK(work.busy_ps < work.time_ps);
}

TEST_CASE("riscv: several requests, sampled, on two lanes") {
  const auto report = run(
      story_scenario(recorded_prompts(4), 24,
                     {"platform.cpu=riscv", "workload.sampling={temperature: 0.8, rule: coupled}",
                      "policy.draft.ahead=4", "run.baseline=plain"}));
  REQUIRE(report.baseline);
  CHECK(report.baseline->same_tokens);
  CHECK(report.complete);
}

TEST_CASE(
    "riscv: after resets of the platform the firmware starts again and tells the same story") {
  const auto report =
      run(story_scenario(kBosOnly, 64, {"platform.cpu=riscv", "run.reset={at: 1 ms, count: 3}"}));
  CHECK(answers(report) == std::vector<Tokens>{first_published(64)});
}

TEST_CASE("riscv: the driver recovers from a reset of the NPU in flight") {
  const auto report =
      run(story_scenario(kBosOnly, 64,
                         {"platform.cpu=riscv", "platform.cpu.command_timeout=3 ms",
                          "run.reset={what: npu, at: 1234567 ns, every: 777 us, count: 3}"}));
  CHECK(answers(report) == std::vector<Tokens>{first_published(64)});
}

TEST_CASE("riscv: resets of the NPU and of the platform from within an interrupt's handler") {
  const std::vector<Tokens> prompts = recorded_prompts(4);
  const auto report = run(story_scenario(
      prompts, 24,
      {"platform.cpu=riscv", elf("reset_in_handler"), "platform.cpu.command_timeout=3 ms",
       "policy.draft.ahead=4", "policy.max_batch=2"}));
  CHECK(report.complete);
  CHECK(answers(report) == reference_answers(prompts, 24));
  CHECK(report.statistics.find("syscon.reset_requests")->integer == 2);
  CHECK(report.statistics.find("cpu.resets")->integer == 1);
}

TEST_CASE("riscv: a jump to nowhere ends the run, with its place") {
  const auto report = run_bad("nowhere");
  CHECK_FALSE(report.complete);
  CHECK(report.stopped_by_firmware);
  CHECK_THAT(report.incomplete_reason,
             Catch::Contains("instruction access fault at pc 0x3000000") &&
                 Catch::Contains("no trap handler is set"));
}

TEST_CASE("riscv: a stack divided away ends the run") {
  const auto report = run_bad("stack");
  CHECK(report.stopped_by_firmware);
  CHECK_THAT(report.incomplete_reason, Catch::Contains("its trap handler does not return") &&
                                           Catch::Contains("store access fault") &&
                                           Catch::Contains("(handler+0x"));
}

TEST_CASE("riscv: a write to a read-only register is named") {
  const auto report = run_bad("read_only");
  CHECK(report.stopped_by_firmware);
  CHECK_THAT(report.incomplete_reason, Catch::Contains("store access fault") &&
                                           Catch::Contains("(write_id)") &&
                                           Catch::Contains("0x2100000 (NPU.ID)"));
}

TEST_CASE("riscv: a loop with interrupts off runs until simulated time is over") {
  const auto report = run_bad("loop", "run.max_simulated_time=1 ms");
  CHECK(report.stopped_by_limit);
  CHECK_THAT(report.incomplete_reason,
             Catch::Contains("run.max_simulated_time was reached") && Catch::Contains("(spin)"));
}

TEST_CASE("riscv: a loop with interrupts off runs until the host's time is over") {
  const auto report = run_bad("loop", "run.max_wall_time=50 ms");
  CHECK(report.stopped_by_limit);
  CHECK_THAT(report.incomplete_reason,
             Catch::Contains("run.max_wall_time was reached") && Catch::Contains("(spin)"));
}

TEST_CASE("riscv: a firmware that stops early leaves the run incomplete") {
  const auto report = run_bad("exit");
  CHECK(report.stopped_by_firmware);
  CHECK_THAT(report.incomplete_reason,
             Catch::Contains("the firmware stopped") && Catch::Contains("exit status is 11"));
}

TEST_CASE("riscv: an ELF that is missing or damaged is refused with its name") {
  const std::filesystem::path folder = std::filesystem::path(TANDEM_TEST_FIRMWARE) / "damaged";
  std::filesystem::create_directories(folder);
  CHECK_THAT(refusal(folder / "missing.elf"),
             Catch::StartsWith("platform.cpu.riscv.elf: ") && Catch::Contains("missing.elf"));

  std::ifstream good(std::string(TANDEM_TEST_FIRMWARE) + "/loop.elf", std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(good), {});
  const auto damaged = [&](const char* name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
    return refusal(folder / name);
  };
  CHECK_THAT(damaged("cut.elf", bytes.substr(0, 100)), Catch::Contains("it is truncated"));
  bytes[4] = 1;
  CHECK_THAT(damaged("narrow.elf", bytes), Catch::Contains("32-bit"));
  CHECK_THAT(damaged("empty.elf", ""), Catch::Contains("empty.elf"));
}

TEST_CASE("riscv: an ELF outside the memories, or over what the platform puts there, is refused") {
  CHECK_THAT(refusal(std::string(TANDEM_TEST_FIRMWARE) + "/outside.elf"),
             Catch::Contains("lies in no memory") && Catch::Contains("firmware 0x40000000"));
  CHECK_THAT(refusal(std::string(TANDEM_TEST_FIRMWARE) + "/over_boot.elf"),
             Catch::Contains("overlaps what the platform puts at 0x10000000"));
}

}  // namespace tandem::test
