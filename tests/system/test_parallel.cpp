// SPDX-License-Identifier: Apache-2.0
// Tensor parallelism: several devices against the bounds that one device and the link set.
#include <catch2/catch.hpp>
#include <string>

#include "llama_bound.h"
#include "system_run.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;
using test::effective_bytes_per_s;
using test::kWeightBytes;

namespace {

// Llama-2-7B on NeuPIMs' NPU and HBM2 without PIM, shared by several of them.
platform::Scenario shared_llama(unsigned devices, const std::vector<std::string>& settings = {}) {
  std::vector<std::string> all = {"execution=timing",
                                  "platform={include: " TANDEM_SCENARIO_DIR
                                  "/hardware/neupims.yaml}",
                                  "platform.pim.enabled=false",
                                  "platform.npu.activation_buffer='64 MiB'",
                                  "platform.npu.kv_buffer='16 MiB'",
                                  "platform.sram.size='64 MiB'",
                                  "platform.devices={count: " + std::to_string(devices) +
                                      ", link: {bandwidth: 100 GB/s, latency: 500 ns}}",
                                  "model=llama-2-7b",
                                  "workload.max_tokens=16",
                                  "policy={name: plain, page_tokens: 256}",
                                  "run={timeline: off, baseline: none}"};
  all.insert(all.end(), settings.begin(), settings.end());
  return platform::load_scenario_text("version: 1\nworkload: {batch: {size: 1, context: 512}}\n",
                                      "test", ".", all);
}

constexpr double kKvBytes = 2.0 * 32 * 4096 * 2 * 520.5;  // 513 to 528 tokens

void check_shared(unsigned devices) {
  const platform::Scenario scenario = shared_llama(devices);
  const platform::RunReport report = test::run(scenario);
  const double n = devices;
  const double alone_s = (kWeightBytes + kKvBytes) / effective_bytes_per_s(scenario);
  const double sums_s = 2 * (n - 1) * (8192 / n / 100e9 + 500e-9);
  const double logits_s = (n - 1) * (64000 / n / 100e9 + 500e-9);
  const double link_s = 64 * sums_s + logits_s;
  INFO(devices << " devices: " << report.tokens_per_s << " tokens/s, alone at most " << 1 / alone_s
               << ", bound " << 1 / (alone_s / n + link_s));
  CHECK(report.tokens_per_s < n / alone_s);
  CHECK(report.tokens_per_s <= 1.001 / (alone_s / n + link_s));
  CHECK(report.tokens_per_s > 0.9 / (alone_s / n + link_s));
  REQUIRE(report.group);
  CHECK(report.group->devices == devices);
  CHECK(report.group->link_busy_ps == Approx(16 * link_s * 1e12).epsilon(0.001));
  CHECK(report.group->sent_bytes ==
        16 * (64 * 2 * (devices - 1) * (8192 / devices) + (devices - 1) * (64000 / devices)));
  CHECK(report.group->memory_bytes_per_s < effective_bytes_per_s(scenario));
}

}  // namespace

TEST_CASE("two devices decode within 10 percent of half the bytes and the exchanges") {
  check_shared(2);
}

TEST_CASE("eight devices decode within 10 percent of an eighth of the bytes and the exchanges") {
  check_shared(8);
}

TEST_CASE("one device of a group of one has no link to speak of") {
  const platform::RunReport report = test::run(shared_llama(1));
  CHECK(!report.group);
  CHECK(report.statistics.find("npu.link.busy_ps") == nullptr);
}

namespace {

void check_runs(const std::string& shape) {
  const platform::RunReport report = test::run(shared_llama(
      4, {"model={shape: {layers: 2, hidden: 256, heads: 8, ffn: 512, vocabulary: 1001, "
          "max_positions: 1024, " +
              shape + "}}",
          "workload.batch.size=2", "policy={name: self_speculative, draft: {length: 2}}"}));
  CHECK(report.complete);
  REQUIRE(report.group);
  CHECK(report.group->sent_bytes > 0);
}

}  // namespace

TEST_CASE("devices share speculation and tied embeddings") {
  check_runs("kv_heads: 2, tied_embeddings: true");
}

TEST_CASE("devices share experts") {
  check_runs("experts: 8, top_k: 2, expert_ffn: 128, shared_experts: 1");
}
