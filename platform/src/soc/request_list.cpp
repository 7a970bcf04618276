// SPDX-License-Identifier: Apache-2.0
#include "request_list.h"

#include <algorithm>
#include <limits>

#include "tandem/platform/errors.h"
#include "workload.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kAlignment = 64;       // of a prompt, see peripherals::PromptStore
constexpr std::uint64_t kWaitingPrompts = 16;  // entries of the firmware's request ring

std::uint64_t aligned_bytes(std::uint32_t tokens) {
  return (tokens * sizeof(std::uint32_t) + kAlignment - 1) / kAlignment * kAlignment;
}

const char* key_of(WorkloadSource source) {
  switch (source) {
    case WorkloadSource::kPrompts:
      return "workload.prompts";
    case WorkloadSource::kTrace:
      return "workload.trace";
    case WorkloadSource::kGenerate:
      return "workload.generate";
    case WorkloadSource::kBatch:
      return "workload.batch";
  }
  return "workload";
}

// What a file of requests has wrong names the file; the key says who asked for it.
std::vector<PlannedRequest> plan_of(const Scenario& scenario) {
  try {
    return plan_requests(scenario);
  } catch (const UserError& error) {
    const std::string key = key_of(scenario.workload.source());
    if (std::string(error.what()).find(key) == 0) throw;
    throw UserError(key + ".file: " + error.what(), error.hint());
  }
}

// One that does not fit fails alone; there is no point in a run of such requests only.
void refuse_if_none_fits(const std::vector<PlannedRequest>& plan, const ModelShape& shape,
                         const std::string& key) {
  std::uint64_t shortest = std::numeric_limits<std::uint64_t>::max();
  for (const PlannedRequest& planned : plan) {
    shortest = std::min(shortest, std::uint64_t{planned.prompt_tokens} + planned.max_tokens);
  }
  if (plan.empty() || shortest <= shape.max_positions) return;
  throw UserError(key + ": no request fits into the model's " +
                      std::to_string(shape.max_positions) + " positions: the shortest has " +
                      std::to_string(shortest) + " tokens, prompt and answer together",
                  "ask for less, or choose a model with more positions");
}

}  // namespace

RequestList::RequestList(const Scenario& scenario, const Tokenizer* tokenizer,
                         const ModelShape& shape)
    : workload_(scenario.workload),
      seed_(scenario.seed),
      vocabulary_(shape.vocabulary),
      max_positions_(shape.max_positions) {
  if (workload_.source() != WorkloadSource::kPrompts) {
    plan_ = plan_of(scenario);
    refuse_if_none_fits(plan_, shape, key_of(workload_.source()));
    return;
  }
  prompts_ = prompt_tokens(workload_, tokenizer, shape);
  for (const auto& prompt : prompts_) {
    plan_.push_back({0, static_cast<std::uint32_t>(prompt.size()), workload_.max_tokens});
  }
}

abi::Request RequestList::request(std::size_t index) const {
  const PlannedRequest& planned = plan_[index];
  abi::Request request = make_request(workload_, index, planned.prompt_tokens);
  request.max_tokens = planned.max_tokens;
  request.arrival_ns = planned.arrival_ns;
  request.channel = static_cast<std::uint16_t>(planned.channel);
  // Also where EOS may come earlier: a request that might not end is none to begin.
  request.flags |= abi::kRequestWhole;
  if (planned.cached) request.flags |= abi::kRequestCached;
  return request;
}

std::vector<std::uint32_t> RequestList::prompt(std::size_t index) const {
  if (written()) return prompts_[index];
  std::vector<std::uint32_t> tokens(plan_[index].prompt_tokens);
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = drawn_token(seed_, static_cast<std::uint32_t>(index), i, vocabulary_);
  }
  return tokens;
}

std::vector<std::vector<std::uint32_t>> RequestList::prompts() const {
  std::vector<std::vector<std::uint32_t>> prompts;
  for (std::size_t i = 0; i < size(); ++i) prompts.push_back(prompt(i));
  return prompts;
}

std::uint64_t RequestList::prompt_bytes() const {
  std::uint64_t all = 0;
  std::uint64_t longest = 0;
  for (const PlannedRequest& planned : plan_) {
    const std::uint64_t bytes = aligned_bytes(planned.prompt_tokens);
    all += bytes;
    longest = std::max(longest, bytes);
  }
  return std::min(all, kWaitingPrompts * longest);
}

std::uint64_t RequestList::expected_tokens() const {
  std::uint64_t tokens = 0;
  for (const PlannedRequest& planned : plan_) tokens += planned.max_tokens;
  return tokens;
}

}  // namespace tandem::platform
