// SPDX-License-Identifier: Apache-2.0
// Speculative decoding as a plain loop over an oracle: what the firmware and the NPU do with one
// request, without either.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tandem/npu/token_oracle.h"

namespace tandem::test {

struct DecodePolicy {
  std::uint32_t length = 4;
  float stop_below = 0.0f;
  std::uint32_t stop_id = 2;
};

struct Decoded {
  std::vector<std::uint32_t> tokens;
  std::vector<std::uint32_t> accepted_in_round;  // of every round, prefill not among them
  std::uint64_t drafted = 0, accepted = 0;       // accepted: before the cut at the end
};

inline Decoded decode(npu::TokenOracle& oracle, std::uint32_t request, std::uint32_t prompt_tokens,
                      std::uint32_t max_tokens, const DecodePolicy& policy) {
  Decoded result;
  const auto ended = [&] {
    return result.tokens.size() == max_tokens || result.tokens.back() == policy.stop_id;
  };
  const auto emit = [&](std::uint32_t token) {
    if (result.tokens.empty() || !ended()) result.tokens.push_back(token);
  };
  emit(oracle.target(request, prompt_tokens));
  while (!ended()) {
    const auto done = static_cast<std::uint32_t>(result.tokens.size());
    const std::uint32_t first = prompt_tokens + done;
    std::vector<std::uint32_t> drafted;
    while (drafted.size() < std::min(policy.length, max_tokens - done - 1)) {
      const auto index = static_cast<std::uint32_t>(drafted.size());
      const npu::TokenOracle::Drafted draft = oracle.draft(request, first, index);
      drafted.push_back(draft.token);
      if (draft.confidence < policy.stop_below) break;
    }
    std::uint32_t accepted = 0;
    while (accepted < drafted.size() &&
           oracle.target(request, first + accepted) == drafted[accepted]) {
      emit(drafted[accepted++]);
    }
    emit(oracle.target(request, first + accepted));
    result.drafted += drafted.size();
    result.accepted += accepted;
    result.accepted_in_round.push_back(accepted);
  }
  return result;
}

}  // namespace tandem::test
