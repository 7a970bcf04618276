// SPDX-License-Identifier: Apache-2.0
#include "workload.h"

#include <string>

#include "tandem/abi/command.h"
#include "tandem/numerics/fp.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

std::string prompt_name(std::size_t index) {
  return "workload.prompts[" + std::to_string(index) + "]: ";
}

std::vector<std::uint32_t> encode(const Prompt& prompt, const Tokenizer* tokenizer,
                                  std::size_t index) {
  if (const auto* ids = std::get_if<std::vector<std::uint32_t>>(&prompt)) return *ids;
  if (tokenizer == nullptr) {
    throw UserError(prompt_name(index) + "a text, but the model has no tokenizer",
                    "write token ids, such as [1, 2, 3], or give model.tokenizer");
  }
  std::vector<std::uint32_t> tokens = tokenizer->encode(std::get<std::string>(prompt));
  tokens.insert(tokens.begin(), kBosToken);
  return tokens;
}

void check(const std::vector<std::uint32_t>& tokens, std::size_t index, std::uint32_t max_tokens,
           const ModelShape& shape) {
  const std::string name = prompt_name(index);
  if (tokens.empty()) throw UserError(name + "expected at least one token");
  for (const std::uint32_t token : tokens) {
    if (token >= shape.vocabulary) {
      throw UserError(name + "token " + std::to_string(token) + " is not one of the model's " +
                      std::to_string(shape.vocabulary));
    }
  }
  const std::uint64_t length = tokens.size() + std::uint64_t{max_tokens};
  if (length > shape.max_positions) {
    throw UserError(name + std::to_string(tokens.size()) + " tokens and max_tokens " +
                        std::to_string(max_tokens) + " are more than the model's " +
                        std::to_string(shape.max_positions) + " positions",
                    "lower workload.max_tokens");
  }
}

abi::Sampling sampling_rule(const Sampling& sampling) {
  if (sampling.greedy) return abi::Sampling::kGreedy;
  return sampling.rule == SamplingRule::kStandard ? abi::Sampling::kStandard
                                                  : abi::Sampling::kCoupled;
}

}  // namespace

std::vector<std::vector<std::uint32_t>> prompt_tokens(const Workload& workload,
                                                      const Tokenizer* tokenizer,
                                                      const ModelShape& shape) {
  std::vector<std::vector<std::uint32_t>> prompts;
  for (const Prompt& prompt : workload.prompts) {
    prompts.push_back(encode(prompt, tokenizer, prompts.size()));
    check(prompts.back(), prompts.size() - 1, workload.max_tokens, shape);
  }
  return prompts;
}

abi::Request make_request(const Workload& workload, std::size_t index, std::size_t prompt_count) {
  abi::Request request{};
  request.request_id = static_cast<std::uint32_t>(index);
  request.prompt_count = static_cast<std::uint32_t>(prompt_count);
  request.max_tokens = workload.max_tokens;
  request.sampling = static_cast<std::uint32_t>(sampling_rule(workload.sampling));
  request.temperature = numerics::float_bits(static_cast<float>(workload.sampling.temperature));
  if (workload.stop_at_eos) {
    request.stop_count = 1;
    request.stop_ids[0] = kEosToken;
  }
  return request;
}

}  // namespace tandem::platform
