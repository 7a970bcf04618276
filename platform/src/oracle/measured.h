// SPDX-License-Identifier: Apache-2.0
// Published and measured acceptance, as the files have it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "csv_file.h"
#include "drawn_oracle.h"

namespace tandem::platform {

// Columns method, category, tokens_in_step, P(next_position_accepted): the i-th drafted token is
// accepted with the probability that one more follows i + 1 tokens of a step, the target's own
// among them. Beyond the last row the file's last probability holds, which is 0 where the drafts
// that were measured ended.
std::vector<double> acceptance_table(const CsvFile& file, const std::string& method,
                                     const std::string& category);

// Columns draft_top1_prob, match.
std::vector<MeasuredDraft> measured_drafts(const CsvFile& file);

// Columns prompt, pos, target_token, draft_token, draft_top1_prob, match, run_ownkv, run_sharedkv:
// a model's answers to prompts, and what a draft said at every position of them.
struct TracedToken {
  std::uint32_t target;
  std::uint32_t draft;
  float confidence;
  std::uint32_t run_own;     // right tokens in a row of a draft that starts here, with a KV cache
  std::uint32_t run_shared;  // of its own and with the target's; at most kTracedRun
  std::size_t line;
};
constexpr std::uint32_t kTracedRun = 8;
std::vector<std::vector<TracedToken>> traced_answers(const CsvFile& file);

// Columns method, category, accept_length_per_step: how many tokens each step of an answer gained,
// the target's own included.
struct StepLengths {
  std::vector<std::uint32_t> tokens;  // of every step, at least 1
  std::size_t line;
};
std::vector<StepLengths> step_lengths(const CsvFile& file, const std::string& method,
                                      const std::string& category);

}  // namespace tandem::platform
