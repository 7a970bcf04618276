// SPDX-License-Identifier: Apache-2.0
// How a report is made of records, without a simulation: the definitions of the result fields, and
// what is refused before anything runs.
#include <catch2/catch.hpp>
#include <cstring>

#include "boot_image.h"
#include "outcome.h"
#include "system_run.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model/synthetic.h"
#include "transcript.h"
#include "workload.h"

namespace tandem::test {
namespace {

using platform::Transcript;

abi::Record tokens_record(std::uint32_t request, std::uint32_t round, const Tokens& tokens,
                          std::uint32_t drafted = 0, std::uint32_t accepted = 0) {
  abi::Record record{};
  record.kind = static_cast<std::uint32_t>(abi::RecordKind::kTokens);
  record.request_id = request;
  record.round = round;
  record.count = static_cast<std::uint32_t>(tokens.size());
  record.drafted = drafted;
  record.accepted = accepted;
  std::copy(tokens.begin(), tokens.end(), record.tokens);
  return record;
}

abi::Record end_record(std::uint32_t request, abi::Status status = abi::Status::kOk,
                       const abi::EndReport& report = {}) {
  abi::Record record{};
  record.kind = static_cast<std::uint32_t>(status == abi::Status::kOk ? abi::RecordKind::kFinished
                                                                      : abi::RecordKind::kFailed);
  record.request_id = request;
  record.status = static_cast<std::uint32_t>(status);
  record.stop_reason = static_cast<std::uint32_t>(abi::StopReason::kStopId);
  std::memcpy(record.tokens, &report, sizeof report);
  return record;
}

const platform::Tokenizer& tokenizer() {
  static const platform::Tokenizer instance =
      platform::Tokenizer::load(story_scenario({{1}}, 1).model.tokenizer, 512);
  return instance;
}

platform::ModelShape small_shape() {
  platform::ModelShape shape;
  shape.vocabulary = 512;
  shape.max_positions = 512;
  return shape;
}

platform::RequestList one_request() {
  platform::Scenario scenario;
  scenario.workload.prompts = {Tokens{1}};
  return {scenario, &tokenizer(), small_shape()};
}

TEST_CASE("the token of the prefill is no round") {
  Transcript transcript(1);
  transcript.add(tokens_record(0, 0, {10}));
  transcript.add(tokens_record(0, 1, {11, 12, 13}, 4, 2));
  transcript.add(tokens_record(0, 2, {2}, 4, 0));
  CHECK_FALSE(transcript.all_ended());
  transcript.add(end_record(0));
  REQUIRE(transcript.all_ended());
  CHECK(transcript.violation().empty());

  platform::Outcome outcome;
  outcome.complete = true;
  outcome.requests = transcript.requests();
  outcome.simulated_time_ps = 4'000'000;
  outcome.decode_time_ps = 2'000'000;
  const auto report = platform::make_report(outcome, &tokenizer(), one_request(), {});
  CHECK(report.requests[0].tokens == Tokens{10, 11, 12, 13, 2});
  CHECK(report.requests[0].rounds == 2);
  CHECK(report.requests[0].status == "eos");
  CHECK(report.tokens_per_round == 2.0);            // 4 tokens in 2 rounds
  CHECK(report.tokens_per_s == 2e6);                // 4 tokens in 2 us
  CHECK(report.tokens_per_s_end_to_end == 1.25e6);  // 5 tokens in 4 us
  CHECK(report.acceptance() == 0.25);
  CHECK(report.conditional_acceptance() == 0.5);  // one wrong token in each round
}

TEST_CASE("what follows a wrong token, or the end, was not judged") {
  Transcript transcript(3);
  transcript.add(tokens_record(0, 1, {11, 12, 13}, 8, 2));      // the third of eight is wrong
  transcript.add(tokens_record(1, 1, {11, 12, 13, 14}, 3, 3));  // all are right
  transcript.add(tokens_record(2, 1, {11, 2}, 4, 2));           // a stop token, accepted
  CHECK(transcript.requests()[0].judged == 3);
  CHECK(transcript.requests()[1].judged == 3);
  CHECK(transcript.requests()[2].judged == 2);
}

TEST_CASE("decoding starts with the first token and leaves later prefills out") {
  platform::DecodeClock clock;
  CHECK(clock.elapsed_ps(100, 50) == 0);
  clock.start(100, 80);
  clock.start(500, 90);
  CHECK(clock.elapsed_ps(1000, 80) == 900);
  CHECK(clock.elapsed_ps(1000, 180) == 800);
}

TEST_CASE("a failed request keeps its tokens and says why") {
  Transcript transcript(1);
  transcript.add(tokens_record(0, 0, {10}));
  transcript.add(end_record(0, abi::Status::kBusError));
  CHECK(transcript.all_ended());
  CHECK_FALSE(transcript.all_ok());
  platform::Outcome outcome;
  outcome.requests = transcript.requests();
  const auto report = platform::make_report(outcome, &tokenizer(), one_request(), {});
  CHECK(report.requests[0].status == "error: BusError");
  CHECK(report.requests[0].tokens == Tokens{10});
}

TEST_CASE("records that no correct driver sends are noticed") {
  abi::Record overfull = tokens_record(0, 1, {1});
  overfull.count = abi::kRecordTokens + 1;
  abi::Record unknown_kind = tokens_record(0, 1, {1});
  unknown_kind.kind = 77;
  const std::vector<std::vector<abi::Record>> cases = {
      {tokens_record(2, 0, {1})},                 // a request that was never posted
      {end_record(0), tokens_record(0, 1, {1})},  // more after the end
      {tokens_record(0, 1, {1}, 1, 2)},           // more accepted than drafted
      {overfull},
      {unknown_kind}};
  for (const std::vector<abi::Record>& records : cases) {
    Transcript transcript(2);
    for (const abi::Record& record : records) {
      CHECK(transcript.violation().empty());
      transcript.add(record);
    }
    CHECK_FALSE(transcript.violation().empty());
  }
}

TEST_CASE("the times of a request and the counters of the run come from its records") {
  Transcript transcript(1);
  abi::Record first = tokens_record(0, 0, {10});
  first.time_ns = 50;
  abi::Record second = tokens_record(0, 1, {11, 12});
  second.time_ns = 90;
  transcript.add(first);
  transcript.add(second);
  abi::EndReport end{};
  end.started_ns = 20;
  end.preemptions = 3;
  end.kv_pages = end.kv_pages_free = 7;
  end.decode_steps = 4;
  transcript.add(end_record(0, abi::Status::kOk, end));
  CHECK(transcript.violation().empty());
  const platform::RequestLog& log = transcript.requests()[0];
  CHECK(log.started_ns == 20u);
  CHECK(log.first_token_ns == 50u);
  CHECK(log.last_token_ns == 90u);
  CHECK(log.first_tokens == 1);
  CHECK(log.preemptions == 3);
  CHECK(transcript.counters().kv_pages == 7);
  CHECK(transcript.counters().decode_steps == 4);
}

TEST_CASE("a KV page that does not come back is noticed at the last end, and only there") {
  abi::EndReport end{};
  end.kv_pages = 7;
  end.kv_pages_free = 6;
  Transcript transcript(2);
  transcript.add(end_record(0, abi::Status::kOk, end));
  CHECK(transcript.violation().empty());
  transcript.add(end_record(1, abi::Status::kOk, end));
  CHECK(transcript.violation().find("6 of 7 KV pages free") != std::string::npos);
}

TEST_CASE("what the platform cannot hold is excused if any request was answered") {
  Transcript some(2);
  some.add(end_record(0, abi::Status::kNoSpace));
  some.add(end_record(1));
  CHECK(some.all_ok());
  Transcript begun(2);  // a request that has begun must end
  begun.add(tokens_record(0, 0, {10}));
  begun.add(end_record(0, abi::Status::kNoSpace));
  begun.add(end_record(1));
  CHECK_FALSE(begun.all_ok());
  Transcript broken(2);
  broken.add(end_record(0, abi::Status::kBusError));
  broken.add(end_record(1));
  CHECK_FALSE(broken.all_ok());
  Transcript none(1);
  none.add(end_record(0, abi::Status::kNoSpace));
  CHECK_FALSE(none.all_ok());
}

TEST_CASE("prompts: texts get BOS, lists are used as written") {
  platform::Workload workload;
  workload.prompts = {std::string("Once upon a time"), std::string(), Tokens{403, 407}};
  workload.max_tokens = 8;
  platform::ModelShape shape;
  shape.vocabulary = 512;
  shape.max_positions = 512;
  const auto prompts = platform::prompt_tokens(workload, &tokenizer(), shape);
  CHECK(prompts == std::vector<Tokens>{{1, 403, 407, 261, 378}, {1}, {403, 407}});

  using Catch::Contains;
  CHECK_THROWS_WITH(platform::prompt_tokens(workload, nullptr, shape),
                    Contains("workload.prompts[0]: a text, but the model has no tokenizer"));
  workload.prompts = {Tokens{403, 407}};
  CHECK(platform::prompt_tokens(workload, nullptr, shape) == std::vector<Tokens>{{403, 407}});
  workload.prompts = {Tokens{512}};
  CHECK_THROWS_WITH(platform::prompt_tokens(workload, &tokenizer(), shape),
                    Contains("workload.prompts[0]") && Contains("512"));
  workload.prompts = {Tokens{}};
  CHECK_THROWS_WITH(platform::prompt_tokens(workload, &tokenizer(), shape),
                    Contains("at least one"));
  workload.prompts = {Tokens{1}};
  workload.max_tokens = 512;
  CHECK_THROWS_WITH(platform::prompt_tokens(workload, &tokenizer(), shape), Contains("positions"));
}

TEST_CASE("a memory that is too small for the model is refused with its size") {
  platform::ModelShape shape;
  shape.dim = 256;
  shape.hidden_dim = 256;
  shape.layers = 1;
  shape.heads = shape.kv_heads = 4;
  shape.vocabulary = 512;
  shape.max_positions = 64;
  platform::LoadedModel model;
  model.shape = shape;
  model.weights = platform::synthetic_model(shape, 1);
  const auto boot = [&](const std::string& setting) {
    const auto scenario = story_scenario({{1}}, 1, {setting});
    return platform::make_boot_image(scenario, scenario.policy, model, 64, false);
  };
  using Catch::Contains;
  CHECK(boot("platform.sram.size=4 MiB").blocks.size() == 3);
  CHECK_THROWS_WITH(boot("platform.sram.size=64 KiB"),
                    Contains("platform.sram.size") && Contains("64 KiB"));
  CHECK_THROWS_WITH(boot("platform.dram.capacity=1 MiB"), Contains("platform.dram.capacity"));
}

TEST_CASE("a model without weights has the boot image of its weights, but for them") {
  platform::LoadedModel full;
  full.shape.dim = full.shape.hidden_dim = 256;
  full.shape.layers = 1;
  full.shape.heads = full.shape.kv_heads = 4;
  full.shape.vocabulary = 512;
  full.shape.max_positions = 64;
  full.weights = platform::synthetic_model(full.shape, 1);
  platform::LoadedModel shape;
  shape.shape = full.shape;
  const auto scenario = story_scenario({{1}}, 1);
  const auto boot = [&](const platform::LoadedModel& model) {
    return platform::make_boot_image(scenario, scenario.policy, model, 64, true);
  };
  const platform::BootImage with = boot(full);
  const platform::BootImage without = boot(shape);
  REQUIRE(with.blocks.size() == 3);
  REQUIRE(without.blocks.size() == 2);
  // Neither has a tokenizer: nobody echoes a text.
  CHECK(with.blocks[0].bytes == without.blocks[0].bytes);
  CHECK(with.blocks[1].bytes == without.blocks[1].bytes);
  CHECK(with.prompt_base == without.prompt_base);
}

}  // namespace
}  // namespace tandem::test
