// SPDX-License-Identifier: Apache-2.0
// Multi-head latent attention: DeepSeek-V2-Lite, timing-only, against the bytes that it must move.
#include <catch2/catch.hpp>
#include <string>

#include "llama_bound.h"
#include "system_run.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;

namespace {

// DeepSeek-V2-Lite on NeuPIMs' NPU and HBM2, without PIM unless the settings say so.
platform::Scenario deepseek(const std::vector<std::string>& settings,
                            const std::string& workload = "{batch: {size: 1, context: 4096}}") {
  std::vector<std::string> all = {"execution=timing",
                                  "platform={include: " TANDEM_SCENARIO_DIR
                                  "/hardware/neupims.yaml}",
                                  "platform.pim.enabled=false",
                                  "platform.dram.capacity='64 GiB'",
                                  "platform.npu.activation_buffer='64 MiB'",
                                  "platform.npu.kv_buffer='16 MiB'",
                                  "platform.npu.max_rows=2048",
                                  "platform.sram.size='64 MiB'",
                                  "model=deepseek-v2-lite",
                                  "policy={name: plain, page_tokens: 256, max_batch: 64}",
                                  "run={timeline: off, baseline: none}"};
  all.insert(all.end(), settings.begin(), settings.end());
  return platform::load_scenario_text("version: 1\nworkload: " + workload + "\n", "test", ".", all);
}

constexpr std::uint64_t kLayers = 27, kKeyBytes = 2 * (512 + 64);  // of a token and layer

// What a decoding step of one token reads of the weights: all that the token is multiplied with.
double weight_bytes(const platform::Scenario& scenario) {
  const platform::ModelShape& shape = scenario.model.shape.value();
  const double embedding = static_cast<double>(shape.vocabulary) * shape.dim;
  return 2 * (static_cast<double>(platform::count_parameters(shape).active) - embedding);
}

std::uint64_t statistic(const platform::RunReport& report, const std::string& name) {
  const observe::Statistic* const found = report.statistics.find(name);
  INFO(name);
  REQUIRE(found != nullptr);
  return found->integer;
}

std::uint64_t attention_bytes(const platform::RunReport& report, const std::string& phase) {
  return statistic(report, "npu.phases." + phase + ".attention.read_bytes");
}

}  // namespace

TEST_CASE("DeepSeek-V2-Lite decodes within 4 percent of its bandwidth bound, batch 1") {
  const platform::Scenario scenario = deepseek({"workload.max_tokens=16"});
  const platform::RunReport report = test::run(scenario);
  // The first token comes from 4097 tokens, the last from 4112.
  const double bytes = weight_bytes(scenario) + kLayers * kKeyBytes * (4097 + 4112) / 2.0;
  const double bound = test::effective_bytes_per_s(scenario) / bytes;
  INFO("bound " << bound << " tokens/s, run " << report.tokens_per_s);
  CHECK(report.tokens_per_s <= bound * 1.001);
  CHECK(report.tokens_per_s > bound * 0.96);
}

TEST_CASE("the KV cache of latent attention is 1152 bytes per token and layer, read once") {
  constexpr std::uint64_t kSequences = 3, kContext = 1000, kSteps = 4;
  const platform::RunReport report =
      test::run(deepseek({"workload.max_tokens=4"}, "{batch: {size: 3, context: 1000}}"));
  std::uint64_t tokens = 0;
  for (std::uint64_t step = 1; step <= kSteps; ++step) tokens += kContext + step;
  CHECK(attention_bytes(report, "decode") == kSequences * kLayers * kKeyBytes * tokens);
}

TEST_CASE("a step of latent attention moves its weights once, and nothing else") {
  const platform::Scenario scenario = deepseek({"workload.max_tokens=4"});
  const platform::RunReport report = test::run(scenario);
  std::uint64_t read = 0;
  for (const char* stage : {"other", "qkv", "attention", "projection", "ffn", "classifier"}) {
    read += statistic(report, std::string("npu.phases.decode.") + stage + ".read_bytes");
  }
  const double keys = static_cast<double>(attention_bytes(report, "decode"));
  CHECK(static_cast<double>(read) - keys == Approx(4 * weight_bytes(scenario)).epsilon(1e-5));
}

TEST_CASE("prompts run through latent attention") {
  const platform::RunReport report = test::run(deepseek(
      {"policy.prefill_chunk=256"},
      "{generate: {requests: 2, input_tokens: 600, output_tokens: 3, arrivals: {kind: at_once}}}"));
  CHECK(report.complete);
  CHECK(attention_bytes(report, "prefill") >= 2 * kLayers * kKeyBytes * 600);
  CHECK(statistic(report, "npu.phases.prefill.attention.matrix_ps") > 0);
}

namespace {

void check_speculation(const std::string& kv, const std::string& granularity) {
  const platform::RunReport report = test::run(
      deepseek({"policy.name=self_speculative", "policy.draft={length: 3, kv: " + kv + "}",
                "policy.granularity=" + granularity, "oracle={kind: bernoulli, acceptance: 0.8}",
                "run.baseline=plain", "workload.max_tokens=24"}));
  CHECK(report.complete);
  REQUIRE(report.baseline);
  CHECK(report.baseline->same_tokens);
  CHECK(report.tokens_per_round > 1.5);
}

}  // namespace

TEST_CASE("latent attention drafts with a KV cache of its own") {
  check_speculation("own", "step");
}

TEST_CASE("latent attention drafts with a shared KV cache, layer by layer") {
  check_speculation("shared", "layer");
}

TEST_CASE("where a PIM could attend, latent attention stays on the NPU") {
  const platform::RunReport report =
      test::run(deepseek({"platform.pim.enabled=true", "policy.placement.linear=auto",
                          "workload.max_tokens=2", "platform.dram.capacity='32 GiB'"}));
  CHECK(report.complete);
  CHECK(attention_bytes(report, "decode") == kLayers * kKeyBytes * (4097 + 4098));
}

TEST_CASE("devices share the heads of latent attention, and each keeps all latents") {
  const platform::RunReport report = test::run(
      deepseek({"platform.devices={count: 2, link: {bandwidth: 100 GB/s, latency: 500 ns}}",
                "workload.max_tokens=2"}));
  CHECK(report.complete);
  REQUIRE(report.group);
  CHECK(attention_bytes(report, "decode") == kLayers * kKeyBytes * (4097 + 4098));
}
