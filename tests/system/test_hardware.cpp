// SPDX-License-Identifier: Apache-2.0
// The hardware descriptions that come with Tandem can be built, each included by a small scenario.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../platform/temporary_folder.h"
#include "soc_config.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;

namespace {

platform::Scenario scenario_of(const std::filesystem::path& hardware) {
  return platform::load_scenario_text(
      "version: 1\n"
      "platform: {include: hardware/" +
          hardware.filename().string() +
          "}\n"
          "model: {weights: models/stories260K/stories260K.bin,\n"
          "        tokenizer: models/stories260K/tok512.bin}\n"
          "workload: {prompts: [\"Once\"]}\n",
      "small.yaml", TANDEM_SCENARIO_DIR);
}

}  // namespace

TEST_CASE("every hardware description can be built") {
  unsigned descriptions = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TANDEM_SCENARIO_DIR "/hardware")) {
    if (entry.path().extension() != ".yaml") continue;
    INFO(entry.path());
    const platform::Scenario scenario = scenario_of(entry.path());
    // IANUS has twice the rows per bank that the AiM simulator's device has.
    const bool larger = entry.path().filename() == "ianus.yaml";
    CHECK(scenario.warnings.size() == (larger ? 1 : 0));
    CHECK_NOTHROW(platform::stack_config(scenario.platform.dram));
    CHECK_NOTHROW(platform::sram_config(scenario.platform));
    CHECK_NOTHROW(platform::npu_config(scenario.platform));
    CHECK_NOTHROW(platform::pim_config(scenario.platform));
    ++descriptions;
  }
  CHECK(descriptions >= 7);
}

TEST_CASE("another command set spends its own energy in its own time") {
  platform::Scenario scenario = scenario_of("neupims.yaml");
  const pim::Config own = platform::pim_config(scenario.platform);
  REQUIRE(own.energy.commands.has_value());
  CHECK(own.banks.has_value());
  scenario.platform.pim.command_set = platform::PimCommandsChoice::kNewton;
  const pim::Config other = platform::pim_config(scenario.platform);
  CHECK_FALSE(other.energy.commands.has_value());
  CHECK_FALSE(other.banks.has_value());
  CHECK_FALSE(other.command_energy().with_macs);
}

TEST_CASE("what PIM refuses is named by the key of the scenario") {
  platform::Scenario scenario = scenario_of("ianus.yaml");
  scenario.platform.pim.row_buffer = platform::RowBufferChoice::kDual;
  CHECK_THROWS_WITH(platform::pim_config(scenario.platform),
                    Catch::StartsWith("platform.pim.row_buffer = dual: only"));
  CHECK_THROWS_AS(platform::pim_config(scenario.platform), platform::UserError);
}

TEST_CASE("the energy of a multiply-accumulate is the scenario's, the device's or assumed") {
  platform::Scenario attacc = scenario_of("attacc.yaml");
  const pim::Energy device = platform::pim_config(attacc.platform).energy;
  CHECK(device.fp16_mac_pj == Approx(0.32));
  CHECK(device.source.find("AttAcc simulator") == 0);
  attacc.platform.pim.mac_energy_fj = 640;
  const pim::Energy written = platform::pim_config(attacc.platform).energy;
  CHECK(written.fp16_mac_pj == Approx(0.64));
  CHECK(written.int8_mac_pj == Approx(0.32));
  CHECK(written.source == "given by the scenario");
  platform::Scenario neupims = scenario_of("neupims.yaml");
  neupims.platform.pim.mac_energy_fj = 640;
  CHECK_THROWS_WITH(platform::pim_config(neupims.platform),
                    Catch::Contains("platform.pim.mac_energy: the energy of these PIM commands "
                                    "contains the multiply-accumulates"));
}

TEST_CASE("a hashed mapping has no bank rows to lay a KV cache out in") {
  platform::Scenario scenario = scenario_of("neupims.yaml");
  scenario.platform.dram.channel_interleave_bytes = 1'024;  // a row
  scenario.policy.kv_layout = platform::KvLayoutChoice::kBankRows;
  CHECK_NOTHROW(platform::check_kv_layout(scenario));

  const test::TemporaryFolder folder;
  std::ifstream plain(TANDEM_SCENARIO_DIR "/hardware/devices/hbm2_neupims.yaml");
  std::ostringstream text;
  text << plain.rdbuf() << "hash: {Ba: Ro}\n";
  scenario.platform.dram.device = {{}, folder.write("hashed.yaml", text.str())};
  CHECK_THROWS_WITH(platform::check_kv_layout(scenario),
                    Catch::Contains("policy.kv_layout: bank_rows cannot be had"));
}

TEST_CASE("the published set-ups have their published bandwidth and size") {
  const auto stack = [](const char* name) {
    return platform::stack_config(scenario_of(name).platform.dram);
  };
  CHECK(stack("neupims.yaml").peak_bytes_per_s() == Approx(1.024e12));
  CHECK(stack("neupims.yaml").size_bytes() == std::uint64_t{32} << 30);
  CHECK(stack("ianus.yaml").peak_bytes_per_s() == Approx(256e9));
  CHECK(stack("attacc.yaml").peak_bytes_per_s() == Approx(665.6e9).epsilon(0.001));
  CHECK(stack("hbm_pim.yaml").peak_bytes_per_s() == Approx(256e9));
  CHECK(stack("cent.yaml").peak_bytes_per_s() == Approx(1.024e12));
}
