// SPDX-License-Identifier: Apache-2.0
// Timing-only runs of full-size models against the bounds that physics sets.
#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "llama_bound.h"
#include "system_run.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;
using test::effective_bytes_per_s;
using test::kWeightBytes;

namespace {

// Llama-2-7B on NeuPIMs' NPU and HBM2 without PIM.
platform::Scenario llama(const std::vector<std::string>& settings,
                         const std::string& workload = "{batch: {size: 1, context: 512}}") {
  std::vector<std::string> all = {"execution=timing",
                                  "platform={include: " TANDEM_SCENARIO_DIR
                                  "/hardware/neupims.yaml}",
                                  "platform.pim.enabled=false",
                                  "platform.npu.activation_buffer='64 MiB'",
                                  "platform.npu.kv_buffer='16 MiB'",
                                  "platform.npu.max_rows=2048",
                                  "platform.sram.size='64 MiB'",
                                  "model=llama-2-7b",
                                  "policy={name: plain, page_tokens: 256, max_batch: 64}",
                                  "run={timeline: off, baseline: none}"};
  all.insert(all.end(), settings.begin(), settings.end());
  return platform::load_scenario_text("version: 1\nworkload: " + workload + "\n", "test", ".", all);
}

constexpr double kKvBytesPerToken = 2.0 * 32 * 4096 * 2;

long peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  long kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib;
}

}  // namespace

TEST_CASE("Llama-2-7B decodes within 3 percent of its bandwidth bound, batch 1") {
  const platform::Scenario scenario = llama({"workload.max_tokens=16"});
  const platform::RunReport report = test::run(scenario);
  // The first token comes from 513 tokens, the last from 528.
  const double bytes = kWeightBytes + kKvBytesPerToken * (513 + 528) / 2;
  const double bound = effective_bytes_per_s(scenario) / bytes;
  INFO("bound " << bound << " tokens/s, run " << report.tokens_per_s);
  CHECK(report.tokens_per_s <= bound * 1.001);
  CHECK(report.tokens_per_s > bound * 0.97);
}

TEST_CASE("speculation gains no more than its formula allows") {
  const double acceptance = 0.9;
  const platform::Scenario scenario =
      llama({"policy.name=self_speculative", "policy.draft={length: 4, kv: shared}",
             "oracle={kind: bernoulli, acceptance: 0.9}", "run.baseline=plain",
             "workload.max_tokens=400"});
  const platform::RunReport report = test::run(scenario);
  REQUIRE(report.baseline);
  const double speedup = report.tokens_per_s / report.baseline->tokens_per_s;
  // (1 - a^(g+1)) / ((1 - a) (g c + 1)) with c = 1/4, if only weights moved.
  double tokens_per_round = 0;
  double power = 1;
  for (int i = 0; i <= 4; ++i, power *= acceptance) tokens_per_round += power;
  const double bound = tokens_per_round / (4 * 0.25 + 1);
  INFO("formula " << bound << ", run " << speedup);
  CHECK(report.tokens_per_round == Approx(tokens_per_round).epsilon(0.08));
  CHECK(speedup < bound * report.tokens_per_round / tokens_per_round);
  CHECK(speedup > 0.85 * bound);
  CHECK(report.baseline->same_tokens);
}

TEST_CASE("a model of 175 billion parameters takes less than 200 MiB") {
  const platform::Scenario scenario =
      llama({"model=gpt3-175b", "platform.dram.capacity='512 GiB'", "workload.max_tokens=2"});
  const platform::RunReport report = test::run(scenario);
  CHECK(report.complete);
  CHECK(report.simulated_time_ps > 700'000'000'000);  // 349 GB twice at 1.02 TB/s
#ifndef __SANITIZE_ADDRESS__
  CHECK(peak_memory_kib() < 200 * 1024);
#endif
}

namespace {

// Cycles of a statistic of a stage.
std::uint64_t of_stage(const platform::RunReport& report, const std::string& stage,
                       const std::string& name) {
  const observe::Statistic* found = report.statistics.find("npu.phases." + stage + "." + name);
  REQUIRE(found != nullptr);
  return found->integer;
}

}  // namespace

TEST_CASE("softmax of attention in the banks hides behind their products") {
  const platform::RunReport report = test::run(platform::load_scenario(
      TANDEM_SCENARIO_DIR "/published/neupims_layer.yaml", {"run.baseline=none"}));
  const std::uint64_t cycles = of_stage(report, "decode.attention", "cycles");
  const std::uint64_t busy = of_stage(report, "decode.attention", "pim_busy_cycles");
  CHECK(busy <= cycles);
  CHECK(cycles - busy < 100);  // softmax alone takes 400
  // The authors' simulator.
  CHECK(static_cast<double>(cycles) == Approx(11'847).epsilon(0.10));
  CHECK(static_cast<double>(busy) == Approx(11'529).epsilon(0.10));
}

namespace {

platform::StageTime row_of(const platform::RunReport& report, const std::string& phase,
                           const std::string& stage) {
  for (const platform::StageTime& row : report.stages) {
    if (row.phase == phase && row.stage == stage) return row;
  }
  FAIL("no stage " << phase << " " << stage);
  return {};
}

double memory_share(const platform::StageTime& row) {
  return static_cast<double>(row.memory_ps) / static_cast<double>(row.time_ps);
}

// Of the run, over the channels.
double mean_use(const platform::RunReport& report, const std::string& channels) {
  double sum = 0.0, count = 0.0;
  for (const platform::Utilisation& part : report.utilisations) {
    if (part.name.find(channels) != 0) continue;
    sum += part.fraction;
    ++count;
  }
  return sum / count;
}

// Keys and values come while the stage before attention waits, and its own bytes are fewer.
void check_waiting_stage(const std::string& layers) {
  const platform::Scenario scenario = platform::load_scenario(
      TANDEM_SCENARIO_DIR "/llama-2-7b.yaml",
      {"policy.name=plain", "workload.batch.context=4000", "workload.max_tokens=4",
       "run.baseline=none", "fidelity.layers=" + layers});
  const platform::RunReport report = test::run(scenario);
  const platform::StageTime qkv = row_of(report, "decode", "qkv");
  const double own = static_cast<double>(of_stage(report, "decode.qkv", "read_bytes"));
  CHECK(own / (static_cast<double>(qkv.time_ps) * 1e-12) < 0.7 * effective_bytes_per_s(scenario));
  CHECK(memory_share(qkv) > 0.85);
  CHECK(qkv.bound() == "memory");
  CHECK(row_of(report, "decode", "attention").bound() == "array");
  const platform::StageTime all = row_of(report, "decode", "all");
  CHECK(all.time_ps == report.phases.front().time_ps);
  CHECK(memory_share(all) == Approx(mean_use(report, "memory.channel")).epsilon(0.01));
}

}  // namespace

TEST_CASE("a stage that waits for bytes of others is bound by the memory") {
  check_waiting_stage("all");
}

TEST_CASE("so it is where a few layers stand for all") {
  check_waiting_stage("replay");
}

TEST_CASE("stages of two sub-batches are wall time") {
  const platform::RunReport report = test::run(platform::load_scenario(
      TANDEM_SCENARIO_DIR "/published/neupims_system.yaml", {"policy.sub_batches=2"}));
  const platform::StageTime all = row_of(report, "decode", "all");
  CHECK(all.time_ps <= report.simulated_time_ps);
  CHECK(all.time_ps > report.simulated_time_ps * 9 / 10);
  std::uint64_t stages_ps = 0, both_ps = 0;
  for (const platform::StageTime& row : report.stages) {
    CAPTURE(row.phase, row.stage);
    for (const platform::StageTime::Part& part : row.parts()) CHECK(part.busy_ps <= row.time_ps);
    if (row.stage == "all") continue;
    stages_ps += row.time_ps;
    CHECK(row.time_ps <= all.time_ps);
    both_ps += of_stage(report, row.phase + "." + row.stage, "time_ps");
  }
  CHECK(stages_ps > all.time_ps);
  CHECK(both_ps > stages_ps);  // a command in each, in part in the same stage
  CHECK(platform::summary_text({}, report).find("side by side") != std::string::npos);
  // Nothing counts twice.
  const auto time_ps = static_cast<double>(report.simulated_time_ps);
  CHECK(static_cast<double>(all.memory_ps) / time_ps ==
        Approx(mean_use(report, "memory.channel")).epsilon(0.02));
  CHECK(static_cast<double>(all.pim_ps) / time_ps ==
        Approx(mean_use(report, "pim.channel")).epsilon(0.02));
  // Banks at work, not commands under way.
  const platform::StageTime attention = row_of(report, "decode", "attention");
  CHECK(10 * attention.pim_ps < 7 * attention.time_ps);
}

namespace {

void check_prompt(const std::string& tokens) {
  const platform::Scenario scenario =
      llama({"policy.prefill_chunk=" + tokens, "policy.batch_tokens=" + tokens,
             "platform.npu.activation_buffer='256 MiB'", "platform.sram.size='256 MiB'"},
            "{generate: {requests: 1, input_tokens: " + tokens + ", output_tokens: 1}}");
  const platform::RunReport report = test::run(scenario);
  const auto statistic = [&](const char* path) {
    return static_cast<double>(report.statistics.find(path)->integer);
  };
  const auto& array = scenario.platform.npu.array;
  const double cycles =
      statistic("npu.matrix.macs") / (1.0 * array.rows * array.columns * array.count);
  // Seven matrices in each of 32 layers, and the classifier; pe_array's README has the formulas.
  const double fill_and_drain = (7 * 32 + 1) * (3.0 * array.rows + array.columns - 3);
  const double run = statistic("npu.phases.prefill.time_ps") * 1e-12 *
                     static_cast<double>(scenario.platform.npu.clock_hz);
  INFO("products " << cycles << " cycles, fills and drains " << fill_and_drain << ", run " << run);
  CHECK(run > cycles + fill_and_drain);
  CHECK(run < 1.05 * cycles + fill_and_drain);
}

}  // namespace

TEST_CASE("512 tokens take at most 5 percent more than their products, fills and drains") {
  check_prompt("512");
}

TEST_CASE("2,048 tokens take at most 5 percent more than their products, fills and drains") {
  check_prompt("2048");
}
