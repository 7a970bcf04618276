// SPDX-License-Identifier: Apache-2.0
// platform.devices: what several devices can share.
#include <catch2/catch.hpp>

#include "scenario_fixture.h"
#include "tandem/platform/scenario_loader.h"

using namespace tandem;
using Catch::Contains;
using tandem::test::ScenarioFixture;

namespace {

std::string shared(const std::string& devices, const std::string& shape = "",
                   const std::string& execution = "timing") {
  return "version: 1\nexecution: " + execution +
         "\nmodel: {shape: {layers: 1, hidden: 64, heads: 8, ffn: 128, vocabulary: 100, "
         "max_positions: 64" +
         shape + "}}\nworkload: {prompts: [[1]]}\nplatform: {devices: {" + devices + "}}\n";
}

const std::string kLink = ", link: {bandwidth: 32 GB/s, latency: 500 ns}";

}  // namespace

TEST_CASE("devices and their link are read") {
  const ScenarioFixture f;
  const platform::DevicesConfig devices =
      f.load(shared("count: 4, link: {bandwidth: 32 GB/s, latency: 500 ns, topology: switch, "
                    "energy: 1.3 pJ/bit}"))
          .platform.devices;
  CHECK(devices.count == 4);
  CHECK(devices.link.bandwidth_bytes_per_s == 32'000'000'000);
  CHECK(devices.link.latency_ps == 500'000);
  CHECK(devices.link.topology == platform::LinkTopology::kSwitch);
  CHECK(devices.link.energy_fj_per_bit == 1300u);
}

TEST_CASE("without the section there is one device, and the effective configuration has none") {
  const ScenarioFixture f;
  const platform::Scenario scenario = f.load(ScenarioFixture::minimal());
  CHECK(scenario.platform.devices.count == 1);
  CHECK(!platform::effective_configuration(scenario)["platform"].contains("devices"));
}

TEST_CASE("what devices cannot share is refused with its line") {
  const ScenarioFixture f;
  CHECK(f.error_of(shared("count: 4" + kLink)).empty());
  CHECK(f.error_of(shared("count: 4" + kLink, ", kv_heads: 2")).empty());
  CHECK_THAT(f.error_of(shared("count: 3" + kLink)),
             Contains("s.yaml:5:") &&
                 Contains("platform.devices.count: 3 devices cannot share 8 heads evenly"));
  CHECK_THAT(f.error_of(shared("count: 4" + kLink, ", experts: 4, top_k: 2, expert_ffn: 30")),
             Contains("a feed-forward width of 30 evenly"));
  CHECK_THAT(f.error_of(shared("count: 4" + kLink, "", "functional")),
             Contains("execution: timing"));
  CHECK_THAT(f.error_of(shared("count: 4")), Contains("platform.devices.link.bandwidth"));
  CHECK_THAT(f.error_of(shared("count: 4, link: {bandwidth: 1 kB/s, latency: 0 ns}")),
             Contains("at least 1 MB/s"));
  CHECK_THAT(f.error_of(shared("count: 0" + kLink)), Contains("1..1024"));
  CHECK_THAT(f.error_of(shared("count: 4, links: 2" + kLink)), Contains("links"));
}
