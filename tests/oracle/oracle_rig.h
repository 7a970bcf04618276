// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "scenario_fixture.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/oracle.h"

namespace tandem::test {

constexpr std::uint32_t kVocabulary = 512;
constexpr std::uint32_t kStop = 2;

inline platform::OracleFacts oracle_facts(std::size_t requests = 4, std::uint32_t prompt = 3,
                                          std::uint32_t max_tokens = 20) {
  platform::OracleFacts facts;
  facts.vocabulary = kVocabulary;
  facts.stop_ids = {kStop};
  facts.requests.assign(requests, {prompt, max_tokens});
  return facts;
}

// Oracles of scenarios whose files lie in a folder of their own.
class OracleRig : public ScenarioFixture {
 public:
  // `lines` follow the required keys, from line 4 on.
  std::unique_ptr<npu::TokenOracle> make(const std::string& lines,
                                         const platform::OracleFacts& facts = oracle_facts()) {
    return platform::make_oracle(load(minimal(lines)), facts);
  }
  // The message; empty if nothing is wrong.
  std::string make_error(const std::string& lines,
                         const platform::OracleFacts& facts = oracle_facts()) {
    try {
      make(lines, facts);
    } catch (const platform::UserError& error) {
      return error.what();
    }
    return {};
  }
};

// Whether `hits` of `trials` is within 4.5 standard deviations of what `probability` gives: chance
// alone fails one such check in 150,000.
inline bool is_plausible(std::uint64_t hits, std::uint64_t trials, double probability) {
  const double mean = probability * static_cast<double>(trials);
  const double deviation = std::sqrt(mean * (1.0 - probability));
  return std::abs(static_cast<double>(hits) - mean) <= 4.5 * deviation + 1e-9;
}

}  // namespace tandem::test
