// SPDX-License-Identifier: Apache-2.0
// The published story, and what an architect reads beside it.
#include <algorithm>
#include <catch2/catch.hpp>

#include "system_run.h"

namespace tandem::test {
namespace {

const std::vector<Tokens> kBosOnly = {{1}};

const platform::Utilisation& find(const platform::RunReport& report, const std::string& name) {
  const auto found = std::find_if(report.utilisations.begin(), report.utilisations.end(),
                                  [&](const auto& part) { return part.name == name; });
  REQUIRE(found != report.utilisations.end());
  return *found;
}

TEST_CASE("plain decoding writes the published story") {
  const auto report = run(story_scenario(kBosOnly, kPublished, {"policy.name=plain"}));
  CHECK(answers(report) == std::vector<Tokens>{first_published()});
  CHECK(report.requests[0].rounds == kPublished - 1);
  CHECK_FALSE(report.acceptance());
}

TEST_CASE("self-speculation writes the published story") {
  const auto report = run(story_scenario(kBosOnly, kPublished, {"run.baseline=plain"}));
  CHECK(answers(report) == std::vector<Tokens>{first_published()});
  CHECK(report.requests[0].rounds < kPublished - 1);
  REQUIRE(report.baseline);
  CHECK(report.baseline->same_tokens);
}

TEST_CASE("plain decoding on the edge platform is bound by memory") {
  const auto report = run(
      story_scenario(kBosOnly, kPublished, {"platform.pim.enabled=false", "policy.name=plain"}));
  CHECK(find(report, "memory.channel0").fraction >= 0.70);
}

TEST_CASE("a draft pass reads at most 27 percent of the weights of a verify pass") {
  const auto report = run(story_scenario(kBosOnly, 32, {"policy.draft.classifier=plane"}));
  REQUIRE(report.draft_pass);
  CHECK(report.draft_pass->weight_bytes > 0);
  CHECK(static_cast<double>(report.draft_pass->weight_bytes) <=
        0.27 * static_cast<double>(report.verify_pass.weight_bytes));
}

TEST_CASE("a full classifier makes the draft pass read more") {
  const auto report = run(story_scenario(kBosOnly, 32, {"policy.draft.classifier=full"}));
  REQUIRE(report.draft_pass);
  CHECK(static_cast<double>(report.draft_pass->weight_bytes) >
        0.27 * static_cast<double>(report.verify_pass.weight_bytes));
}

TEST_CASE("a run that reaches the limit of simulated time is incomplete") {
  const auto report = run(story_scenario(kBosOnly, kPublished, {"run.max_simulated_time=1 ms"}));
  CHECK_FALSE(report.complete);
  CHECK(report.requests[0].tokens.size() < kPublished);
  CHECK(report.requests[0].status == "unfinished: run.max_simulated_time was reached");
  CHECK(report.stopped_by_limit);
  CHECK(report.incomplete_reason == "request 0, " + report.requests[0].status);
}

TEST_CASE("an answer ends with EOS where the model gives one") {
  const std::vector<Tokens> prompts = recorded_prompts(2);
  const auto report = run(story_scenario(prompts, 400));
  for (const platform::RequestResult& request : report.requests) {
    REQUIRE_FALSE(request.tokens.empty());
    const bool ended = request.tokens.back() == 2;
    CHECK(request.status == (ended ? "eos" : "max_tokens"));
    CHECK(std::count(request.tokens.begin(), request.tokens.end(), 2u) == (ended ? 1 : 0));
    if (!ended) CHECK(request.tokens.size() == 400);
  }
}

// Sampling by the coupled rule is plain sampling: the run itself fails if the tokens differ.
TEST_CASE("coupled sampling equals plain sampling token for token") {
  const auto report = run(story_scenario(
      recorded_prompts(4), 48,
      {"workload.sampling={temperature: 0.8, rule: coupled}", "run.baseline=plain"}));
  REQUIRE(report.baseline);
  CHECK(report.baseline->same_tokens);
  CHECK(report.accepted_tokens > 0);
}

TEST_CASE("standard sampling completes and accepts some drafted tokens") {
  const auto report = run(story_scenario(recorded_prompts(4), 48,
                                         {"workload.sampling={temperature: 0.8, rule: standard}"}));
  CHECK(report.complete);
  CHECK(report.accepted_tokens > 0);
  CHECK(report.accepted_tokens < report.drafted_tokens);
}

TEST_CASE("the timeline has a track for every engine and arrows between them") {
  const auto report = run(story_scenario(kBosOnly, 8, {"run.timeline=on"}));
  REQUIRE(report.timeline);
  std::vector<std::string> processes;
  for (const auto& track : report.timeline->tracks()) processes.push_back(track.process);
  for (const char* process : {"cpu", "npu", "memory", "pim"}) {
    INFO(process);
    CHECK(std::count(processes.begin(), processes.end(), process) > 0);
  }
  const auto& slices = report.timeline->slices();
  CHECK(std::count_if(slices.begin(), slices.end(), [](const auto& s) { return s.flow != 0; }) > 1);
}

}  // namespace
}  // namespace tandem::test
