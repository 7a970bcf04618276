// SPDX-License-Identifier: Apache-2.0
#include "scenario_oracle.h"

#include "tandem/platform/errors.h"
#include "tandem/platform/oracle.h"

namespace tandem::platform {

namespace {

OracleFacts oracle_facts(const Scenario& scenario, const RequestList& requests,
                         const ModelShape& shape) {
  OracleFacts facts;
  facts.vocabulary = shape.vocabulary;
  if (scenario.workload.stop_at_eos) facts.stop_ids.push_back(kEosToken);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const PlannedRequest& request = requests.planned(i);
    facts.requests.push_back({request.prompt_tokens, request.max_tokens});
  }
  facts.prompt = [&requests](std::size_t request) { return requests.prompt(request); };
  facts.layers = shape.layers;
  facts.experts = shape.experts.count;
  facts.top_k = shape.experts.top_k;
  return facts;
}

}  // namespace

std::unique_ptr<npu::TokenOracle> scenario_oracle(const Scenario& scenario,
                                                  const RequestList& requests,
                                                  const ModelShape& shape) {
  if (scenario.execution != Execution::kTiming) return nullptr;
  try {
    return make_oracle(scenario, oracle_facts(scenario, requests, shape));
  } catch (const UserError& error) {
    throw UserError(std::string("oracle: ") + error.what(), error.hint());
  }
}

}  // namespace tandem::platform
