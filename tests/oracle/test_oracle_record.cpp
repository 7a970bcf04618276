// SPDX-License-Identifier: Apache-2.0
// Functional runs of stories260K leave a file that answers as they did.
#include <catch2/catch.hpp>

#include "decode.h"
#include "oracle/oracle_recorder.h"
#include "system_run.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/oracle.h"
#include "temporary_folder.h"

using namespace tandem;
using test::Tokens;

namespace {

constexpr std::uint32_t kTokens = 24;
constexpr std::uint32_t kEos = 2;

platform::OracleFacts facts_of(const std::vector<Tokens>& prompts) {
  platform::OracleFacts facts;
  facts.vocabulary = 512;
  facts.stop_ids = {kEos};
  for (const Tokens& prompt : prompts) {
    facts.requests.push_back({static_cast<std::uint32_t>(prompt.size()), kTokens});
  }
  facts.prompt = [prompts](std::size_t request) { return prompts[request]; };
  return facts;
}

// Runs the scenario, records it, and decodes with the record alone.
void record_and_replay(std::vector<std::string> overrides) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "run.csv";
  const std::vector<Tokens> prompts = test::recorded_prompts(4);
  overrides.push_back("run.record_oracle=" + file.string());
  platform::Scenario scenario = test::story_scenario(prompts, kTokens, overrides);
  const platform::RunReport report = test::run(scenario);
  REQUIRE(report.complete);
  CHECK_FALSE(std::filesystem::exists(file));  // a run writes no files
  platform::write_oracle_record(file, report.oracle_record);

  scenario.oracle.kind = platform::OracleKind::kReplay;
  scenario.oracle.file = file;
  const auto oracle = platform::make_oracle(scenario, facts_of(prompts));
  const bool drafts = scenario.policy.name != platform::PolicyName::kPlain;
  const test::DecodePolicy policy{drafts ? scenario.policy.draft.length : 0,
                                  static_cast<float>(scenario.policy.draft.stop_below), kEos};
  std::uint64_t drafted = 0, accepted = 0;
  for (std::uint32_t i = 0; i < prompts.size(); ++i) {
    CAPTURE(i);
    const auto prompt_tokens = static_cast<std::uint32_t>(prompts[i].size());
    const test::Decoded decoded = decode(*oracle, i, prompt_tokens, kTokens, policy);
    CHECK(decoded.tokens == report.requests[i].tokens);
    CHECK(decoded.accepted_in_round.size() == report.requests[i].rounds);
    drafted += decoded.drafted;
    accepted += decoded.accepted;
  }
  CHECK(drafted == report.drafted_tokens);
  CHECK(accepted == report.accepted_tokens);
  CHECK((accepted > 0) == drafts);
}

}  // namespace

TEST_CASE("a recorded run answers exactly the rounds that it had") {
  record_and_replay({});
}

TEST_CASE("so does one that stops drafting below a confidence") {
  record_and_replay({"policy.draft.stop_below=0.5", "policy.draft.length=6"});
}

TEST_CASE("so does one with a command per layer and a shared KV cache") {
  record_and_replay({"policy.granularity=layer", "policy.draft.kv=shared"});
}

TEST_CASE("so does one that samples") {
  record_and_replay({"workload.sampling={temperature: 0.8, rule: standard}"});
}

TEST_CASE("so does one that does not draft") {
  record_and_replay({"policy.name=plain"});
}

// Under the standard rule the baseline's tokens are others.
TEST_CASE("the baseline of a run is not recorded") {
  record_and_replay({"workload.sampling={temperature: 0.8, rule: standard}", "run.baseline=plain"});
}

TEST_CASE("nothing is recorded unless asked for") {
  const platform::RunReport report =
      test::run(test::story_scenario(test::recorded_prompts(1), kTokens));
  CHECK(report.oracle_record.empty());
}

TEST_CASE("a record takes the place of a record, and of nothing else") {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "run.csv";
  platform::write_oracle_record(file, "# tandem_oracle: 1\nfirst");
  platform::write_oracle_record(file, "# tandem_oracle: 1\nsecond");
  CHECK(test::read_whole(file) == "# tandem_oracle: 1\nsecond");
  folder.write("notes.txt", "mine");
  CHECK_THROWS_WITH(platform::write_oracle_record(folder.path() / "notes.txt", "x"),
                    Catch::Contains("it exists and is no recorded run"));
  CHECK(test::read_whole(folder.path() / "notes.txt") == "mine");
  CHECK_THROWS_WITH(platform::check_oracle_target(folder.path()),
                    Catch::Contains("it exists and is no file"));
  CHECK_THROWS_WITH(platform::check_oracle_target(folder.path() / "none" / "run.csv"),
                    Catch::Contains("its folder does not exist"));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  CHECK(files == 2);  // nothing temporary is left
}

TEST_CASE("what is no decoding of the prompts is not recorded") {
  const platform::Scenario scenario = test::story_scenario({{1, 2}}, 4);
  const std::vector<Tokens> prompts = {{1, 2}};
  const auto broken = [&](const auto& disturb) {
    platform::OracleRecorder recorder(prompts);
    disturb(recorder);
    CHECK_THROWS_AS(recorder.to_csv(scenario, 512), platform::InternalError);
  };
  broken([](auto& recorder) { recorder.accepted(1, 2, nullptr, 0, 5); });  // no such request
  broken([](auto& recorder) { recorder.accepted(0, 3, nullptr, 0, 5); });  // a position left out
  broken([](auto& recorder) { recorder.accepted(0, 1, nullptr, 0, 5); });  // of the prompt
  broken([](auto& recorder) { recorder.drafted(0, 3, 1, 5, 0.5f); });      // no first token
  // Work repeated after a reset replaces what it had chosen.
  platform::OracleRecorder recorder(prompts);
  for (int repeat = 0; repeat < 2; ++repeat) {
    recorder.accepted(0, 2, nullptr, 0, 7);
    recorder.drafted(0, 3, 0, 8, 0.5f);
    const std::uint32_t drafted[] = {8};
    recorder.accepted(0, 3, drafted, 1, 9);
  }
  CHECK_THAT(recorder.to_csv(scenario, 512), Catch::EndsWith("prompt,0,2,,,,c9c28939c99668c6\n"
                                                             "target,0,2,,7,,\n"
                                                             "target,0,3,,8,,\n"
                                                             "target,0,4,,9,,\n"
                                                             "draft,0,3,0,8,3f000000,\n"
                                                             "end,1,,,,,\n"));
}
