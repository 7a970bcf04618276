// SPDX-License-Identifier: Apache-2.0
// Whatever the policy, the placement or the shape of the hardware, the tokens are those of the
// model: 8 prompts on a covering array of all pairs of settings, each row in a process of its own.
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>

#include "covering_array.h"
#include "system_run.h"

namespace tandem::test {
namespace {

constexpr std::size_t kPrompts = TANDEM_LOSSLESS_PROMPTS;
constexpr std::uint32_t kMaxTokens = TANDEM_LOSSLESS_TOKENS;

std::vector<Factor> placement_factors() {
  return {{"policy.placement.attention", {"npu", "pim", "auto"}},
          {"policy.placement.linear", {"npu", "pim", "auto"}},
          {"policy.granularity", {"step", "layer"}},
          {"policy.max_batch", {"8", "1", "3"}},
          {"policy.sub_batches", {"1", "2"}},
          {"platform.npu.sequencer", {"overlapped", "serial"}},
          {"platform.npu.array.dataflow", {"ws", "os"}},
          {"platform.pim.row_buffer", {"dual", "single"}}};
}

std::vector<Factor> speculative_factors() {
  std::vector<Factor> factors = {
      {"policy.draft.format", {"bsfp_i", "bsfp_e", "bsfp_i_shift_add", "int4", "e2m1", "e3m0"}},
      {"policy.draft.length", {"4", "1", "2", "8", "16"}},
      {"policy.draft.kv", {"own", "shared"}},
      {"policy.draft.classifier", {"plane", "full"}},
      {"policy.draft.scope", {"tensor", "row"}},
      {"policy.draft.group", {"tensor", "128", "row"}},
      {"policy.draft.scale", {"mse", "absmax", "pow2"}},
      {"policy.draft.stop_below", {"0", "0.5"}}};
  for (const Factor& factor : placement_factors()) factors.push_back(factor);
  return factors;
}

// What drafting ahead can be combined with.
std::vector<Factor> ahead_factors() {
  return {{"policy.draft.ahead", {"4", "1", "8"}},
          {"policy.draft.length", {"4", "1", "8"}},
          {"policy.draft.control", {"length", "history"}},
          {"policy.draft.stop_below", {"0", "0.5"}},
          {"policy.draft.pre_verify", {"false", "true"}},
          {"policy.draft.format", {"bsfp_i", "int4"}},
          {"policy.placement.draft_attention", {"same", "npu", "pim"}},
          {"policy.placement.draft_linear", {"same", "pim"}},
          {"policy.placement.attention", {"npu", "pim", "auto"}},
          {"policy.placement.linear", {"npu", "pim", "auto"}},
          {"policy.max_batch", {"8", "1", "3"}},
          {"platform.npu.sequencer", {"overlapped", "serial"}},
          {"platform.pim.row_buffer", {"dual", "single"}}};
}

std::vector<std::string> overrides(const std::vector<Factor>& factors, const Row& row) {
  std::vector<std::string> all;
  for (std::size_t f = 0; f < factors.size(); ++f) {
    all.push_back(factors[f].key + "=" + factors[f].levels[row[f]]);
  }
  return all;
}

class LosslessRow : public Catch::ITestInvoker {
 public:
  explicit LosslessRow(std::vector<std::string> settings) : settings_(std::move(settings)) {}
  void invoke() const override {
    for (const std::string& setting : settings_) UNSCOPED_INFO(setting);
    const std::vector<Tokens> prompts = recorded_prompts(kPrompts);
    const platform::RunReport report = run(story_scenario(prompts, kMaxTokens, settings_));
    CHECK(report.complete);
    CHECK(answers(report) == reference_answers(prompts, kMaxTokens));
  }

 private:
  std::vector<std::string> settings_;
};

// Registers a test case per row, so that ctest can run each on its own.
struct RegisterRows {
  RegisterRows(const std::string& what, const std::string& policy,
               const std::vector<Factor>& factors) {
    const std::vector<Row> rows = pairwise_rows(factors);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<std::string> settings = overrides(factors, rows[i]);
      settings.push_back("policy.name=" + policy);
      settings.push_back("policy.sub_batch_min=2");
      char name[64];
      std::snprintf(name, sizeof name, "%s row %02zu", what.c_str(), i);
      Catch::AutoReg(new LosslessRow(settings), CATCH_INTERNAL_LINEINFO, {},
                     Catch::NameAndTags(name, "[lossless]"));
    }
  }
};
const RegisterRows kSpeculativeRows("self_speculative", "self_speculative", speculative_factors());
const RegisterRows kAheadRows("ahead", "self_speculative", ahead_factors());
const RegisterRows kPlainRows("plain", "plain", placement_factors());

TEST_CASE("the rows cover every pair of settings") {
  for (const std::vector<Factor>& factors :
       {speculative_factors(), ahead_factors(), placement_factors()}) {
    std::vector<Row> rows = pairwise_rows(factors);
    CHECK(uncovered_pairs(factors, rows) == 0);
    rows.pop_back();
    CHECK(uncovered_pairs(factors, rows) > 0);
  }
}

}  // namespace
}  // namespace tandem::test
