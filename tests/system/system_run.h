// SPDX-License-Identifier: Apache-2.0
// Scenarios on the real model, run in this process. One run per process: a SystemC kernel
// elaborates once.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/platform/results.h"
#include "tandem/platform/scenario.h"

namespace tandem::test {

using Tokens = std::vector<std::uint32_t>;

// stories260K on the edge platform with PIM, greedy, no baseline, no timeline; then the overrides
// ("a.b=c"), later wins.
platform::Scenario story_scenario(const std::vector<Tokens>& prompts, std::uint32_t max_tokens,
                                  const std::vector<std::string>& overrides = {});

// Throws InternalError if the result contradicts itself or the physics of the platform.
platform::RunReport run(const platform::Scenario& scenario);

// Tokens of every request.
std::vector<Tokens> answers(const platform::RunReport& report);

// The first `count` prompts of prompts.csv.
std::vector<Tokens> recorded_prompts(std::size_t count);

// The first 200 greedy tokens after BOS, as published (see tests/data/stories260K).
Tokens published_tokens();
// As many of them as hold: beyond, the model's two best logits are a tie within FP16 (see
// tests/data/stories260K).
constexpr std::uint32_t kPublished = 184;
Tokens first_published(std::uint32_t count = kPublished);

// What the model says after each prompt, computed by the plain loops of platform/model/reference.h,
// cut behind EOS.
std::vector<Tokens> reference_answers(const std::vector<Tokens>& prompts, std::uint32_t max_tokens);

}  // namespace tandem::test
