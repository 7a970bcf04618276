// SPDX-License-Identifier: Apache-2.0
// What stands in for tensors in timing-only execution: the oracle that a scenario's section
// `oracle` describes. See src/oracle/README.md for the model behind each kind.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tandem/npu/token_oracle.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct OracleRequest {
  std::uint32_t prompt_tokens = 0;  // BOS included
  std::uint32_t max_tokens = 0;
};

// What an oracle must know of the model and the workload.
struct OracleFacts {
  std::uint32_t vocabulary = 0;
  std::vector<std::uint32_t> stop_ids;  // tokens that end a request
  std::vector<OracleRequest> requests;  // by request id
  // The tokens of a request's prompt; without it prompts are not compared with recorded ones.
  std::function<std::vector<std::uint32_t>(std::size_t request)> prompt;
  std::uint32_t layers = 0;
  std::uint32_t experts = 0;  // of a layer; 0: the model has none
  std::uint32_t top_k = 0;    // experts of a token
};

// Throws UserError, naming file and line, if a file of the section cannot be read or does not fit
// the scenario's policy, the model or the requests.
std::unique_ptr<npu::TokenOracle> make_oracle(const Scenario& scenario, const OracleFacts& facts);

}  // namespace tandem::platform
