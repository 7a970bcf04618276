// SPDX-License-Identifier: Apache-2.0
// Experts drawn by measured popularity.
#include <catch2/catch.hpp>

#include "oracle_rig.h"

using namespace tandem;
using test::is_plausible;
using test::OracleRig;

namespace {

constexpr std::uint32_t kTokens = 20'000;

platform::OracleFacts moe_facts(std::uint32_t experts, std::uint32_t top_k) {
  platform::OracleFacts facts = test::oracle_facts();
  facts.layers = 32;
  facts.experts = experts;
  facts.top_k = top_k;
  return facts;
}

std::string section(const std::string& file, const std::string& more = {}) {
  return "oracle: {experts: {kind: popularity, file: " + file + more + "}}\n";
}

std::vector<std::uint64_t> popularity(npu::TokenOracle& oracle, std::uint32_t layer,
                                      std::uint32_t experts, std::uint32_t top_k) {
  std::vector<std::uint64_t> counts(experts);
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t position = 0; position < kTokens; ++position) {
    oracle.experts(position % 3, position, layer, experts, top_k, chosen);
    REQUIRE(chosen.size() == top_k);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      REQUIRE(chosen[i] < experts);
      if (i > 0) REQUIRE(chosen[i - 1] < chosen[i]);
      ++counts[chosen[i]];
    }
  }
  return counts;
}

void check_shares(npu::TokenOracle& oracle, std::uint32_t layer, std::uint32_t top_k,
                  const std::vector<double>& measured) {
  double total = 0.0;
  for (const double count : measured) total += count;
  const auto experts = static_cast<std::uint32_t>(measured.size());
  const std::vector<std::uint64_t> counts = popularity(oracle, layer, experts, top_k);
  for (std::uint32_t expert = 0; expert < experts; ++expert) {
    CAPTURE(layer, expert);
    CHECK(is_plausible(counts[expert], kTokens, measured[expert] * top_k / total));
  }
}

const std::string kLong =
    "model,domain,layer,routing,expert,count\n"
    "m,a,0,top2,0,10\nm,a,0,top2,1,30\nm,a,0,top2,2,40\nm,a,0,top1,0,80\n"
    "m,a,7,top2,0,20\nm,a,7,top2,1,10\nm,a,7,top2,2,10\n"
    "m,b,7,top2,0,0\nm,b,7,top2,1,40\nm,b,7,top2,2,40\n"
    "m,a,0,top1,1,1\n";

}  // namespace

TEST_CASE("experts are as popular as measured, layer by layer") {
  OracleRig rig;
  rig.folder.write("counts.csv", kLong);
  const auto one = rig.make(section("counts.csv", ", model: m, domain: a"), moe_facts(3, 2));
  check_shares(*one, 0, 2, {10, 30, 40});
  check_shares(*one, 7, 2, {20, 10, 10});
  check_shares(*one, 3, 2, {10, 30, 40});  // the nearest layer
  check_shares(*one, 31, 2, {20, 10, 10});
  const auto all = rig.make(section("counts.csv", ", model: m"), moe_facts(3, 2));
  check_shares(*all, 7, 2, {20, 50, 50});
}

TEST_CASE("published counts of Mixtral and OLMoE are read") {
  OracleRig rig;
  const std::string folder = TANDEM_ORACLE_DIR;
  const auto mixtral =
      rig.make(section(folder + "/mixtral_popularity_mmlu_all_layers.csv",
                       ", model: Mixtral-8x7B-Instruct-v0.1, domain: college_computer_science"),
               moe_facts(8, 2));
  check_shares(*mixtral, 1, 2, {1899, 1788, 2115, 458, 2148, 2442, 1838, 1710});
  const std::string olmoe = folder + "/olmoe_mixtral_expert_counts.csv";
  CHECK_NOTHROW(rig.make(section(olmoe), moe_facts(8, 2)));
  const auto experts =
      rig.make(section(olmoe, ", model: OLMoE-1B-7B-0924, domain: github"), moe_facts(64, 8));
  popularity(*experts, 15, 64, 8);
}

TEST_CASE("counts that do not fit are refused with file and line") {
  OracleRig rig;
  rig.folder.write("counts.csv", kLong);
  const auto error = [&](const std::string& more, std::uint32_t experts, std::uint32_t top_k) {
    return rig.make_error(section("counts.csv", more), moe_facts(experts, top_k));
  };
  const std::string file = (rig.folder.path() / "counts.csv").string();
  CHECK(error(", model: m", 4, 2) == file + ":2: it has 3 experts, the model has 4");
  CHECK(error(", model: m", 3, 1) == file + ":5: it has 2 experts, the model has 3");
  CHECK(error(", model: m", 3, 3) ==
        file + ": no row has model 'm' and domain 'ALL' and routing top3");
  CHECK_THAT(error("", 3, 2),
             Catch::Contains("no row has model 'Mixtral-8x7B-v0.1' and domain 'ALL'"));
  rig.folder.write("counts.csv",
                   "model,domain,layer,routing,expert,count\nm,a,0,top2,0,9\nm,a,0,top2,1,1\n");
  CHECK_THAT(error(", model: m", 2, 2), Catch::Contains("more than 1/2 of the choices"));
  rig.folder.write("counts.csv",
                   "model,domain,layer,routing,expert,count\nm,a,0,top2,0,9\nm,a,0,top2,2,9\n");
  CHECK_THAT(error(", model: m", 3, 2), Catch::Contains("an expert of this layer has no row"));
  rig.folder.write("counts.csv", "model,mmlu_subject,layer,expert0,expert1\nm,a,0,5,-3\n");
  CHECK_THAT(error(", model: m", 2, 1),
             Catch::Contains("s.yaml:4:") && Catch::Contains("oracle.experts.file: ") &&
                 Catch::Contains("counts.csv:2: expert1: expected an integer 0.."));
}
