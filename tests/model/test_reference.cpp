// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "model_files.h"

using namespace tandem;
using namespace tandem::platform;
using namespace tandem::platform::test;

namespace {

struct Stories {
  Model model = stories();
  PackedModel packed = pack_model(model, nullptr, {});
  ReferenceWeights weights = unpack(packed, abi::TensorRole::kFull);
  Reference reference{packed.image, inverse_frequencies(model)};
};

std::vector<std::uint32_t> published_tokens() {
  std::vector<std::uint32_t> tokens;
  for (const std::string& line : data_lines("greedy200.ids", 0)) {
    tokens.push_back(static_cast<std::uint32_t>(std::stoul(line)));
  }
  return tokens;
}

}  // namespace

TEST_CASE("greedy tokens are the published ones up to the model's first tie") {
  const Stories s;
  const std::vector<std::uint32_t> expected = published_tokens();
  const std::vector<std::uint32_t> tokens =
      generate_greedy(s.reference, s.weights, {kBosToken}, 200);
  const auto differs = std::mismatch(tokens.begin(), tokens.end(), expected.begin());
  const auto equal = std::distance(tokens.begin(), differs.first);
  INFO("first " << equal << " tokens equal");
  CHECK(equal >= 184);
}

TEST_CASE("logits are those of FP32 arithmetic within 0.05") {
  const Stories s;
  std::vector<std::uint32_t> tokens = published_tokens();
  tokens.insert(tokens.begin(), kBosToken);
  std::map<std::uint32_t, std::vector<float>> golden;
  for (const std::string& line : data_lines("golden_logits.csv", 1)) {
    const std::vector<std::string> columns = fields(line, ',');
    golden[static_cast<std::uint32_t>(std::stoul(columns.at(0)))].push_back(
        std::stof(columns.at(3)));
  }
  REQUIRE(golden.size() == 4);

  ReferenceKv kv = s.reference.make_kv();
  for (std::uint32_t position = 0; position < 200; ++position) {
    const std::vector<float> logits = s.reference.step(s.weights, kv, position, tokens[position]);
    const auto expected = golden.find(position);
    if (expected == golden.end()) continue;
    REQUIRE(expected->second.size() == logits.size());
    float worst = 0.0f;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      worst = std::max(worst, std::abs(logits[i] - expected->second[i]));
    }
    CHECK(worst <= 0.05f);
  }
}

// The published text ("./run stories260K.bin -z tok512.bin -t 0 -i Zoo -n 60" in the README of
// github.com/ytmytm/llama2.c64, FP32). FP16 logits tie where the two best are nearer than their
// spacing, so each published token must be a best one within that, given those before it.
TEST_CASE("the prompt Zoo continues as published") {
  const Stories s;
  const Tokenizer tokenizer = stories_tokenizer();
  const std::string text =
      "Zoo was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
      "big, red ball. She wanted to play with it, but she didn't want to play with";
  std::vector<std::uint32_t> tokens = tokenizer.encode(text);
  tokens.insert(tokens.begin(), kBosToken);
  const std::size_t prompt = tokenizer.encode("Zoo").size() + 1;
  REQUIRE(tokens.size() == 61);  // with BOS

  ReferenceKv kv = s.reference.make_kv();
  unsigned ties = 0;
  for (std::uint32_t position = 0; position + 1 < tokens.size(); ++position) {
    const std::vector<float> logits = s.reference.step(s.weights, kv, position, tokens[position]);
    if (position + 1 < prompt) continue;
    const std::uint32_t best = argmax(logits);
    CHECK(logits[tokens[position + 1]] >= logits[best] - 0.05f);
    ties += tokens[position + 1] != best;
  }
  CHECK(ties <= 1);
}

TEST_CASE("a full pass is the same for every draft format") {
  const Stories s;
  const std::vector<std::uint32_t> expected =
      generate_greedy(s.reference, s.weights, {kBosToken}, 40);
  for (const DraftFormat format : {DraftFormat::kBsfpE, DraftFormat::kBsfpI, DraftFormat::kInt4}) {
    const PackedModel packed = pack_model(s.model, nullptr, {draft_config(format), 0, 0});
    const ReferenceWeights weights = unpack(packed, abi::TensorRole::kFull);
    CHECK(weights.layers[3].down.elements == s.weights.layers[3].down.elements);
    CHECK(generate_greedy(s.reference, weights, {kBosToken}, 40) == expected);
  }
}
