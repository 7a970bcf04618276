// SPDX-License-Identifier: Apache-2.0
// Oracles that draw: how often they accept, and that they depend on their arguments only.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "oracle_rig.h"

using namespace tandem;
using npu::TokenOracle;
using test::is_plausible;
using test::kStop;
using test::kVocabulary;
using test::OracleRig;

namespace {

constexpr std::uint32_t kRounds = 20'000;
constexpr std::uint32_t kLength = 8;

bool accepted(TokenOracle& oracle, std::uint32_t request, std::uint32_t first,
              std::uint32_t index) {
  return oracle.draft(request, first, index).token == oracle.target(request, first + index);
}

// How often the drafted token of an index is the target's.
std::array<std::uint64_t, kLength> accepted_by_index(TokenOracle& oracle) {
  std::array<std::uint64_t, kLength> hits{};
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    for (std::uint32_t index = 0; index < kLength; ++index) {
      hits[index] += accepted(oracle, round % 7, round, index) ? 1 : 0;
    }
  }
  return hits;
}

}  // namespace

TEST_CASE("bernoulli accepts every drafted token with the same probability") {
  OracleRig rig;
  for (const std::string probability : {"0", "0.3", "0.8", "0.976", "1"}) {
    CAPTURE(probability);
    const auto oracle = rig.make("oracle: {kind: bernoulli, acceptance: " + probability + "}\n");
    for (const std::uint64_t hits : accepted_by_index(*oracle)) {
      CHECK(is_plausible(hits, kRounds, std::stod(probability)));
    }
    CHECK(oracle->draft(0, 5, 1).confidence == static_cast<float>(std::stod(probability)));
  }
}

TEST_CASE("acceptances of a round are independent of each other") {
  OracleRig rig;
  const auto oracle = rig.make("oracle: {acceptance: 0.7}\n");
  std::uint64_t both = 0;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    both += accepted(*oracle, 0, round, 0) && accepted(*oracle, 0, round, 1) ? 1 : 0;
  }
  CHECK(is_plausible(both, kRounds, 0.49));
}

TEST_CASE("the tokens are spread over the vocabulary, and none ends a request") {
  OracleRig rig;
  const auto oracle = rig.make("oracle: {acceptance: 0.5}\n");
  std::array<std::uint64_t, kVocabulary> seen{};
  for (std::uint32_t position = 0; position < 100 * kVocabulary; ++position) {
    const std::uint32_t token = oracle->target(3, position);
    REQUIRE(token < kVocabulary);
    ++seen[token];
    const std::uint32_t drafted = oracle->draft(3, position, 0).token;
    REQUIRE(drafted < kVocabulary);
    REQUIRE(drafted != kStop);
  }
  CHECK(seen[kStop] == 0);
  double chi_square = 0.0;  // 510 degrees of freedom: mean 510, deviation sqrt(2 * 510) = 32
  for (std::uint32_t token = 0; token < kVocabulary; ++token) {
    if (token == kStop) continue;
    const double expected = 100.0 * kVocabulary / (kVocabulary - 1);
    const double difference = static_cast<double>(seen[token]) - expected;
    chi_square += difference * difference / expected;
  }
  CHECK(chi_square < 510 + 4.5 * 32);
  CHECK(chi_square > 510 - 4.5 * 32);
}

TEST_CASE("an answer depends on the arguments alone, not on what was asked before") {
  OracleRig rig;
  for (const std::string section :
       {"oracle: {acceptance: 0.6}\n", "oracle: {kind: table, table: [0.9, 0.5]}\n",
        "oracle: {kind: confidence}\n"}) {
    CAPTURE(section);
    const auto forwards = rig.make("seed: 5\n" + section);
    const auto backwards = rig.make("seed: 5\n" + section);
    std::vector<std::uint32_t> a, b;
    for (std::uint32_t i = 0; i < 500; ++i) {
      a.push_back(forwards->target(i % 5, i));
      a.push_back(forwards->draft(i % 5, i, i % 4).token);
    }
    for (std::uint32_t i = 500; i-- > 0;) {
      b.push_back(backwards->draft(i % 5, i, i % 4).token);
      b.push_back(backwards->target(i % 5, i));
    }
    std::reverse(b.begin(), b.end());
    CHECK(a == b);
  }
}

TEST_CASE("seeds, requests and positions give tokens of their own") {
  OracleRig rig;
  const auto one = rig.make("seed: 1\n");
  const auto two = rig.make("seed: 2\n");
  std::uint32_t same_seed = 0, same_request = 0, same_position = 0;
  for (std::uint32_t position = 0; position < 1000; ++position) {
    const std::uint32_t token = one->target(0, position);
    same_seed += token == two->target(0, position) ? 1 : 0;
    same_request += token == one->target(1, position) ? 1 : 0;
    same_position += token == one->target(0, position + 1) ? 1 : 0;
  }
  CHECK(same_seed < 20);  // 1000 / 511 are expected
  CHECK(same_request < 20);
  CHECK(same_position < 20);
}

TEST_CASE("a vocabulary of stop ids alone is refused") {
  OracleRig rig;
  platform::OracleFacts facts = test::oracle_facts();
  facts.vocabulary = 3;
  facts.stop_ids = {0, 2, 2};
  CHECK(rig.make_error("", facts) ==
        "an oracle needs two tokens that end no request, a vocabulary of 3 leaves 1");
}

TEST_CASE("uniform experts are all different and equally popular") {
  OracleRig rig;
  const auto oracle = rig.make("");
  std::array<std::uint64_t, 8> chosen_at{};
  std::array<std::uint64_t, 64> pairs{};
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t position = 0; position < kRounds; ++position) {
    oracle->experts(1, position, position % 3, 8, 2, chosen);
    REQUIRE(chosen.size() == 2);
    REQUIRE(chosen[0] < chosen[1]);
    REQUIRE(chosen[1] < 8);
    for (const std::uint32_t expert : chosen) ++chosen_at[expert];
    ++pairs[chosen[0] * 8 + chosen[1]];
  }
  for (const std::uint64_t count : chosen_at) CHECK(is_plausible(count, kRounds, 2.0 / 8));
  for (std::uint32_t i = 0; i < 8; ++i) {
    for (std::uint32_t j = i + 1; j < 8; ++j) {
      CHECK(is_plausible(pairs[i * 8 + j], kRounds, 1.0 / 28));
    }
  }
  oracle->experts(0, 0, 0, 4, 4, chosen);
  CHECK(chosen == std::vector<std::uint32_t>{0, 1, 2, 3});
}
