// SPDX-License-Identifier: Apache-2.0
// Serving with a real model: memory that runs out, requests that never fit. One run per case.
#include <catch2/catch.hpp>

#include "request_list.h"
#include "system_run.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model/llama2c.h"
#include "tandem/platform/scenario_loader.h"

namespace tandem::test {
namespace {

constexpr std::uint32_t kTokens = 90;
constexpr std::size_t kPrompts = 10;

// 1 MiB holds the weights and about half of the pages that ten answers want.
void run_out_of_pages(const std::string& policy) {
  const std::vector<Tokens> prompts = recorded_prompts(kPrompts);
  const platform::RunReport report =
      run(story_scenario(prompts, kTokens,
                         {"platform.pim.enabled=false", "platform.dram.capacity=1 MiB",
                          "policy.max_batch=10", policy}));
  REQUIRE(report.complete);
  CHECK(answers(report) == reference_answers(prompts, kTokens));
  REQUIRE(report.serving);
  CHECK(report.serving->preemptions > 0);
  CHECK(report.serving->counters.kv_pages_most_used > report.serving->counters.kv_pages * 9 / 10);
  CHECK(report.serving->counters.kv_pages_free == report.serving->counters.kv_pages);
}

platform::Scenario serving_scenario(const std::string& workload) {
  return platform::load_scenario_text(
      "version: 1\nplatform: {include: hardware/edge_lpddr5.yaml}\n"
      "model: {weights: models/stories260K/stories260K.bin,"
      " tokenizer: models/stories260K/tok512.bin}\n"
      "policy: {name: plain}\nrun: {baseline: none, timeline: off}\nworkload: " +
          workload + "\n",
      "serving test", TANDEM_SCENARIO_DIR);
}

}  // namespace

TEST_CASE("plain decoding: answers do not change when sequences give their pages up") {
  run_out_of_pages("policy.name=plain");
}

TEST_CASE("speculation: answers do not change when sequences give their pages up") {
  run_out_of_pages("policy.draft.kv=own");
}

TEST_CASE("requests that the platform cannot hold fail alone, the rest is served in full") {
  const platform::Scenario scenario =
      serving_scenario(std::string("{trace: {file: ") + TANDEM_TEST_TRACES + "/oversize.csv}}");
  const platform::RunReport report = run(scenario);
  CHECK(report.complete);
  const std::vector<std::size_t> tokens = {6, 0, 0, 3, 40, 12};
  REQUIRE(report.requests.size() == tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    CHECK(report.requests[i].tokens.size() == tokens[i]);
    if (tokens[i] != 0) CHECK(report.requests[i].status == "max_tokens");
  }
  CHECK(report.requests[1].status == "error: NoSpace, 606 positions needed, the model has 512");
  CHECK(report.requests[2].status == "error: NoSpace, 520 positions needed, the model has 512");
  REQUIRE(report.serving);
  CHECK(report.serving->answered == 4);
  CHECK(report.serving->failed == 2);
  for (const platform::RequestResult& request : report.requests) {
    if (request.tokens.empty()) continue;
    CHECK(*request.times.started_ns >= request.times.arrival_ns);
    CHECK(*request.times.first_token_ns > *request.times.started_ns);
    CHECK(*request.times.last_token_ns >= *request.times.first_token_ns);
  }
}

TEST_CASE("a written prompt whose answer the KV pages cannot hold fails before it begins") {
  platform::Scenario scenario = serving_scenario("{prompts: [[1, 403]], max_tokens: 500}");
  scenario.platform.dram.capacity_bytes = 1024 * 1024;  // as in serving-stories.yaml
  scenario.policy.name = platform::PolicyName::kSelfSpeculative;
  const platform::RunReport alone = run(scenario);
  CHECK_FALSE(alone.complete);
  CHECK(alone.none_fits);
  CHECK(alone.incomplete_reason.find("the platform can hold none of the requests") == 0);
  CHECK(alone.requests[0].tokens.empty());
  CHECK(alone.requests[0].status.find(" KV pages needed, ") != std::string::npos);
}

TEST_CASE("a run in which no request can fit is refused before it begins") {
  const platform::Scenario scenario = serving_scenario(
      "{generate: {requests: 3, input_tokens: {min: 500, max: 600}, output_tokens: 13}}");
  try {
    run(scenario);
    FAIL("it ran");
  } catch (const platform::UserError& error) {
    const std::string text = error.what();
    CHECK(text.find("workload.generate: no request fits into the model's 512 positions: the "
                    "shortest has ") != std::string::npos);
  }
}

TEST_CASE("requests that the host holds back come in order, and none is lost") {
  // Two sequences, so that the mailbox is given four requests at a time.
  platform::Scenario scenario = serving_scenario(
      "{generate: {requests: 60, input_tokens: {min: 2, max: 9}, output_tokens: {min: 1, max: "
      "4}}}");
  scenario.policy.max_batch = 2;
  const platform::RunReport report = run(scenario);
  REQUIRE(report.complete);
  REQUIRE(report.serving);
  CHECK(report.serving->answered == 60);
  CHECK(report.serving->counters.largest_batch <= 2);
  std::uint64_t before_ns = 0;
  std::uint64_t asked_for = 0;
  for (const platform::RequestResult& request : report.requests) {
    CHECK(*request.times.started_ns >= before_ns);
    before_ns = *request.times.started_ns;
    asked_for += request.max_tokens;
  }
  CHECK(report.serving->tokens == asked_for);
}

TEST_CASE("drawn requests arrive at their times and get the tokens of the reference") {
  const platform::Scenario scenario = serving_scenario(
      "{generate: {requests: 6, input_tokens: {min: 3, max: 40}, output_tokens: 8,"
      " arrivals: {kind: fixed, rate: 500 /s}}}");
  const platform::RunReport report = run(scenario);
  const platform::Model model = platform::load_llama2c(scenario.model.weights);
  const platform::Tokenizer tokenizer =
      platform::Tokenizer::load(scenario.model.tokenizer, model.shape.vocabulary);
  const platform::RequestList requests(scenario, &tokenizer, model.shape);
  std::vector<Tokens> prompts;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    prompts.push_back(requests.prompt(i));
    CHECK(report.requests[i].times.arrival_ns == i * 2'000'000);
    // The machine is idle before each of them, and what it says of time is not before they come.
    CHECK(*report.requests[i].times.queueing_s() < 1e-4);
  }
  const std::vector<Tokens> expected = reference_answers(prompts, 8);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Tokens& tokens = report.requests[i].tokens;
    // The reference stops behind EOS, these answers do not.
    CHECK(Tokens(tokens.begin(),
                 tokens.begin() + static_cast<std::ptrdiff_t>(expected[i].size())) == expected[i]);
  }
}

}  // namespace tandem::test
