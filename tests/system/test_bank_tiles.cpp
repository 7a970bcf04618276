// SPDX-License-Identifier: Apache-2.0
// Matrices in tiles for the banks: the same tokens wherever they are multiplied, the rows of the
// memory opened once, and a clear refusal where tiles are not possible.
#include <catch2/catch.hpp>

#include "lossless_rows.h"
#include "tandem/platform/errors.h"

namespace tandem::test {
namespace {

constexpr std::size_t kPrompts = 4;
constexpr std::uint32_t kMaxTokens = 12;

// Rows of 256 bytes, so that the matrices of 172 columns have two slices, the second one padded.
const std::vector<std::string> kTiles = {"platform.dram.geometry.row=256 B",
                                         "platform.dram.channel_interleave=256 B",
                                         "policy.placement.weight_layout=bank_tiles"};

std::vector<std::string> with(std::vector<std::string> settings) {
  settings.insert(settings.begin(), kTiles.begin(), kTiles.end());
  return settings;
}

std::vector<Factor> factors() {
  return {{"policy.placement.linear", {"pim", "npu", "auto"}},
          {"policy.draft.format", {"bsfp_i", "bsfp_e", "int4", "e2m1", "e3m0"}},
          {"policy.draft.group", {"tensor", "128", "row"}},
          {"policy.draft.classifier", {"plane", "full"}},
          {"policy.name", {"self_speculative", "plain"}},
          {"platform.dram.channels", {"2", "1", "4"}},
          {"platform.pim.global_buffer_rows", {"1", "2"}},
          {"policy.granularity", {"step", "layer"}},
          {"policy.max_batch", {"8", "1"}},
          {"platform.npu.weight_buffer", {"256 KiB", "16 KiB"}},
          {"platform.npu.sequencer", {"overlapped", "serial"}},
          {"fidelity", {"transaction", "command"}}};
}

const LosslessRows kRows("bank tiles", with({}), factors(), kPrompts, kMaxTokens);

void refused(const std::vector<std::string>& settings, const std::string& reason) {
  std::vector<std::string> all = settings;
  all.push_back("policy.placement.weight_layout=bank_tiles");
  REQUIRE_THROWS_WITH(run(story_scenario({{1}}, 4, all)),
                      Catch::Contains("policy.placement.weight_layout") && Catch::Contains(reason));
}

}  // namespace

TEST_CASE("bank tiles: no PIM, no tiles") {
  refused({"platform.pim.enabled=false"}, "platform.pim.enabled is false");
}

TEST_CASE("bank tiles: a mapping that does not allow them is refused with the reason") {
  refused({"platform.dram.geometry.row=1 KiB", "platform.dram.channel_interleave=256 B"},
          "a row of a bank is not contiguous");
  refused({"platform.dram.geometry.row=1 KiB", "platform.dram.channel_interleave=1 KiB",
           "platform.dram.mapping=ChRoRaBgBaCo", "platform.dram.channels=2"},
          "the row is not above the channel");
}

TEST_CASE("bank tiles: HBM-PIM keeps its sums over rows, so it is refused") {
  refused({"platform.dram.geometry.row=1 KiB", "platform.dram.channel_interleave=1 KiB",
           "platform.pim.command_set=hbm_pim", "platform.pim.row_buffer=single"},
          "hbm_pim");
}

TEST_CASE("bank tiles: a row has to hold a chunk of 128 columns") {
  refused({"platform.dram.device=hbm3", "platform.dram.geometry.row=128 B",
           "platform.dram.mapping=RoRaBgBaChCo", "platform.dram.channel_interleave=128 B"},
          "a slice has at least 128 columns");
}

}  // namespace tandem::test
