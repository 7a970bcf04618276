// SPDX-License-Identifier: Apache-2.0
// A recorded run: what the draft proposed and what the target chose, request by request.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "csv_file.h"
#include "tandem/npu/token_oracle.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

constexpr std::uint32_t kOracleRecordVersion = 1;
constexpr const char* kOracleRecordMark = "tandem_oracle";  // the file's first remark

struct RecordedRequest {
  std::uint32_t prompt_tokens = 0;
  std::vector<std::uint32_t> tokens;  // the target's, from position prompt_tokens on
  // By the position of a round's first drafted token, then by index. Drafting ahead begins a round
  // anew where the target has spoken, with the index of the token that is drafted next.
  std::map<std::uint32_t, std::map<std::uint32_t, npu::TokenOracle::Drafted>> rounds;
  std::size_t line = 0;                      // of the file
  std::optional<std::uint64_t> prompt_hash;  // not in files of earlier versions

  // What is heard of it (common::Archive).
  template <typename Archive>
  void archive(Archive& archive) {
    archive(tokens, rounds);
  }
};

// 64-bit FNV-1a over the tokens' bytes, the lowest first.
std::uint64_t prompt_hash(const std::vector<std::uint32_t>& tokens);

// What of a policy decides which rounds there are, as keys and values of a scenario.
using PolicyFacts = std::vector<std::pair<std::string, std::string>>;
PolicyFacts policy_facts(const Scenario& scenario);

// The bytes of a file with these requests.
std::string to_csv(const PolicyFacts& policy, std::uint32_t vocabulary,
                   const std::vector<RecordedRequest>& requests);

bool is_oracle_record(const CsvFile& file);
// Throws UserError, naming file and line, unless the file is whole and well formed.
std::vector<RecordedRequest> recorded_requests(const CsvFile& file);
// Throws UserError unless a run with this policy has the recorded rounds.
void check_policy(const CsvFile& file, const Scenario& scenario);
void check_vocabulary(const CsvFile& file, std::uint32_t vocabulary);

}  // namespace tandem::platform
