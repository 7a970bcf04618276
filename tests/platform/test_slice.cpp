// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "report_fixture.h"
#include "scenario_fixture.h"
#include "tandem/platform/results.h"

using namespace tandem::platform;
using tandem::test::consistent_report;
using tandem::test::ScenarioFixture;

namespace {

class SliceFixture : public ScenarioFixture {
 public:
  // `more` begins at line 7.
  static std::string timing(const std::string& more, const std::string& workload = "") {
    return "version: 1\n"
           "execution: timing\n"
           "model: {shape: {layers: 32, hidden: 64, heads: 2, ffn: 64, vocabulary: 64, "
           "max_positions: 64}}\n"
           "policy: {name: plain}\n"
           "workload: {" +
           (workload.empty() ? std::string("batch: {size: 1, context: 8}, max_tokens: 9")
                             : workload) +
           "}\n" + more;
  }
};

}  // namespace

TEST_CASE_METHOD(SliceFixture, "layers shorten the model, steps the answers") {
  const Scenario scenario = load(timing("run: {layers: 3, steps: 2}\n"));
  CHECK(scenario.model.shape->layers == 3);
  CHECK(scenario.run.of_layers == 32);
  CHECK(scenario.workload.max_tokens == 2);
  CHECK(load(timing("run: {steps: 20}\n")).workload.max_tokens == 9);
  // The first token comes from the prompt's pass.
  const std::string drawn = "generate: {requests: 1, input_tokens: 4, output_tokens: 8}";
  CHECK(load(timing("run: {steps: 2}\n", drawn)).workload.generate.output.max == 3);
  CHECK(load(timing("run: {steps: 2}\n", "prompts: [[1, 2]], max_tokens: 7")).workload.max_tokens ==
        3);
}

TEST_CASE_METHOD(SliceFixture, "the effective configuration of a slice gives the same slice") {
  const Scenario scenario = load(timing("run: {layers: 3, steps: 2}\n"));
  const Scenario again = load(to_yaml(effective_configuration(scenario)));
  CHECK(again.model.shape->layers == 3);
  CHECK(again.run.of_layers == 32);
  CHECK(again.workload.max_tokens == 2);
}

TEST_CASE_METHOD(SliceFixture, "a slice that would not mean what it says is refused") {
  CHECK(error_of(timing("run: {layers: 33}\n")) ==
        "s.yaml:6:15: run.layers: expected at most 32, the layers of the model, got 33");
  CHECK(
      error_of(minimal("run: {layers: 3}\n"))
          .find("run.layers: a part of the model computes no tokens\nwrite `execution: timing`") !=
      std::string::npos);
  CHECK(error_of(minimal("execution: timing\nrun: {layers: 3}\n"))
            .find("run.layers: is for models without weights") != std::string::npos);
  CHECK(error_of(timing("run: {steps: 3}\n"), {"policy.name=self_speculative"})
            .find("run.steps: a round of speculation gives several tokens") != std::string::npos);
  CHECK(error_of(timing("run: {layers: 0}\n")).find("run.layers: expected an integer 1..4096") !=
        std::string::npos);
  CHECK(error_of(timing("run: {layers: 2}\n"),
                 {"model.shape.experts=4", "model.shape.top_k=2", "model.shape.expert_ffn=64",
                  "model.shape.first_dense_layers=2"})
            .find("run.layers: the first 2 layers have no experts") != std::string::npos);
}

TEST_CASE_METHOD(SliceFixture, "results say what they are of, and give no rate of the model") {
  const Scenario slice = load(timing("run: {layers: 3, steps: 1}\n"));
  RunReport report = consistent_report();
  report.serving.emplace();
  report.serving->answered = 3;
  report.serving->tokens_per_s = 361'977.0;
  const auto json = result_json(slice, report, {});
  CHECK(json["serving"]["tokens_per_s"].is_null());
  CHECK(json["serving"]["ttft"].is_null());
  CHECK_FALSE(json["serving"].contains("goodput"));
  CHECK(json["serving"]["requests"]["answered"] == 3);
  CHECK(json["slice"]["layers"] == 3);
  CHECK(json["slice"]["of_layers"] == 32);
  CHECK(json["slice"]["steps"] == 1);
  CHECK(json["summary"]["tokens_per_s"].is_null());
  CHECK(json["summary"]["tokens_per_s_end_to_end"].is_null());
  CHECK(json["summary"]["speedup_vs_plain"].is_null());
  const std::string summary = summary_text(slice, report);
  CHECK(summary.find("3 of 32 layers, 1 step; all figures are of it") != std::string::npos);
  CHECK(summary.find("tokens per second                        -   not of 3 of 32 layers") !=
        std::string::npos);
  CHECK(summary.find("throughput, latencies                    -   not of 3 of 32 layers") !=
        std::string::npos);
  CHECK(summary.find("361977") == std::string::npos);
  CHECK(summary.find("time to first token") == std::string::npos);

  const Scenario whole = load(timing(""));
  CHECK(result_json(whole, report, {})["slice"].is_null());
  CHECK(result_json(whole, report, {})["summary"]["tokens_per_s"].is_number());
  CHECK(result_json(whole, report, {})["serving"]["tokens_per_s"]["value"] == 361'977.0);
  CHECK(summary_text(whole, report).find("slice") == std::string::npos);
  CHECK(summary_text(whole, report).find("361977") != std::string::npos);
}
