// SPDX-License-Identifier: Apache-2.0
// Wherever keys and values lie, the tokens are those of the model; and they lie where the policy
// says.
#include <catch2/catch.hpp>

#include "lossless_rows.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/scenario_loader.h"

namespace tandem::test {
namespace {

constexpr std::size_t kPrompts = 6;
constexpr std::uint32_t kMaxTokens = 16;

// Rows of banks that are contiguous, so that every layout is possible.
const std::vector<std::string> kWholeRows = {"platform.dram.geometry.row=1 KiB",
                                             "platform.dram.channel_interleave=1 KiB"};

std::vector<Factor> factors() {
  return {{"policy.kv_layout", {"bank_rows", "head_split", "auto", "contiguous"}},
          {"policy.placement.attention", {"pim", "npu", "auto"}},
          {"platform.dram.channels", {"4", "1", "2", "8"}},
          {"policy.max_batch", {"8", "1", "3"}},
          {"policy.name", {"self_speculative", "plain"}},
          {"policy.draft.kv", {"own", "shared"}},
          {"policy.granularity", {"step", "layer"}},
          {"platform.pim.row_buffer", {"dual", "single"}}};
}

std::vector<std::string> with(std::vector<std::string> settings) {
  settings.insert(settings.begin(), kWholeRows.begin(), kWholeRows.end());
  return settings;
}

const LosslessRows kRows("kv layout", with({}), factors(), kPrompts, kMaxTokens);

// PIM commands per channel of a run.
std::vector<std::uint64_t> commands(const std::vector<Tokens>& prompts,
                                    const std::vector<std::string>& settings) {
  const platform::RunReport report = run(story_scenario(prompts, kMaxTokens, with(settings)));
  REQUIRE(report.complete);
  std::vector<std::uint64_t> all;
  for (unsigned c = 0;; ++c) {
    const std::string path = "pim.channel" + std::to_string(c) + ".commands";
    const observe::Statistic* found = report.statistics.find(path);
    if (found == nullptr) return all;
    all.push_back(found->integer);
  }
}

const std::string kOnPim = "policy.placement.attention=pim";

// Row 1 KiB and four channels: 512 elements, a page of 512 tokens would hold any answer here, so
// short rows make several pages.
void long_answer(const std::string& layout, const std::string& attention) {
  const Tokens expected = published_tokens();
  const platform::RunReport report = run(
      story_scenario({{1}}, static_cast<std::uint32_t>(expected.size()),
                     {"platform.dram.geometry.row=256 B", "platform.dram.channel_interleave=256 B",
                      "platform.dram.channels=4", "policy.max_batch=4",
                      "policy.kv_layout=" + layout, "policy.placement.attention=" + attention}));
  CHECK(answers(report)[0] == expected);
}

}  // namespace

TEST_CASE("kv layout: an answer over several pages, bank_rows in the banks") {
  long_answer("bank_rows", "pim");
}
TEST_CASE("kv layout: an answer over several pages, head_split in the banks") {
  long_answer("head_split", "pim");
}
TEST_CASE("kv layout: an answer over several pages, head_split on the NPU") {
  long_answer("head_split", "npu");
}

TEST_CASE("kv layout: bank_rows puts one sequence into one channel") {
  const std::vector<std::uint64_t> work = commands(
      recorded_prompts(1),
      {kOnPim, "policy.kv_layout=bank_rows", "platform.dram.channels=4", "policy.max_batch=4"});
  CHECK(work.at(0) > 0);
  CHECK(work.at(1) + work.at(2) + work.at(3) == 0);
}

TEST_CASE("kv layout: bank_rows spreads sequences over the channels") {
  const std::vector<std::uint64_t> work =
      commands(recorded_prompts(4),
               {kOnPim, "policy.kv_layout=auto", "platform.dram.channels=4", "policy.max_batch=4"});
  REQUIRE(work.size() == 4);
  for (const std::uint64_t commands_of_channel : work) CHECK(commands_of_channel > 0);
}

TEST_CASE("kv layout: head_split uses every channel for one sequence") {
  // Fewer sequences than channels, so auto chooses it; four KV heads.
  const std::vector<std::uint64_t> work =
      commands(recorded_prompts(1),
               {kOnPim, "policy.kv_layout=auto", "platform.dram.channels=4", "policy.max_batch=1"});
  REQUIRE(work.size() == 4);
  CHECK(work[0] > 0);
  for (const std::uint64_t commands_of_channel : work) CHECK(commands_of_channel == work[0]);
}

TEST_CASE("kv layout: sequences of head_split begin in different channels") {
  // Four KV heads and short answers: each sequence fills half of the channels.
  const std::vector<std::uint64_t> work = commands(
      recorded_prompts(2),
      {kOnPim, "policy.kv_layout=head_split", "platform.dram.channels=8", "policy.max_batch=2"});
  REQUIRE(work.size() == 8);
  for (const std::uint64_t commands_of_channel : work) CHECK(commands_of_channel > 0);
}

// Of a step over 32 pages of one layer.
std::uint64_t kv_transfers(const std::string& model) {
  const platform::RunReport report = run(platform::load_scenario(
      TANDEM_SCENARIO_DIR "/llama-2-7b.yaml",
      {"model.preset=" + model, "model.layers=1", "model.max_positions=4096", "policy.name=plain",
       "policy.page_tokens=16", "workload.batch.context=511", "workload.max_tokens=1",
       "run.baseline=none", "fidelity.layers=all"}));
  REQUIRE(report.complete);
  return report.statistics.find("npu.dma.kv.transfers")->integer;
}

// 32 heads have 128 KiB of keys in a page, and all channels their share of it.
TEST_CASE("kv layout: in bulk long pages are read as one") {
  CHECK(kv_transfers("llama-2-7b") < 8);
}

// 8 heads have 32 KiB, which may lie in few channels.
TEST_CASE("kv layout: in bulk short pages are read one by one") {
  CHECK(kv_transfers("llama-3.1-8b") >= 2 * 32);
}

// Eight heads go on by eight channels with each page: neighbours that begin eight apart would share
// a quarter of the channels.
TEST_CASE("kv layout: heads that the banks work on together lie in all channels, page after page") {
  const platform::Scenario scenario = platform::load_scenario(
      TANDEM_SCENARIO_DIR "/published/draft_in_pim.yaml",
      {"policy.name=plain", "policy.placement.attention=pim", "policy.placement.linear=npu",
       "policy.placement.weight_layout=rows", "policy.kv_layout=head_split",
       "workload.batch.size=4", "workload.batch.context=4096", "workload.max_tokens=1",
       "policy.max_batch=4", "model.layers=1", "fidelity.layers=all"});
  const platform::RunReport report = run(scenario);
  REQUIRE(report.complete);
  for (const platform::StageTime& row : report.stages) {
    if (row.stage != "attention") continue;
    INFO(row.phase << ": banks " << row.pim_ps << " of " << row.time_ps << " ps");
    CHECK(4 * row.pim_ps > 3 * row.time_ps);
  }
}

TEST_CASE("kv layout: one that the mapping does not allow is refused with the reason") {
  const auto refuse = [](const std::string& layout) {
    return story_scenario({{1}}, 4,
                          {"policy.kv_layout=" + layout, "platform.dram.channel_interleave=256 B"});
  };
  REQUIRE_THROWS_WITH(run(refuse("bank_rows")),
                      Catch::Contains("policy.kv_layout: bank_rows") &&
                          Catch::Contains("a row of a bank is not contiguous"));
  REQUIRE_THROWS_AS(run(refuse("head_split")), platform::UserError);
}

TEST_CASE("kv layout: auto falls back where the mapping does not allow more") {
  const platform::RunReport report =
      run(story_scenario({{1}}, 8, {kOnPim, "platform.dram.channel_interleave=256 B"}));
  Tokens expected = published_tokens();
  expected.resize(8);
  CHECK(answers(report)[0] == expected);
}

// The buffer holds the keys and values of 8 sequences, each of which lies in one of 32 channels: as
// soon as one has been read, the next takes turns with those that are under way.
TEST_CASE("kv layout: the NPU reads bank_rows from several channels at a time") {
  const platform::Scenario scenario =
      platform::load_scenario(TANDEM_SCENARIO_DIR "/published/neupims_system.yaml",
                              {"workload.batch.file=null", "workload.batch.size=64",
                               "workload.batch.context=500", "policy.placement.attention=npu",
                               "platform.npu.kv_buffer=16 MiB", "run.layers=1", "run.steps=1"});
  const platform::RunReport report = run(scenario);
  REQUIRE(report.complete);
  const double bytes = 64.0 * 501 * 2 * 8 * 128 * 2;
  const double seconds = static_cast<double>(report.simulated_time_ps) * 1e-12;
  constexpr double kChannelBytesPerSecond = 32e9;
  INFO(bytes / seconds * 1e-9 << " GB/s");
  CHECK(bytes / seconds > 4 * kChannelBytesPerSecond);
}

TEST_CASE("kv layout: the rows cover every pair of settings") {
  CHECK(uncovered_pairs(factors(), pairwise_rows(factors())) == 0);
}

}  // namespace tandem::test
