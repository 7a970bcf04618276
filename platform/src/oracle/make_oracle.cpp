// SPDX-License-Identifier: Apache-2.0
#include "drawn_oracle.h"
#include "expert_counts.h"
#include "replay_oracle.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/oracle.h"

namespace tandem::platform {
namespace {

using Experts = std::unique_ptr<ExpertChoice>;
using Oracle = std::unique_ptr<npu::TokenOracle>;

Experts make_experts(const Scenario& scenario, const OracleFacts& facts) {
  const ExpertOracleConfig& config = scenario.oracle.experts;
  if (config.kind == ExpertKind::kUniform || facts.experts == 0) {
    return std::make_unique<UniformExperts>(scenario.seed);
  }
  const CsvFile file(config.file);
  const auto counts = expert_counts(file, config.model, config.domain, facts.top_k);
  return std::make_unique<PopularExperts>(scenario.seed,
                                          expert_shares(file, counts, facts.experts, facts.top_k));
}

Oracle make_table(const Scenario& scenario, TokenChoice tokens, Experts experts) {
  const OracleConfig& config = scenario.oracle;
  std::vector<double> table =
      config.file.empty() ? config.table
                          : acceptance_table(CsvFile(config.file), config.method, config.category);
  return std::make_unique<TableOracle>(scenario.seed, std::move(tokens), std::move(experts),
                                       std::move(table));
}

Oracle make_confidence(const Scenario& scenario, TokenChoice tokens, Experts experts) {
  const OracleConfig& config = scenario.oracle;
  if (config.file.empty()) {
    return std::make_unique<CalibratedOracle>(scenario.seed, std::move(tokens), std::move(experts),
                                              config.beta_a, config.beta_b);
  }
  return std::make_unique<ResampledOracle>(scenario.seed, std::move(tokens), std::move(experts),
                                           measured_drafts(CsvFile(config.file)));
}

Oracle make_replay(const Scenario& scenario, const OracleFacts& facts, Experts experts) {
  const CsvFile file(scenario.oracle.file);
  if (is_oracle_record(file)) {
    return std::make_unique<RecordOracle>(facts, std::move(experts), file, scenario);
  }
  if (file.has("run_ownkv")) {
    return std::make_unique<TraceOracle>(facts, std::move(experts), file, scenario.policy);
  }
  return std::make_unique<StepsOracle>(facts, std::move(experts), file, scenario);
}

}  // namespace

Oracle make_oracle(const Scenario& scenario, const OracleFacts& facts) {
  TokenChoice tokens(facts.vocabulary, facts.stop_ids);
  Experts experts = make_experts(scenario, facts);
  switch (scenario.oracle.kind) {
    case OracleKind::kBernoulli:
      return std::make_unique<BernoulliOracle>(scenario.seed, std::move(tokens), std::move(experts),
                                               scenario.oracle.acceptance);
    case OracleKind::kTable:
      return make_table(scenario, std::move(tokens), std::move(experts));
    case OracleKind::kConfidence:
      return make_confidence(scenario, std::move(tokens), std::move(experts));
    case OracleKind::kReplay:
      return make_replay(scenario, facts, std::move(experts));
  }
  throw InternalError("unknown kind of oracle");
}

}  // namespace tandem::platform
