// SPDX-License-Identifier: Apache-2.0
// Whatever bytes a scenario is made of: an error or a scenario, never a crash or a hang.
#include <catch2/catch.hpp>
#include <random>

#include "scenario_fixture.h"

using namespace tandem::platform;
using tandem::test::ScenarioFixture;

namespace {

constexpr int kCases = 4'000;

const char* const kSeeds[] = {
    "version: 1\nmodel: {weights: w.bin, tokenizer: t.bin}\nworkload: {prompts: [\"Once\"]}\n",
    "seed: 7\npolicy: &p {name: plain, draft: {length: 8, stop_below: 0.5}}\nrun: *p\n",
    "platform:\n  dram:\n    channels: 2\n    capacity: 1 GiB\n  npu: {clock: 1 GHz}\n",
    "workload:\n  prompts:\n    - |\n      block\n    - >-\n      folded\n    - [1, 2, 3]\n",
    "%YAML 1.2\n---\n? a\n: b\n...\n# comment\n\"x\\u0041\": 'y'\n",
};
const char kYamlBytes[] = "{}[]:,-?&*!|>'\"%@`#\n \t~<=\\.0x1aGHzKiB";

// Tells an error from a scenario; anything but a UserError fails the test.
bool accepts(const ScenarioFixture& fixture, const std::string& text,
             const std::vector<std::string>& overrides) {
  try {
    fixture.load(text, overrides);
  } catch (const UserError& error) {
    const std::string message = error.what();
    REQUIRE_FALSE(message.empty());
    REQUIRE(message.find('\n') == std::string::npos);
    return false;
  }
  return true;
}

std::string random_text(std::mt19937& random, std::size_t length, bool yaml_like) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    text += yaml_like ? kYamlBytes[random() % (sizeof kYamlBytes - 1)]
                      : static_cast<char>(random() % 256);
  }
  return text;
}

std::string mutate(std::mt19937& random, std::string text) {
  const auto mutations = 1 + random() % 8;
  for (unsigned i = 0; i < mutations; ++i) {
    const std::size_t at = text.empty() ? 0 : random() % text.size();
    switch (random() % 4) {
      case 0:
        text.insert(at, 1, kYamlBytes[random() % (sizeof kYamlBytes - 1)]);
        break;
      case 1:
        text.erase(at, 1 + random() % 4);
        break;
      case 2:
        text.insert(at, text.substr(random() % (text.size() + 1), random() % 40));
        break;
      default:
        if (!text.empty()) text[at] = static_cast<char>(random() % 128);
    }
  }
  return text;
}

}  // namespace

TEST_CASE_METHOD(ScenarioFixture, "random bytes are refused") {
  std::mt19937 random(20'240);
  for (int i = 0; i < kCases; ++i) {
    const std::string text = random_text(random, random() % 200, false);
    CAPTURE(i);
    REQUIRE_FALSE(accepts(*this, text, {}));
  }
}

TEST_CASE_METHOD(ScenarioFixture, "random YAML punctuation is refused") {
  std::mt19937 random(20'241);
  for (int i = 0; i < kCases; ++i) {
    const std::string text = random_text(random, random() % 200, true);
    CAPTURE(text);
    REQUIRE_FALSE(accepts(*this, text, {}));
  }
}

TEST_CASE_METHOD(ScenarioFixture, "mutated scenarios are refused or still scenarios") {
  std::mt19937 random(20'242);
  REQUIRE(accepts(*this, kSeeds[0], {}));
  int accepted = 0;
  for (int i = 0; i < kCases; ++i) {
    const std::string text = mutate(random, kSeeds[random() % std::size(kSeeds)]);
    CAPTURE(text);
    accepted += accepts(*this, text, {}) ? 1 : 0;
  }
  CHECK(accepted > 0);
  CHECK(accepted < kCases);
}

TEST_CASE_METHOD(ScenarioFixture, "random overrides are refused or applied") {
  std::mt19937 random(20'243);
  for (int i = 0; i < kCases; ++i) {
    const std::string text = mutate(random, "policy.draft.length={a: [1, 2]}");
    CAPTURE(text);
    CHECK_NOTHROW(accepts(*this, kSeeds[0], {text}));
  }
}
