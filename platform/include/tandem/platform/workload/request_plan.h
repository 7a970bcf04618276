// SPDX-License-Identifier: Apache-2.0
// When requests come and how long they are: from a trace, drawn, or in the midst of decoding. What
// they say is another matter.
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct PlannedRequest {
  std::uint64_t arrival_ns = 0;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t max_tokens = 0;
  bool cached = false;        // the KV cache holds all of the prompt but its last token
  std::uint32_t channel = 0;  // 1 + memory channel that its pages are pinned to; 0: none
};

// Of every source but prompts, in order of arrival. The same scenario and seed give the same plan.
// Throws UserError, naming file and line, for a bad trace.
std::vector<PlannedRequest> plan_requests(const Scenario& scenario);

// Arrival times of `count` requests, in ns and ascending. `arrivals` is not kAsGiven.
std::vector<std::uint64_t> arrival_times_ns(const ArrivalConfig& arrivals, std::size_t count,
                                            std::uint64_t seed);

// Token `index` of a drawn prompt: below `vocabulary`, not the end-of-sequence token.
std::uint32_t drawn_token(std::uint64_t seed, std::uint32_t request, std::uint32_t index,
                          std::uint32_t vocabulary);

}  // namespace tandem::platform
