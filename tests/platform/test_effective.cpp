// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <sstream>

#include "scenario_fixture.h"

using namespace tandem::platform;
using tandem::test::ScenarioFixture;

namespace {

const std::vector<std::vector<std::string>> kVariants = {
    {},
    {"workload.sampling={temperature: 0.1, rule: standard}", "seed=18446744073709551615"},
    {"workload.prompts=[\"a: b #c\\n\\\"q\\\"\", [1, 2], \"\", \"12\", \"null\", \"- x\", "
     "\"\u00e9\U0001F600\"]"},
    {"policy={name: plain, draft: {format: int4, group: 128, stop_below: 0.3333333333333333}}"},
    {"platform.dram={timing: {tRCDRD: 14.5 ns, tWR: 30}, mapping: RoRaBgBaChCo, energy: {read: "
     "1.234 pJ/bit}}"},
    {"platform.npu.clock=1.234567891 GHz", "run.timeline=off", "fidelity=transaction"},
};

}  // namespace

TEST_CASE_METHOD(ScenarioFixture, "the effective configuration loads as the same configuration") {
  for (const auto& overrides : kVariants) {
    const auto configuration = effective_configuration(load(minimal(), overrides));
    CAPTURE(configuration.dump(2));
    CHECK(effective_configuration(load(to_yaml(configuration))) == configuration);
    CHECK(effective_configuration(load(configuration.dump())) == configuration);
  }
}

TEST_CASE_METHOD(ScenarioFixture, "it holds every key with units written") {
  const auto configuration = effective_configuration(load(minimal()));
  CHECK(configuration["platform"]["npu"]["clock"] == "1 GHz");
  CHECK(configuration["platform"]["address_map"]["dram"] == "0x80000000");
  CHECK(configuration["policy"]["draft"]["length"] == 4);
  CHECK(configuration["workload"]["sampling"] == "greedy");
  // The requests come from one source; the others are in configurations of their own.
  folder.write("t.csv", "input_tokens,output_tokens\n1,1\n");
  const std::string head = "version: 1\nmodel: {weights: w.bin, tokenizer: t.bin}\nworkload: ";
  const auto trace = effective_configuration(load(head + "{trace: {file: t.csv}}"));
  const auto generate = effective_configuration(load(head + "{generate: {requests: 3}}"));
  const auto faulty = effective_configuration(
      load(minimal() + "faults: {list: [{kind: uart_overrun}], random: {}}\n"));
  const auto riscv = effective_configuration(load(minimal("platform: {cpu: {riscv: {}}}")));
  CHECK(riscv["platform"]["cpu"]["form"] == "riscv");  // the section implies it
  // Every key of the table is there, but for reserved ones, a device's own values and nothings.
  std::ostringstream table;
  print_key_table(table);
  std::istringstream lines(table.str());
  std::string line;
  int keys = 0;
  while (std::getline(lines, line)) {
    if (line.rfind("| `", 0) != 0 || line.find("| reserved |") != std::string::npos ||
        line.find("| the device's |") != std::string::npos ||
        line.find("| none |") != std::string::npos) {
      continue;
    }
    std::string path = "/" + line.substr(3, line.find('`', 3) - 3);
    for (char& c : path) c = c == '.' ? '/' : c;
    if (path.rfind("/workload/sampling/", 0) == 0) continue;  // greedy has none
    // What the other ways to give a model need.
    const bool of_model = path.rfind("/model/", 0) == 0;
    if (of_model && path != "/model/weights" && path != "/model/tokenizer") continue;
    if (path.rfind("/workload/batch/", 0) == 0) continue;    // execution timing only
    if (path.rfind("/platform/devices/", 0) == 0) continue;  // likewise
    if (path.rfind("/run/reset/", 0) == 0) continue;         // may be left out
    if (const auto item = path.find("[]"); item != std::string::npos) path.replace(item, 2, "/0");
    CAPTURE(path);
    const bool of_trace = path.rfind("/workload/trace/", 0) == 0;
    const bool of_generate = path.rfind("/workload/generate/", 0) == 0;
    const bool of_faults = path.rfind("/faults/", 0) == 0;
    const bool of_riscv = path.rfind("/platform/cpu/riscv/", 0) == 0;
    const auto& holder = of_trace      ? trace
                         : of_riscv    ? riscv
                         : of_generate ? generate
                         : of_faults   ? faulty
                                       : configuration;
    CHECK(holder.contains(nlohmann::ordered_json::json_pointer(path)));
    ++keys;
  }
  CHECK(keys > 60);
}

TEST_CASE_METHOD(ScenarioFixture, "it changes with every key that changes") {
  const auto plain = effective_configuration(load(minimal()));
  for (std::size_t i = 1; i < kVariants.size(); ++i) {
    CHECK(effective_configuration(load(minimal(), kVariants[i])) != plain);
  }
}

TEST_CASE_METHOD(ScenarioFixture, "it does not depend on the folder that the scenario lies in") {
  const ScenarioFixture elsewhere;
  CHECK(effective_configuration(load(minimal())) ==
        effective_configuration(elsewhere.load(minimal())));
}

TEST_CASE("the documented table of keys is the current one") {
  std::ostringstream table;
  print_key_table(table);
  const std::string readme = tandem::test::read_whole(TANDEM_PLATFORM_README);
  INFO("run `tandem list keys` and put its output into platform/README.md");
  CHECK(readme.find(table.str()) != std::string::npos);
}
