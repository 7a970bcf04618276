// SPDX-License-Identifier: Apache-2.0
// What a scenario says of its model, and the presets.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "scenario_fixture.h"
#include "tandem/platform/model_presets.h"

using namespace tandem::platform;
using Catch::Contains;
using tandem::test::ScenarioFixture;
namespace abi = tandem::abi;

namespace {

const std::string kPresetFile = std::string(TANDEM_SCENARIO_DIR) + "/models/presets.csv";

class ModelFixture : public ScenarioFixture {
 public:
  // A timing-only scenario; `model` is line 3.
  static std::string timing(const std::string& model, const std::string& more = {}) {
    return "version: 1\nexecution: timing\nmodel: " + model + "\nworkload: {prompts: [[1, 2]]}\n" +
           more;
  }
  ModelShape shape(const std::string& model) const {
    return load(timing(model)).model.shape.value();
  }
};

const std::string kShape =
    "{shape: {layers: 2, hidden: 64, heads: 4, ffn: 128, vocabulary: 100, max_positions: 32";

// The last of the columns of figures that the table's collector computed, by model.
struct Figures {
  double parameters, active, kv_bytes;
};

std::map<std::string, Figures> figures() {
  std::ifstream stream(kPresetFile);
  std::map<std::string, Figures> all;
  std::string line;
  std::getline(stream, line);
  // None of the columns before these holds a comma.
  constexpr int kColumn = 25;
  while (std::getline(stream, line)) {
    std::istringstream fields(line);
    std::vector<std::string> values;
    for (std::string field; std::getline(fields, field, ',');) values.push_back(field);
    all[values.at(0)] = {std::stod(values.at(kColumn)), std::stod(values.at(kColumn + 1)),
                         std::stod(values.at(kColumn + 2))};
  }
  return all;
}

}  // namespace

TEST_CASE("parameters and KV bytes of the presets are those of an independent count") {
  const auto expected = figures();
  const std::vector<ModelPreset> presets = read_presets(kPresetFile);
  CHECK(presets.size() == 23);
  for (const ModelPreset& preset : presets) {
    INFO(preset.name);
    const Figures& figure = expected.at(preset.name);
    const ModelShape shape = shape_of(preset.keys);
    const ParameterCount count = count_parameters(shape);
    // The table has three decimals, one model five.
    const double digits = preset.name == "stories260K" ? 5e-6 : 6e-4;
    CHECK(static_cast<double>(count.all) / 1e9 == Approx(figure.parameters).margin(digits));
    CHECK(static_cast<double>(count.active) / 1e9 == Approx(figure.active).margin(digits));
    CHECK(static_cast<double>(kv_bytes_per_token_and_layer(shape)) == figure.kv_bytes);
  }
}

TEST_CASE_METHOD(ModelFixture, "a word names a preset, in upper or lower case") {
  for (const char* name : {"llama-2-7b", "Llama-2-7B"}) {
    const ModelShape found = shape(name);
    CHECK(found.layers == 32);
    CHECK(found.dim == 4096);
    CHECK(found.kv_heads == 32);
    CHECK(found.hidden_dim == 11008);
    CHECK_FALSE(found.shared_classifier);
  }
  const ModelShape gpt = shape("{preset: gpt3-175b}");
  CHECK(gpt.norm == abi::NormKind::kLayer);
  CHECK(gpt.positions == abi::PositionKind::kLearned);
  CHECK(gpt.linear_bias);
  CHECK_FALSE(gpt.gated_ffn);
}

TEST_CASE_METHOD(ModelFixture, "keys beside a preset change it") {
  const Scenario scenario =
      load(timing("{preset: llama-2-7b, layers: 4, tied_embeddings: true, weight_format: bsfp_i}"));
  CHECK(scenario.model.shape->layers == 4);
  CHECK(scenario.model.shape->dim == 4096);
  CHECK(scenario.model.shape->shared_classifier);
  CHECK(scenario.model.weight_format == WeightFormat::kBsfpI);
  // The effective configuration says the same.
  const std::string text = to_yaml(effective_configuration(scenario));
  CHECK(load(text).model.shape->layers == 4);
  CHECK(to_yaml(effective_configuration(load(text))) == text);
}

TEST_CASE_METHOD(ModelFixture, "a shape of one's own has defaults") {
  const ModelShape found = shape(kShape + "}}");
  CHECK(found.kv_heads == 4);
  CHECK(found.head_dim() == 16);
  CHECK(found.gated_ffn);
  CHECK_FALSE(found.shared_classifier);
  CHECK(found.positions == abi::PositionKind::kRotaryInterleaved);
  CHECK(shape(kShape + ", head_dim: 24}}").query_dim() == 96);
}

TEST_CASE_METHOD(ModelFixture, "there is one way to give a model") {
  CHECK(error_of(timing("{}"))
            .find("s.yaml:3:8: model: expected weights and tokenizer, the name "
                  "of a preset, or a shape") == 0);
  CHECK_THAT(error_of(timing("{weights: w.bin, tokenizer: t.bin, preset: llama-2-7b}")),
             Contains("exclude each other"));
  CHECK_THAT(error_of(timing(kShape + "}, layers: 3}")),
             Contains("s.yaml:3:") && Contains("model.layers: changes a preset"));
  CHECK_THAT(error_of(timing("{weights: w.bin, tokenizer: t.bin, mla: {v_head_dim: 3}}")),
             Contains("model.mla: changes a preset"));
  CHECK_THAT(error_of(timing("{weights: w.bin, tokenizer: t.bin, weight_format: int8}")),
             Contains("model.weight_format: weights from a file are fp16"));
  CHECK(error_of(timing("{weights: w.bin, tokenizer: t.bin}")).empty());
}

TEST_CASE_METHOD(ModelFixture, "an unknown preset is refused with the nearest one") {
  CHECK_THAT(error_of(timing("lama-2-7b")),
             Contains("s.yaml:3:8: model.preset: there is no model 'lama-2-7b'; did you mean "
                      "'llama-2-7b'?"));
}

TEST_CASE_METHOD(ModelFixture, "functional execution needs weights") {
  CHECK_THAT(error_of("version: 1\nmodel: llama-2-7b\nworkload: {prompts: [[1]]}\n"),
             Contains("s.yaml:2:8: model.preset: has no weights to compute with\n") &&
                 Contains("execution: timing"));
}

TEST_CASE_METHOD(ModelFixture, "shapes that contradict themselves are refused with key and rule") {
  const auto wrong = [this](const std::string& keys) {
    return error_of(timing("{preset: llama-2-7b, " + keys + "}"));
  };
  CHECK_THAT(wrong("kv_heads: 5"), Contains("s.yaml:3:39: model.kv_heads: 32 heads are not a "
                                            "multiple of 5"));
  CHECK_THAT(wrong("head_dim: 127"), Contains("model.head_dim: 127 is odd"));
  CHECK_THAT(wrong("ffn: 0"), Contains("model.ffn: expected at least 1"));
  CHECK_THAT(wrong("top_k: 2"), Contains("model.top_k: there are no experts"));
  CHECK_THAT(wrong("experts: 4"), Contains("model.top_k: expected 1..4"));
  CHECK_THAT(wrong("experts: 4, top_k: 5"), Contains("model.top_k: expected 1..4"));
  CHECK_THAT(wrong("experts: 4, top_k: 2"), Contains("model.expert_ffn: expected at least 1"));
  CHECK_THAT(wrong("experts: 4, top_k: 2, expert_ffn: 8, first_dense_layers: 32"),
             Contains("model.first_dense_layers: all 32 layers"));
  CHECK_THAT(wrong("mla: {v_head_dim: 8}"), Contains("model.mla: ") && Contains("belong together"));
  CHECK_THAT(error_of(timing("{shape: {layers: 2}}")),
             Contains("model.shape.hidden: this key is required"));
  CHECK_THAT(error_of(timing(kShape + ", heads: 3}}")), Contains("s.yaml:3"));
  CHECK_THAT(error_of(timing("{shape: {layers: 2, hidden: 64, heads: 3, ffn: 128, vocabulary: 9, "
                             "max_positions: 32}}")),
             Contains("model.shape.hidden: 64 is not a multiple of heads (3)"));
  CHECK_THAT(wrong("layers: 0"), Contains("model.layers: expected an integer 1..4096"));
}

TEST_CASE_METHOD(ModelFixture, "every preset can be run timing-only") {
  for (const ModelPreset& preset : read_presets(kPresetFile)) {
    INFO(preset.name);
    CHECK(error_of(timing(preset.name)).empty());
  }
}

TEST_CASE_METHOD(ModelFixture, "latent attention has a shape of its own") {
  const ModelShape found = shape("deepseek-v2-lite");
  CHECK(found.is_latent());
  CHECK(found.head_dim() == 192);
  CHECK(found.attended_dim() == 16 * 128);
  const auto wrong = [this](const std::string& keys) {
    return error_of(timing("{preset: deepseek-v2-lite, " + keys + "}"));
  };
  CHECK_THAT(wrong("kv_heads: 4"), Contains("s.yaml:3:45: model.kv_heads: latent attention"));
  CHECK_THAT(wrong("head_dim: 128"),
             Contains("model.head_dim: expected qk_nope_dim + qk_rope_dim, 192, got 128"));
  CHECK_THAT(wrong("qkv_bias: true"), Contains("model.qkv_bias: latent attention"));
  CHECK_THAT(wrong("positions: learned"), Contains("model.positions: latent attention"));
  CHECK_THAT(wrong("mla: {qk_rope_dim: 63}"), Contains("model.mla.qk_rope_dim: 63 is odd"));
  CHECK_THAT(wrong("mla: {qk_rope_dim: 0}"),
             Contains("model.mla: ") && Contains("belong together"));
  CHECK_THAT(wrong("mla: {kv_lora_rank: 65536}"), Contains("model.mla.kv_lora_rank: with qk_rope"));
}

TEST_CASE_METHOD(ModelFixture, "latent attention is the NPU's") {
  const auto with_pim = [this](const std::string& policy) {
    return error_of(
        timing("deepseek-v2-lite", "platform: {pim: {enabled: true}}\npolicy: " + policy + "\n"));
  };
  CHECK(with_pim("{placement: {attention: auto}}").empty());
  CHECK(with_pim("{placement: {attention: npu}, kv_layout: contiguous}").empty());
  CHECK_THAT(with_pim("{placement: {attention: pim}}"),
             Contains("policy.placement.attention: pim, but latent attention (model.mla)"));
  CHECK_THAT(with_pim("{kv_layout: bank_rows}"),
             Contains("policy.kv_layout: bank_rows, but latent attention (model.mla)"));
  CHECK_THAT(with_pim("{kv_layout: head_split}"), Contains("policy.kv_layout: head_split"));
}

TEST_CASE_METHOD(ModelFixture, "a draft of the weights' bits needs weights that have them") {
  const auto run = [this](const std::string& format, const std::string& policy) {
    return error_of(
        timing("{preset: llama-2-7b, weight_format: " + format + "}", "policy: " + policy));
  };
  CHECK_THAT(run("int8", "{}"), Contains("policy.draft.format: bsfp_i is made of the bits of fp16 "
                                         "or bsfp_i weights, but model.weight_format is int8"));
  CHECK_THAT(run("bsfp_i", "{draft: {format: bsfp_e}}"), Contains("policy.draft.format"));
  CHECK(run("bsfp_i", "{draft: {format: bsfp_i_shift_add}}").empty());
  CHECK(run("bsfp_e", "{draft: {format: bsfp_e}}").empty());
  CHECK(run("int8", "{draft: {format: int4}}").empty());
  CHECK(run("int8", "{name: plain}").empty());
}

TEST_CASE_METHOD(ModelFixture, "files of presets are refused with line and column") {
  const auto wrong = [this](const std::string& text) -> std::string {
    const auto file = folder.write("presets.csv", text);
    try {
      read_presets(file);
    } catch (const UserError& error) {
      return error.what();
    }
    return {};
  };
  const std::string head = "model,layers,hidden,heads,ffn,vocabulary,max_positions\n";
  CHECK(wrong(head + "a,1,8,2,8,8,8\n").empty());
  CHECK_THAT(wrong(head + "a,1,8,2,8,8,8\nb,1,8,x,8,8,8\n"),
             Contains("presets.csv:3:7: heads: expected an integer"));
  CHECK_THAT(wrong(head + "a,1,8\n"), Contains("presets.csv:2:1: expected 7 fields, got 3"));
  CHECK_THAT(wrong(head + "\"a,1\n"), Contains("presets.csv:2:1: a quoted field does not end"));
  CHECK_THAT(wrong(head + "a,1,9,2,8,8,8\n"), Contains("presets.csv:2:1: hidden: 9 is not"));
  CHECK_THAT(wrong("name\n"), Contains("expected 'model' as the first column"));
  CHECK_THAT(wrong(""), Contains("expected a line with the columns' names"));
  CHECK_THAT(wrong("model,leyers\na,1\n"), Contains("leyers: unknown key"));
}
