// SPDX-License-Identifier: Apache-2.0
// The hardware descriptions that come with Tandem can be built, each included by a small scenario.
#include <catch2/catch.hpp>
#include <filesystem>

#include "soc_config.h"
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
    CHECK(scenario.warnings.empty());
    CHECK_NOTHROW(platform::stack_config(scenario.platform.dram));
    CHECK_NOTHROW(platform::sram_config(scenario.platform));
    CHECK_NOTHROW(platform::npu_config(scenario.platform));
    CHECK_NOTHROW(platform::pim_config(scenario.platform));
    ++descriptions;
  }
  CHECK(descriptions >= 7);
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
