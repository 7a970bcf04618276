// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/mailbox.h"
#include "tandem/platform/model/tokenizer.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario.h"
#include "tandem/platform/workload/request_plan.h"

namespace tandem::platform {

// The requests of a scenario in order of arrival: what the mailbox is told about each. Drawn
// prompts are made when they are asked for, not kept.
class RequestList {
 public:
  // `tokenizer` may be nullptr: texts are refused. Throws UserError for a prompt that the model
  // cannot take, or a bad trace.
  RequestList(const Scenario& scenario, const Tokenizer* tokenizer, const ModelShape& shape);

  std::size_t size() const { return plan_.size(); }
  const PlannedRequest& planned(std::size_t index) const { return plan_[index]; }
  // Its prompt's address is the mailbox's business.
  abi::Request request(std::size_t index) const;
  std::vector<std::uint32_t> prompt(std::size_t index) const;
  std::vector<std::vector<std::uint32_t>> prompts() const;
  // The prompts stand in the scenario: they and the answers are worth showing.
  bool written() const { return !prompts_.empty(); }
  // Several requests, or times of arrival: worth the figures of serving.
  bool serves() const { return plan_.size() > 1 || !written(); }

  // Positions of the model.
  std::uint32_t max_positions() const { return max_positions_; }
  // Memory for prompts: for as many as may wait for the firmware at once.
  std::uint64_t prompt_bytes() const;
  // Tokens of all answers, at most.
  std::uint64_t expected_tokens() const;

 private:
  Workload workload_;
  std::uint64_t seed_;
  std::uint32_t vocabulary_;
  std::uint32_t max_positions_;
  std::vector<std::vector<std::uint32_t>> prompts_;  // empty unless written
  std::vector<PlannedRequest> plan_;
};

}  // namespace tandem::platform
