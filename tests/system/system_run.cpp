// SPDX-License-Identifier: Apache-2.0
#include "system_run.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tandem/numerics/fp.h"
#include "tandem/platform/model/llama2c.h"
#include "tandem/platform/model/packer.h"
#include "tandem/platform/model/reference.h"
#include "tandem/platform/scenario_loader.h"
#include "tandem/platform/session.h"

namespace tandem::test {
namespace {

const std::string kScenarios = TANDEM_SCENARIO_DIR;
const std::string kData = TANDEM_DATA_DIR;

constexpr const char* kBase = R"(
version: 1
seed: 7
platform: {include: hardware/edge_lpddr5_pim.yaml}
model: {weights: models/stories260K/stories260K.bin, tokenizer: models/stories260K/tok512.bin}
workload: {sampling: greedy}
policy: {name: self_speculative}
run: {baseline: none, timeline: off}
)";

class Silence : public platform::RunObserver {
 public:
  void uart(std::string_view) override {}
  void progress(const platform::RunProgress&) override {}
};

std::ifstream open(const std::string& file) {
  std::ifstream stream(kData + "/" + file);
  if (!stream) throw std::runtime_error("cannot read " + kData + "/" + file);
  return stream;
}

std::string yaml_list(const std::vector<Tokens>& lists) {
  std::string text = "[";
  for (const Tokens& list : lists) {
    text += "[";
    for (const std::uint32_t token : list) text += std::to_string(token) + ",";
    text.back() = ']';
    text += ",";
  }
  text.back() = ']';
  return text;
}

}  // namespace

platform::Scenario story_scenario(const std::vector<Tokens>& prompts, std::uint32_t max_tokens,
                                  const std::vector<std::string>& overrides) {
  std::vector<std::string> all = {"workload.prompts=" + yaml_list(prompts),
                                  "workload.max_tokens=" + std::to_string(max_tokens)};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return platform::load_scenario_text(kBase, "system test", kScenarios, all);
}

platform::RunReport run(const platform::Scenario& scenario) {
  Silence silence;
  platform::RunReport report = platform::run_scenario(scenario, silence);
  platform::check_physics(scenario, report);
  return report;
}

std::vector<Tokens> answers(const platform::RunReport& report) {
  std::vector<Tokens> all;
  for (const platform::RequestResult& request : report.requests) all.push_back(request.tokens);
  return all;
}

std::vector<Tokens> recorded_prompts(std::size_t count) {
  std::ifstream stream = open("prompts.csv");
  std::vector<Tokens> prompts;
  std::string line;
  std::getline(stream, line);
  while (prompts.size() < count && std::getline(stream, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    std::size_t index = 0, prompt_length = 0, total_length = 0;
    fields >> index >> prompt_length >> total_length;
    Tokens prompt(prompt_length);
    for (std::uint32_t& token : prompt) fields >> token;
    if (!fields) throw std::runtime_error("prompts.csv: row " + std::to_string(prompts.size()));
    prompts.push_back(prompt);
  }
  if (prompts.size() < count) throw std::runtime_error("prompts.csv has too few rows");
  return prompts;
}

Tokens published_tokens() {
  std::ifstream stream = open("greedy200.ids");
  Tokens tokens;
  for (std::uint32_t token = 0; stream >> token;) tokens.push_back(token);
  return tokens;
}

Tokens first_published(std::uint32_t count) {
  Tokens tokens = published_tokens();
  tokens.resize(count);
  return tokens;
}

std::vector<Tokens> reference_answers(const std::vector<Tokens>& prompts,
                                      std::uint32_t max_tokens) {
  const platform::Model model =
      platform::load_llama2c(kScenarios + "/models/stories260K/stories260K.bin");
  const platform::PackedModel packed = platform::pack_model(model, nullptr, {});
  const platform::ReferenceWeights weights = platform::unpack(packed, abi::TensorRole::kFull);
  const platform::Reference reference(packed.image, platform::inverse_frequencies(model));
  std::vector<Tokens> all;
  for (const Tokens& prompt : prompts) {
    Tokens tokens = platform::generate_greedy(reference, weights, prompt, max_tokens);
    const auto eos = std::find(tokens.begin(), tokens.end(), platform::kEosToken);
    if (eos != tokens.end()) tokens.erase(eos + 1, tokens.end());
    all.push_back(tokens);
  }
  return all;
}

}  // namespace tandem::test
