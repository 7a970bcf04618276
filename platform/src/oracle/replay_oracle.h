// SPDX-License-Identifier: Apache-2.0
// Oracles that repeat a run, position by position. Where the run has no answer they say kNoToken;
// the constructors refuse what is certain to get there.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "expert_choice.h"
#include "measured.h"
#include "oracle_record.h"
#include "tandem/platform/oracle.h"

namespace tandem::platform {

class ReplayOracle : public npu::TokenOracle {
 public:
  ReplayOracle(OracleFacts facts, std::unique_ptr<ExpertChoice> experts)
      : facts_(std::move(facts)), experts_(std::move(experts)) {}

  void experts(std::uint32_t request_id, std::uint32_t position, std::uint32_t layer,
               std::uint32_t experts, std::uint32_t top_k,
               std::vector<std::uint32_t>& chosen) override;

 protected:
  const OracleFacts& facts() const { return facts_; }
  bool stops(std::uint32_t token) const;
  // Throws UserError unless `tokens`, from line `line` of the file on, last for the request.
  void check_length(const CsvFile& file, std::size_t line, std::size_t request,
                    const std::vector<std::uint32_t>& tokens) const;
  void check_token(const CsvFile& file, std::size_t line, std::uint32_t token) const;

 private:
  OracleFacts facts_;
  std::unique_ptr<ExpertChoice> experts_;
};

// What `run.record_oracle` wrote.
class RecordOracle : public ReplayOracle {
 public:
  RecordOracle(OracleFacts facts, std::unique_ptr<ExpertChoice> experts, const CsvFile& file,
               const Scenario& scenario);
  std::uint32_t target(std::uint32_t request_id, std::uint32_t position) override;
  Drafted draft(std::uint32_t request_id, std::uint32_t first_position,
                std::uint32_t index) override;

 private:
  std::vector<RecordedRequest> requests_;
};

// Request r has the answer to prompt r mod prompts. Its n-th token is the answer's n-th, whatever
// the lengths of the prompts.
class TraceOracle : public ReplayOracle {
 public:
  TraceOracle(OracleFacts facts, std::unique_ptr<ExpertChoice> experts, const CsvFile& file,
              const PolicyConfig& policy);
  std::uint32_t target(std::uint32_t request_id, std::uint32_t position) override;
  Drafted draft(std::uint32_t request_id, std::uint32_t first_position,
                std::uint32_t index) override;

 private:
  // Null if the answer does not go so far.
  const TracedToken* find(std::uint32_t request_id, std::uint32_t position) const;

  std::vector<std::vector<TracedToken>> answers_;
  bool own_kv_;
};

// Request r has the steps of the r-th answer. The first token comes from prefill; the n-th round
// has what the n-th step gained, cut by the policy's draft length. Tokens are drawn. After the last
// step the request stops, if it has a stop id.
class StepsOracle : public ReplayOracle {
 public:
  StepsOracle(OracleFacts facts, std::unique_ptr<ExpertChoice> experts, const CsvFile& file,
              const Scenario& scenario);
  std::uint32_t target(std::uint32_t request_id, std::uint32_t position) override;
  Drafted draft(std::uint32_t request_id, std::uint32_t first_position,
                std::uint32_t index) override;

 private:
  struct Answer {
    std::vector<std::uint32_t> begins;    // of each round, in tokens after the prompt
    std::vector<std::uint32_t> accepted;  // in each round
    std::uint32_t tokens;                 // all together
  };

  std::vector<Answer> answers_;  // by request
  Draws draws_;
  TokenChoice tokens_;
};

}  // namespace tandem::platform
