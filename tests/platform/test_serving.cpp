// SPDX-License-Identifier: Apache-2.0
// The figures of serving, computed from times made by hand.
#include <catch2/catch.hpp>

#include "report_fixture.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/serving.h"

using namespace tandem;
using namespace tandem::platform;
using Catch::Contains;

namespace {

constexpr std::uint64_t kMs = 1'000'000;  // ns

RequestTimes answered(std::uint64_t arrival_ms, std::uint64_t started_ms, std::uint64_t first_ms,
                      std::uint64_t last_ms, std::uint64_t tokens) {
  RequestTimes times;
  times.arrival_ns = arrival_ms * kMs;
  times.started_ns = started_ms * kMs;
  times.first_token_ns = first_ms * kMs;
  times.last_token_ns = last_ms * kMs;
  times.tokens = tokens;
  times.first_tokens = 1;
  times.served = ServedAs::kAnswered;
  return times;
}

}  // namespace

TEST_CASE("latencies of a request") {
  const RequestTimes times = answered(100, 110, 150, 450, 11);
  CHECK(*times.queueing_s() == Approx(0.010));
  CHECK(*times.ttft_s() == Approx(0.050));
  CHECK(*times.tpot_s() == Approx(0.030));  // 300 ms for the 10 after the first
  CHECK(*times.end_to_end_s() == Approx(0.350));
  CHECK_FALSE(answered(0, 0, 5, 5, 1).tpot_s());
  CHECK_FALSE(RequestTimes{}.ttft_s());
  RequestTimes several = answered(0, 0, 10, 30, 9);
  several.first_tokens = 5;  // the first round gave five at once
  CHECK(*several.tpot_s() == Approx(0.005));
}

TEST_CASE("a percentile is the least value that so many percent do not exceed") {
  std::vector<double> values;
  for (int i = 200; i >= 1; --i) values.push_back(i);
  const Spread spread = spread_of(values);
  CHECK(spread.count == 200);
  CHECK(spread.mean == 100.5);
  CHECK(spread.p50 == 100.0);
  CHECK(spread.p90 == 180.0);
  CHECK(spread.p95 == 190.0);
  CHECK(spread.p99 == 198.0);
  CHECK(spread.max == 200.0);
  CHECK(spread_of({3.0}).p50 == 3.0);
  CHECK(spread_of({3.0}).p99 == 3.0);
  CHECK(spread_of({1.0, 2.0, 3.0}).p50 == 2.0);
  CHECK(spread_of({}).count == 0);
}

TEST_CASE("throughput and goodput count answered requests over the busy window") {
  std::vector<RequestTimes> requests = {answered(1000, 1000, 1100, 2000, 10),
                                        answered(1500, 1600, 3500, 4000, 6),
                                        answered(2000, 2000, 2100, 3000, 4)};
  requests[1].preemptions = 2;
  requests[1].waited_for_pages = true;
  RequestTimes failed;
  failed.arrival_ns = 500 * kMs;
  failed.served = ServedAs::kFailed;
  requests.push_back(failed);
  ServingCounters counters;
  counters.decode_steps = 4;
  counters.decode_step_sequences = 10;

  SloConfig slo;
  slo.ttft_ps = 200'000'000'000;  // 200 ms
  slo.tpot_ps = 150'000'000'000;
  const ServingReport report = serving_report(requests, counters, slo);
  CHECK(report.answered == 3);
  CHECK(report.failed == 1);
  CHECK(report.waited_for_pages == 1);
  CHECK(report.most_at_once == 2);        // the third begins as the first ends
  CHECK(report.window_s == Approx(3.5));  // 0.5 s to 4 s
  CHECK(report.tokens == 20);
  CHECK(report.tokens_per_s == Approx(20 / 3.5));
  CHECK(report.requests_per_s == Approx(3 / 3.5));
  // The second misses the TTFT, the third the TPOT: 900 ms over 3 tokens.
  CHECK(report.within_slo == 1u);
  CHECK(report.goodput_per_s == Approx(1 / 3.5));
  CHECK(report.preemptions == 2);
  CHECK(report.mean_batch == 2.5);
  CHECK(report.ttft_s.count == 3);
  CHECK_FALSE(serving_report(requests, counters, {}).within_slo);
}

TEST_CASE("nothing answered, nothing divided") {
  const ServingReport report = serving_report({RequestTimes{}}, {}, {});
  CHECK(report.unfinished == 1);
  CHECK(report.tokens_per_s == 0.0);
  CHECK(report.mean_batch == 0.0);
}

TEST_CASE("figures have units and definitions, and a line each in requests.csv") {
  RunReport report = test::consistent_report();
  report.requests[0].times = answered(1000, 1000, 1100, 2000, 3);
  const Scenario scenario;
  CHECK(result_json(scenario, report, {})["serving"].is_null());
  report.serving = serving_report({report.requests[0].times}, {}, scenario.workload.slo);
  const auto json = result_json(scenario, report, {})["serving"];
  CHECK(json["ttft"]["unit"] == "s");
  CHECK(json["ttft"]["definition"] == "arrival to first token");
  CHECK(json["ttft"]["p99"].get<double>() == Approx(0.1));
  CHECK(json["tokens_per_s"]["unit"] == "1/s");
  CHECK_FALSE(json.contains("goodput"));
  CHECK_THAT(summary_text(scenario, report),
             Contains("Serving") && Contains("time to first token") && Contains(", max 1.00 s\n"));
  const std::string csv = requests_csv(report);
  CHECK_THAT(csv, Contains("\n0,1,1,1.1,2,0,0.1,0.45,1,2,3,2,0,\"eos\"\n"));
}

TEST_CASE("lost tokens and lost pages are defects") {
  RunReport report = test::consistent_report();
  const Scenario scenario;
  REQUIRE_NOTHROW(check_physics(scenario, report));
  SECTION("fewer tokens than asked for without a reason") {
    report.requests[0].status = "max_tokens";
    CHECK_THROWS_WITH(check_physics(scenario, report), Contains("3 tokens, 8 were asked for"));
  }
  SECTION("more tokens") {
    report.requests[0].max_tokens = 2;
    CHECK_THROWS_WITH(check_physics(scenario, report), Contains("3 tokens, 2 were asked for"));
  }
  SECTION("a page that did not come back") {
    report.serving = ServingReport{};
    report.serving->counters.kv_pages = 8;
    report.serving->counters.kv_pages_free = 7;
    CHECK_THROWS_WITH(check_physics(scenario, report), Contains("8 KV pages 7 are free"));
  }
}
