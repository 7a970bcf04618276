// SPDX-License-Identifier: Apache-2.0
// Whatever the policy, the placement or the shape of the hardware, the tokens are those of the
// model: 8 prompts on a covering array of all pairs of settings, each row in a process of its own.
#include <catch2/catch.hpp>

#include "lossless_rows.h"

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

const LosslessRows kSpeculativeRows("self_speculative",
                                    {"policy.name=self_speculative", "policy.sub_batch_min=2"},
                                    speculative_factors(), kPrompts, kMaxTokens);
const LosslessRows kAheadRows("ahead", {"policy.name=self_speculative"}, ahead_factors(), kPrompts,
                              kMaxTokens);
const LosslessRows kPlainRows("plain", {"policy.name=plain", "policy.sub_batch_min=2"},
                              placement_factors(), kPrompts, kMaxTokens);

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
