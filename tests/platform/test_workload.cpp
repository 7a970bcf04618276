// SPDX-License-Identifier: Apache-2.0
// Traces, drawn requests, static batches: what is read, and what is refused with file and line.
#include <catch2/catch.hpp>
#include <cmath>

#include "scenario_fixture.h"
#include "tandem/platform/model/tokenizer.h"
#include "tandem/platform/workload/request_plan.h"

using namespace tandem;
using namespace tandem::platform;
using Catch::Contains;
using test::ScenarioFixture;

namespace {

class WorkloadFixture : public ScenarioFixture {
 public:
  static std::string with(const std::string& workload, const std::string& more = {}) {
    return "version: 1\nmodel: {weights: w.bin, tokenizer: t.bin}\nworkload: " + workload + "\n" +
           more;
  }
  std::vector<PlannedRequest> trace(const std::string& csv, const std::string& keys = {}) const {
    folder.write("t.csv", csv);
    return plan_requests(load(with("{trace: {file: t.csv" + keys + "}}")));
  }
  // Of reading it.
  std::string trace_error(const std::string& csv, const std::string& keys = {}) const {
    try {
      trace(csv, keys);
    } catch (const UserError& error) {
      return error.what();
    }
    return {};
  }
};

ArrivalConfig poisson(std::uint64_t per_second) {
  return {ArrivalKind::kPoisson, per_second * 1'000'000};
}

}  // namespace

TEST_CASE_METHOD(WorkloadFixture, "a trace gives times and lengths") {
  const auto plan = trace(
      "arrival_s,input_tokens,output_tokens,prefix_blocks_512\r\n0.5,374,44,1\r\n4.314579,396,109,0"
      "\r\n\r\n");
  REQUIRE(plan.size() == 2);
  CHECK(plan[0].arrival_ns == 500'000'000);
  CHECK(plan[0].prompt_tokens == 374);
  CHECK(plan[0].max_tokens == 44);
  CHECK(plan[1].arrival_ns == 4'314'579'000);
  CHECK_FALSE(plan[1].cached);
}

TEST_CASE_METHOD(WorkloadFixture, "a trace is scaled, cut and paced anew") {
  const std::string csv = "arrival_ms,output_tokens,input_tokens\n0,10,100\n20,20,200\n50,30,300\n";
  auto plan = trace(csv, ", time_scale: 0.5, max_input: 150, max_output: 20, requests: 2");
  REQUIRE(plan.size() == 2);
  CHECK(plan[1].arrival_ns == 10'000'000);
  CHECK(plan[1].prompt_tokens == 150);
  CHECK(plan[1].max_tokens == 20);
  plan = trace(csv, ", arrivals: {kind: fixed, rate: 4 /s}");
  CHECK(plan[0].arrival_ns == 0);
  CHECK(plan[2].arrival_ns == 500'000'000);
  plan = trace(csv, ", arrivals: {kind: at_once}");
  CHECK(plan[2].arrival_ns == 0);
}

TEST_CASE_METHOD(WorkloadFixture, "a trace without times comes at once") {
  const auto plan = trace("input_tokens,output_tokens\n3772,54\n2015,156\n");
  CHECK(plan[1].arrival_ns == 0);
}

TEST_CASE_METHOD(WorkloadFixture, "bad traces are refused with file and line") {
  const std::string head = "arrival_s,input_tokens,output_tokens\n";
  CHECK_THAT(trace_error(""), Contains("t.csv:1: the file is empty"));
  CHECK_THAT(trace_error(head), Contains("t.csv:1: there is no line below the header"));
  CHECK_THAT(trace_error("arrival_s,output_tokens\n1,2\n"),
             Contains("t.csv:1: the column 'input_tokens' is missing"));
  CHECK_THAT(trace_error("arival_s,input_tokens,output_tokens\n0,1,2\n"),
             Contains("t.csv:1: unknown column 'arival_s'; did you mean 'arrival_s'?"));
  CHECK_THAT(trace_error("input_tokens,output_tokens,input_tokens\n1,2,3\n"),
             Contains("t.csv:1: two columns named 'input_tokens'"));
  CHECK_THAT(trace_error("arrival_s,arrival_ms,input_tokens,output_tokens\n0,0,1,2\n"),
             Contains("t.csv:1: both arrival_s and arrival_ms"));
  CHECK_THAT(trace_error(head + "0,10,5\n1,-7,5\n"),
             Contains("t.csv:3: input_tokens: expected an integer 1..1000000, got '-7'"));
  CHECK_THAT(trace_error(head + "0,0,5\n"), Contains("t.csv:2: input_tokens: expected"));
  CHECK_THAT(trace_error(head + "0,10,99999999999999999999\n"),
             Contains("t.csv:2: output_tokens: expected"));
  CHECK_THAT(trace_error(head + "0,10.5,5\n"), Contains("got '10.5'"));
  CHECK_THAT(trace_error(head + "0,10\n"), Contains("t.csv:2: expected 3 fields"));
  CHECK_THAT(trace_error(head + "0,1,1\n\n1,1,1\n"), Contains("t.csv:3: an empty line"));
  CHECK_THAT(trace_error(head + "5,1,1\n4,1,1\n"),
             Contains("t.csv:3: it arrives before the line above"));
  CHECK_THAT(trace_error(head + "-1,1,1\n"), Contains("t.csv:2: arrival_s: expected a time"));
  CHECK_THAT(trace_error(head + "nan,1,1\n"), Contains("t.csv:2: arrival_s: expected a time"));
  CHECK_THAT(trace_error(head + "1e30,1,1\n"), Contains("t.csv:2: arrival_s: expected a time"));
  CHECK_THAT(trace_error(head + "\"0\",1,1\n"), Contains("t.csv:2: quoted fields"));
  CHECK_THAT(trace_error(head + std::string(5000, '1') + "\n"), Contains("t.csv:2: the line is"));
  CHECK_THAT(trace_error(head + "0,1,1\n", ", requests: 2"),
             Contains("2 are wanted") && Contains("has 1"));
}

TEST_CASE_METHOD(WorkloadFixture, "requests have exactly one source, with all it needs") {
  folder.write("t.csv", "input_tokens,output_tokens\n1,1\n");
  const auto error = [this](const std::string& workload, const std::string& more = {}) {
    return error_of(with(workload, more));
  };
  CHECK_THAT(error("{prompts: [a], generate: {requests: 1}}"),
             Contains("s.yaml:3:") && Contains("got several"));
  CHECK_THAT(error("{trace: {file: gone.csv}}"),
             Contains("workload.trace.file: there is no file") && Contains("gone.csv"));
  CHECK_THAT(error("{generate: {input_tokens: 5}}"),
             Contains("workload.generate.requests: this key is required"));
  CHECK_THAT(error("{generate: {requests: 1, input_tokens: {min: 9, max: 8}}}"),
             Contains("workload.generate.input_tokens.min: 9 is more than max, 8"));
  CHECK_THAT(error("{generate: {requests: 1, arrivals: {kind: poisson}}}"),
             Contains("workload.generate.arrivals.kind: poisson needs a rate"));
  CHECK_THAT(error("{generate: {requests: 1, arrivals: {rate: 4 /s}}}"),
             Contains("only of fixed and poisson"));
  CHECK_THAT(error("{generate: {requests: 1, arrivals: {kind: as_given}}}"),
             Contains("as_given is for traces"));
  CHECK_THAT(error("{generate: {requests: 1, arrivals: {kind: fixed, rate: 4}}}"),
             Contains("without a unit"));
  CHECK_THAT(error("{generate: {requests: 1}, max_tokens: 5}"),
             Contains("workload.max_tokens: only of prompts and batch"));
  CHECK_THAT(error("{batch: {size: 2, context: 5}}"),
             Contains("workload.batch: needs execution: timing"));
  CHECK_THAT(error("{generate: {requests: 1}}", "policy: {page_tokens: 24}"),
             Contains("policy.page_tokens: expected a multiple of 16, got 24"));
  CHECK_THAT(error("{generate: {requests: 1}}", "policy: {batch_tokens: 4, draft: {length: 4}}"),
             Contains("policy.batch_tokens: 4 is less than one round takes: 5"));
}

TEST_CASE_METHOD(WorkloadFixture, "EOS ends answers to written prompts only, unless asked for") {
  CHECK(load(minimal()).workload.stop_at_eos);
  CHECK_FALSE(load(with("{generate: {requests: 1}}")).workload.stop_at_eos);
  CHECK(load(with("{generate: {requests: 1}, stop_at_eos: true}")).workload.stop_at_eos);
}

TEST_CASE("the same seed gives the same Poisson arrivals, at the rate that was asked for") {
  constexpr std::size_t kCount = 20'000;
  const auto times = arrival_times_ns(poisson(50), kCount, 7);
  CHECK(times == arrival_times_ns(poisson(50), kCount, 7));
  CHECK(times != arrival_times_ns(poisson(50), kCount, 8));
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double gap = static_cast<double>(times[i] - (i == 0 ? 0 : times[i - 1])) * 1e-9;
    REQUIRE(gap >= 0.0);
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / kCount;
  const double deviation = std::sqrt(squares / kCount - mean * mean);
  // Exponential: mean and standard deviation are equal. Five standard errors.
  CHECK(mean == Approx(0.02).epsilon(5.0 / std::sqrt(double{kCount})));
  CHECK(deviation == Approx(0.02).epsilon(0.06));
}

TEST_CASE_METHOD(WorkloadFixture, "drawn lengths keep their range and reach both ends") {
  const auto plan = plan_requests(
      load(with("{generate: {requests: 400, input_tokens: {min: 5, max: 9}, output_tokens: 12}}")));
  std::uint32_t least = 99;
  std::uint32_t most = 0;
  for (const PlannedRequest& request : plan) {
    least = std::min(least, request.prompt_tokens);
    most = std::max(most, request.prompt_tokens);
    CHECK(request.max_tokens == 12);
  }
  CHECK(least == 5);
  CHECK(most == 9);
}

TEST_CASE("drawn tokens are the model's and never the end of the sequence") {
  bool reaches_last = false;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const std::uint32_t token = drawn_token(1, i % 3, i, 16);
    CHECK(token < 16);
    CHECK(token != kEosToken);
    reaches_last |= token == 15;
    CHECK(drawn_token(1, i, i, 2) < 2);
  }
  CHECK(reaches_last);
}

TEST_CASE_METHOD(WorkloadFixture, "a static batch has contexts and channels") {
  Scenario scenario = load(minimal());
  scenario.workload.batch = {true, folder.write("b.csv", "context,channel\n256,0\n100,3\n"), 0, 0};
  scenario.workload.max_tokens = 2;
  scenario.platform.dram.channels = 4;
  scenario.policy.kv_layout = KvLayoutChoice::kBankRows;
  const auto plan = plan_requests(scenario);
  REQUIRE(plan.size() == 2);
  CHECK(plan[0].cached);
  CHECK(plan[0].prompt_tokens == 257);  // 256 in the cache, one to be taken in
  CHECK(plan[1].channel == 4);
  CHECK(plan[1].max_tokens == 2);

  scenario.workload.batch.file = folder.write("c.csv", "context,channel\n256,4\n");
  CHECK_THROWS_WITH(plan_requests(scenario),
                    Contains("c.csv:2: channel: expected an integer 0..3"));
  scenario.policy.kv_layout = KvLayoutChoice::kAuto;
  CHECK_THROWS_WITH(plan_requests(scenario), Contains("policy.kv_layout: bank_rows only"));
  scenario.workload.batch.file = folder.write("d.csv", "channel\n1\n");
  scenario.policy.kv_layout = KvLayoutChoice::kBankRows;
  CHECK_THROWS_WITH(plan_requests(scenario), Contains("d.csv:1: the column 'context' is missing"));
  scenario.workload.batch.file = folder.write("e.csv", "context\n1\n1\n1\n");
  scenario.policy.max_batch = 2;
  CHECK_THROWS_WITH(plan_requests(scenario), Contains("e.csv:4: more sequences than"));
  scenario.workload.batch = {true, {}, 2, 77};
  CHECK(plan_requests(scenario).at(1).prompt_tokens == 78);
}

TEST_CASE("the traces that come with Tandem can be read") {
  const std::string folder = std::string(TANDEM_SCENARIO_DIR) + "/traces";
  Scenario scenario;
  scenario.workload.trace.present = true;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".csv") continue;
    ++files;
    INFO(entry.path());
    scenario.workload.trace.file = entry.path();
    const auto plan = plan_requests(scenario);
    CHECK((plan.size() == 2000 || plan.size() == 300));
  }
  CHECK(files == 7);
}
