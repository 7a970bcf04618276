// SPDX-License-Identifier: Apache-2.0
#include "replay_oracle.h"

#include <algorithm>

namespace tandem::platform {
namespace {

using npu::TokenOracle;

constexpr TokenOracle::Drafted kNothingDrafted{TokenOracle::kNoToken, 0.0f};
// A drafted token that the request's end leaves no room for: it is drafted because another
// sequence of the batch goes on, and dropped by the firmware.
constexpr TokenOracle::Drafted kDropped{0, 1.0f};

std::uint32_t any_other(std::uint32_t token, std::uint32_t vocabulary) {
  return token + 1 < vocabulary ? token + 1 : 0;
}

}  // namespace

void ReplayOracle::experts(std::uint32_t request_id, std::uint32_t position, std::uint32_t layer,
                           std::uint32_t experts, std::uint32_t top_k,
                           std::vector<std::uint32_t>& chosen) {
  experts_->choose(request_id, position, layer, experts, top_k, chosen);
}

bool ReplayOracle::stops(std::uint32_t token) const {
  const auto& ids = facts_.stop_ids;
  return std::find(ids.begin(), ids.end(), token) != ids.end();
}

void ReplayOracle::check_length(const CsvFile& file, std::size_t line, std::size_t request,
                                const std::vector<std::uint32_t>& tokens) const {
  const std::uint32_t wanted = facts_.requests[request].max_tokens;
  if (tokens.size() >= wanted) return;
  for (const std::uint32_t token : tokens) {
    if (stops(token)) return;
  }
  file.fail_at(line, "the recorded answer has " + std::to_string(tokens.size()) +
                         " tokens, request " + std::to_string(request) + " may ask for " +
                         std::to_string(wanted));
}

void ReplayOracle::check_token(const CsvFile& file, std::size_t line, std::uint32_t token) const {
  if (token < facts_.vocabulary) return;
  file.fail_at(line, "token " + std::to_string(token) + " is not one of the model's " +
                         std::to_string(facts_.vocabulary));
}

// --- RecordOracle

RecordOracle::RecordOracle(OracleFacts facts, std::unique_ptr<ExpertChoice> experts,
                           const CsvFile& file, const Scenario& scenario)
    : ReplayOracle(std::move(facts), std::move(experts)), requests_(recorded_requests(file)) {
  check_policy(file, scenario);
  check_vocabulary(file, this->facts().vocabulary);
  const std::vector<OracleRequest>& wanted = this->facts().requests;
  if (wanted.size() > requests_.size()) {
    file.fail("it has " + std::to_string(requests_.size()) + " requests, the workload has " +
              std::to_string(wanted.size()));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const RecordedRequest& request = requests_[i];
    if (request.prompt_tokens != wanted[i].prompt_tokens) {
      file.fail_at(request.line,
                   "recorded with a prompt of " + std::to_string(request.prompt_tokens) +
                       " tokens, the workload's has " + std::to_string(wanted[i].prompt_tokens));
    }
    if (request.prompt_hash && this->facts().prompt &&
        *request.prompt_hash != prompt_hash(this->facts().prompt(i))) {
      file.fail_at(request.line, "request " + std::to_string(i) +
                                     " was recorded with another prompt, their hashes differ");
    }
    check_length(file, request.line, i, request.tokens);
  }
}

std::uint32_t RecordOracle::target(std::uint32_t request_id, std::uint32_t position) {
  if (request_id >= requests_.size()) return kNoToken;
  const RecordedRequest& request = requests_[request_id];
  const std::uint32_t index = position - request.prompt_tokens;  // wraps: beyond the end
  return index < request.tokens.size() ? request.tokens[index] : kNoToken;
}

TokenOracle::Drafted RecordOracle::draft(std::uint32_t request_id, std::uint32_t first_position,
                                         std::uint32_t index) {
  if (request_id >= requests_.size()) return kNothingDrafted;
  const auto& rounds = requests_[request_id].rounds;
  const auto round = rounds.find(first_position);
  if (round == rounds.end()) return kNothingDrafted;
  const auto drafted = round->second.find(index);
  if (drafted != round->second.end()) return drafted->second;
  return index > round->second.rbegin()->first ? kDropped : kNothingDrafted;
}

// --- TraceOracle

TraceOracle::TraceOracle(OracleFacts facts, std::unique_ptr<ExpertChoice> experts,
                         const CsvFile& file, const PolicyConfig& policy)
    : ReplayOracle(std::move(facts), std::move(experts)),
      answers_(traced_answers(file)),
      own_kv_(policy.draft.kv == DraftKv::kOwn) {
  const std::uint32_t drafted = policy.draft.length + policy.draft.ahead;
  if (policy.name != PolicyName::kPlain && drafted > kTracedRun) {
    file.fail("it counts at most " + std::to_string(kTracedRun) + " right tokens in a row, " +
              (policy.draft.ahead > 0 ? "policy.draft.length and ahead are "
                                      : "policy.draft.length is ") +
              std::to_string(drafted));
  }
  for (const std::vector<TracedToken>& answer : answers_) {
    for (const TracedToken& token : answer) {
      check_token(file, token.line, std::max(token.target, token.draft));
    }
  }
  for (std::size_t i = 0; i < this->facts().requests.size(); ++i) {
    const std::vector<TracedToken>& answer = answers_[i % answers_.size()];
    std::vector<std::uint32_t> tokens;
    tokens.reserve(answer.size());
    for (const TracedToken& token : answer) tokens.push_back(token.target);
    check_length(file, answer.front().line, i, tokens);
  }
}

const TracedToken* TraceOracle::find(std::uint32_t request_id, std::uint32_t position) const {
  if (request_id >= facts().requests.size()) return nullptr;
  const std::vector<TracedToken>& answer = answers_[request_id % answers_.size()];
  const std::uint32_t index = position - facts().requests[request_id].prompt_tokens;
  return index < answer.size() ? &answer[index] : nullptr;
}

std::uint32_t TraceOracle::target(std::uint32_t request_id, std::uint32_t position) {
  const TracedToken* token = find(request_id, position);
  return token != nullptr ? token->target : kNoToken;
}

TokenOracle::Drafted TraceOracle::draft(std::uint32_t request_id, std::uint32_t first_position,
                                        std::uint32_t index) {
  const TracedToken* first = find(request_id, first_position);
  if (first == nullptr) return kNothingDrafted;
  const TracedToken* token = find(request_id, first_position + index);
  if (token == nullptr) return kDropped;
  const std::uint32_t run = own_kv_ ? first->run_own : first->run_shared;
  if (index < run) return {token->target, token->confidence};
  const bool differs = token->draft != token->target;
  return {differs ? token->draft : any_other(token->target, facts().vocabulary), token->confidence};
}

// --- StepsOracle

StepsOracle::StepsOracle(OracleFacts facts, std::unique_ptr<ExpertChoice> experts,
                         const CsvFile& file, const Scenario& scenario)
    : ReplayOracle(std::move(facts), std::move(experts)),
      draws_(scenario.seed),
      tokens_(this->facts().vocabulary, this->facts().stop_ids) {
  if (scenario.policy.name != PolicyName::kPlain && scenario.policy.draft.ahead > 0) {
    file.fail("it has rounds that were drafted in turn, policy.draft.ahead is " +
              std::to_string(scenario.policy.draft.ahead));
  }
  const auto recorded = step_lengths(file, scenario.oracle.method, scenario.oracle.category);
  const std::vector<OracleRequest>& wanted = this->facts().requests;
  if (wanted.size() > recorded.size()) {
    file.fail("it has " + std::to_string(recorded.size()) + " answers of method " +
              scenario.oracle.method + " and category " + scenario.oracle.category +
              ", the workload has " + std::to_string(wanted.size()) + " requests");
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Answer answer{{}, {}, 1};
    for (const std::uint32_t gained : recorded[i].tokens) {
      answer.begins.push_back(answer.tokens);
      answer.accepted.push_back(std::min(gained - 1, scenario.policy.draft.length));
      answer.tokens += answer.accepted.back() + 1;
    }
    std::vector<std::uint32_t> tokens(answer.tokens, kNoToken);
    if (!this->facts().stop_ids.empty()) tokens.back() = this->facts().stop_ids.front();
    check_length(file, recorded[i].line, i, tokens);
    answers_.push_back(std::move(answer));
  }
}

std::uint32_t StepsOracle::target(std::uint32_t request_id, std::uint32_t position) {
  if (request_id >= answers_.size()) return kNoToken;
  const std::uint32_t index = position - facts().requests[request_id].prompt_tokens;
  const std::uint32_t count = answers_[request_id].tokens;
  if (index >= count) return kNoToken;
  if (index + 1 == count && !facts().stop_ids.empty()) return facts().stop_ids.front();
  return tokens_.at(draws_.below(tokens_.count(), Draws::Purpose::kToken, request_id, position, 0));
}

TokenOracle::Drafted StepsOracle::draft(std::uint32_t request_id, std::uint32_t first_position,
                                        std::uint32_t index) {
  if (request_id >= answers_.size()) return kNothingDrafted;
  const Answer& answer = answers_[request_id];
  const std::uint32_t begin = first_position - facts().requests[request_id].prompt_tokens;
  const auto round = std::lower_bound(answer.begins.begin(), answer.begins.end(), begin);
  if (round == answer.begins.end() || *round != begin) return kNothingDrafted;
  const std::uint32_t right = target(request_id, first_position + index);
  if (index < answer.accepted[static_cast<std::size_t>(round - answer.begins.begin())]) {
    return {right, 1.0f};
  }
  if (right == kNoToken) return kDropped;
  const std::uint32_t rank = draws_.below(tokens_.count() - 1, Draws::Purpose::kOtherToken,
                                          request_id, first_position, index);
  return {tokens_.other(right, rank), 1.0f};
}

}  // namespace tandem::platform
