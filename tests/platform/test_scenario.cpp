// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "scenario_fixture.h"

using namespace tandem::platform;
using tandem::test::ScenarioFixture;

TEST_CASE_METHOD(ScenarioFixture, "the required keys are enough, the rest has defaults") {
  const Scenario scenario = load(minimal());
  CHECK(scenario.execution == Execution::kFunctional);
  CHECK(scenario.policy.name == PolicyName::kSelfSpeculative);
  CHECK(scenario.policy.draft.length == 4);
  CHECK(scenario.workload.sampling.greedy);
  CHECK(scenario.model.weights == folder.path() / "w.bin");
  REQUIRE(scenario.workload.prompts.size() == 1);
  CHECK(std::get<std::string>(scenario.workload.prompts[0]) == "Once");
}

TEST_CASE_METHOD(ScenarioFixture, "every kind of key is read") {
  const Scenario scenario = load(minimal(R"(
seed: 18446744073709551615
fidelity: {memory: transaction}
platform:
  dram: {device: ddr4_3200, channels: 2, capacity: 2 GiB, timing: {tRCDRD: 14 ns, tFAW: 40},
         mapping: ChRoRaBaCoBg}
  pim: {enabled: false, row_buffer: single, lanes: {bsfp_draft: 32}}
  npu: {clock: 800 MHz, array: {rows: 16, dataflow: os}, sequencer: serial}
  interconnect: {width: 16 B, arbitration: priority}
  address_map: {dram: 0x100000000}
policy:
  name: plain
  granularity: layer
  placement: {attention: npu, linear: auto}
  draft: {format: bsfp_e, group: 128, scale: pow2, length: 16, stop_below: 0.25,
          classifier: full, scope: row, kv: shared}
run: {baseline: none, timeline: off, max_simulated_time: 5 ms}
)"));
  CHECK(scenario.seed == 18446744073709551615ULL);
  CHECK(scenario.platform.dram.channels == 2);
  const DramConfig& dram = scenario.platform.dram;
  CHECK(dram.device.name == "ddr4_3200");
  CHECK(dram.device.path.filename() == "ddr4_3200.yaml");
  CHECK(dram.overrides.timing.get("tRCDRD")->ps(625) == 14'000);
  CHECK(dram.overrides.timing.get("tFAW")->ps(625) == 25'000);
  CHECK_FALSE(dram.overrides.timing.get("tRP").has_value());
  CHECK(dram.mapping == "ChRoRaBaCoBg");
  CHECK_FALSE(dram.channel_interleave_bytes.has_value());
  CHECK_FALSE(scenario.platform.pim.enabled);
  CHECK(scenario.platform.pim.row_buffer == RowBufferChoice::kSingle);
  CHECK(scenario.platform.pim.lanes.bsfp_draft == 32);
  CHECK(scenario.platform.npu.clock_hz == 800'000'000);
  CHECK(scenario.platform.npu.array.dataflow == Dataflow::kOutputStationary);
  CHECK(scenario.platform.npu.sequencer == SequencerMode::kSerial);
  CHECK(scenario.platform.address_map.dram == 0x1'0000'0000);
  CHECK(scenario.policy.name == PolicyName::kPlain);
  CHECK(scenario.policy.granularity == Granularity::kLayer);
  CHECK(scenario.policy.placement.linear == Engine::kAuto);
  CHECK(scenario.policy.draft.group == DraftGroup::k128);
  CHECK(scenario.policy.draft.stop_below == 0.25);
  CHECK(scenario.policy.draft.kv == DraftKv::kShared);
  CHECK(scenario.run.baseline == Baseline::kNone);
  CHECK_FALSE(scenario.run.timeline.enabled);
  CHECK(scenario.run.max_simulated_time_ps == 5'000'000'000);
}

TEST_CASE_METHOD(ScenarioFixture, "sampling is the word greedy or a map") {
  CHECK(load(minimal(), {"workload.sampling=greedy"}).workload.sampling.greedy);
  const Scenario sampled =
      load(minimal(), {"workload.sampling={temperature: 0.5, rule: standard}"});
  CHECK_FALSE(sampled.workload.sampling.greedy);
  CHECK(sampled.workload.sampling.temperature == 0.5);
  CHECK(sampled.workload.sampling.rule == SamplingRule::kStandard);
}

TEST_CASE_METHOD(ScenarioFixture, "prompts are texts and lists of token ids, mixed") {
  const Scenario scenario =
      load(minimal(), {R"(workload.prompts=["Zoo", [1, 403, 407], "", "12"])"});
  const auto& prompts = scenario.workload.prompts;
  REQUIRE(prompts.size() == 4);
  CHECK(std::get<std::string>(prompts[0]) == "Zoo");
  CHECK(std::get<std::vector<std::uint32_t>>(prompts[1]) ==
        std::vector<std::uint32_t>{1, 403, 407});
  CHECK(std::get<std::string>(prompts[2]).empty());
  CHECK(std::get<std::string>(prompts[3]) == "12");
}

TEST_CASE_METHOD(ScenarioFixture,
                 "file beats include, --set beats file, later --set beats earlier") {
  folder.write("base.yaml", "seed: 10\npolicy: {draft: {length: 2, stop_below: 0.5}}\n");
  const std::string text = minimal("include: base.yaml\npolicy: {draft: {length: 3}}\n");
  CHECK(load(text).seed == 10);
  CHECK(load(text).policy.draft.length == 3);
  CHECK(load(text).policy.draft.stop_below == 0.5);
  CHECK(load(text, {"policy.draft.length=4"}).policy.draft.length == 4);
  CHECK(load(text, {"policy.draft.length=4", "policy.draft={length: 5}"}).policy.draft.length == 5);
}

TEST_CASE_METHOD(ScenarioFixture, "null removes an inherited key, and with it a kind of workload") {
  folder.write("t.csv", "input_tokens,output_tokens\n3,4\n");
  folder.write(
      "base.yaml",
      "execution: timing\nmodel: {weights: w.bin, tokenizer: t.bin}\n"
      "workload: {batch: {size: 2, context: 8}, max_tokens: 7}\npolicy: {draft: {length: 2}}\n");
  const std::string base = "version: 1\ninclude: base.yaml\n";
  CHECK(load(base).workload.source() == WorkloadSource::kBatch);
  const Scenario included = load(
      base + "workload: {batch: ~, trace: {file: t.csv}, max_tokens: null}\npolicy: {draft: }\n");
  CHECK(included.workload.source() == WorkloadSource::kTrace);
  CHECK(included.workload.max_tokens == Scenario().workload.max_tokens);
  CHECK(included.policy.draft.length == Scenario().policy.draft.length);
  const Scenario overridden =
      load(base, {"workload.batch=null", "workload.prompts=[\"Once\"]", "workload.trace=~"});
  CHECK(overridden.workload.source() == WorkloadSource::kPrompts);
  CHECK(load(base, {"workload.max_tokens=null", "workload.max_tokens=9"}).workload.max_tokens == 9);
}

TEST_CASE_METHOD(ScenarioFixture, "what null cannot do is said") {
  CHECK(error_of(minimal(), {"workload.genrate=null"})
            .find("workload.genrate: unknown key; did you mean 'generate'?") != std::string::npos);
  CHECK(error_of(minimal(), {"model=null"}).find("model: expected weights") != std::string::npos);
  CHECK(error_of(minimal(), {"version=~"}) == "--set version=~: version: this key is required");
  CHECK(error_of(minimal(), {"workload.prompts=null"}).find("workload") != std::string::npos);
  CHECK(error_of(minimal(), {"seed="}) ==
        "--set seed=: expected a value after '='\nnull removes a key");
  CHECK(error_of(minimal("seed: ~")) ==
        "s.yaml:4:7: seed: expected an integer "
        "0..18446744073709551615, got nothing");
}

TEST_CASE_METHOD(ScenarioFixture, "a word for the processor changes its form and nothing else") {
  const std::string file = minimal("platform: {cpu: {hal_call: 7 ns, command_timeout: 5 ms}}");
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{"platform.cpu=riscv"},
        std::vector<std::string>{"platform.cpu={riscv: {}}"},
        std::vector<std::string>{"platform.cpu=riscv", "platform.cpu.riscv.clock=2 GHz"}}) {
    const CpuConfig cpu = load(file, overrides).platform.cpu;
    CHECK(cpu.form == CpuForm::kRiscv);
    CHECK(cpu.command_timeout_ps == 5'000'000'000);
    CHECK(cpu.hal_call_ps == 7'000);
  }
  const CpuConfig back = load(file, {"platform.cpu=riscv", "platform.cpu=native"}).platform.cpu;
  CHECK(back.form == CpuForm::kNative);
  CHECK(back.hal_call_ps == 7'000);
  const CpuConfig word =
      load(minimal("platform: {cpu: riscv}"), {"platform.cpu.hal_call=7 ns"}).platform.cpu;
  CHECK(word.form == CpuForm::kRiscv);
  CHECK(word.hal_call_ps == 7'000);
}

TEST_CASE_METHOD(ScenarioFixture, "a word for fidelity stays beneath keys that come later") {
  const auto fidelity = [&](std::vector<std::string> overrides) {
    return load(minimal("platform: {pim: {enabled: true}}"), overrides).fidelity;
  };
  const Fidelity both = fidelity({"fidelity=command", "fidelity.transfers=bursts"});
  CHECK(both.memory == FidelityLevel::kCommand);
  CHECK(both.pim == FidelityLevel::kCommand);
  CHECK(both.transfers == Transfers::kBursts);
  CHECK(fidelity({"fidelity=command", "fidelity=null", "fidelity.transfers=bursts"}).memory ==
        FidelityLevel::kTransaction);
  CHECK(fidelity({"fidelity.transfers=bursts", "fidelity=command"}).transfers == Transfers::kBulk);
  folder.write("base.yaml", "fidelity: command\n");
  CHECK(load(minimal("include: base.yaml\nfidelity: {transfers: bursts}\n")).fidelity.memory ==
        FidelityLevel::kCommand);
}

TEST_CASE_METHOD(ScenarioFixture,
                 "paths start at the file they are written in, or where one works") {
  folder.write("models/m.yaml", "weights: w2.bin\ntokenizer: t2.bin\n");
  folder.write("models/w2.bin", "w");
  folder.write("models/t2.bin", "t");
  const std::string text =
      "version: 1\nmodel: {include: models/m.yaml}\nworkload: {prompts: [\"\"]}\n";
  CHECK(load(text).model.weights == folder.path() / "models/w2.bin");

  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const Scenario scenario = load(text, {"model.tokenizer=t.bin"});
  std::filesystem::current_path(here);
  CHECK(scenario.model.tokenizer == "t.bin");
}

TEST_CASE_METHOD(ScenarioFixture,
                 "an override can include a file, relative to the working directory") {
  const auto file = folder.write("elsewhere/hw.yaml", "npu: {vector_lanes: 3}\n");
  CHECK(load(minimal(), {"platform.include=" + file.string()}).platform.npu.vector_lanes == 3);
}

TEST_CASE("a clock period is the nearest picosecond and never zero") {
  CHECK(clock_period_ps(1'000'000'000) == 1000);
  CHECK(clock_period_ps(1'500'000'000) == 667);
  CHECK(clock_period_ps(3) == 333'333'333'333);
  CHECK(clock_period_ps(5'000'000'000'000) == 1);
  CHECK(clock_period_ps(18446744073709551615ULL) >= 1);
}

TEST_CASE("the scenarios that come with the project are valid") {
  int scenarios = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TANDEM_SCENARIO_DIR)) {
    if (entry.path().extension() != ".yaml") continue;
    ++scenarios;
    CAPTURE(entry.path().string());
    CHECK_NOTHROW(load_scenario(entry.path()));
  }
  CHECK(scenarios >= 2);
}

TEST_CASE_METHOD(ScenarioFixture, "sub-batches that can never be are warned of") {
  const auto warned = [this](const std::string& workload, const std::string& policy) {
    const Scenario scenario =
        load("version: 1\nmodel: {weights: w.bin, tokenizer: t.bin}\nworkload: {" + workload +
             "}\npolicy: {sub_batches: 2, " + policy + "}\n");
    return scenario.warnings.empty() ? std::string() : scenario.warnings.back();
  };
  CHECK(warned("prompts: [[1]]", "max_batch: 300") ==
        "policy.sub_batches: 2 has no effect: at most 1 sequence is in work, and there are two "
        "parts from 256 on (policy.sub_batch_min)");
  const std::string drawn = "generate: {requests: 30}";
  CHECK(warned(drawn, "sub_batch_min: 8, max_batch: 8").empty());
  CHECK(warned(drawn, "sub_batch_min: 8, max_batch: 7").find("at most 7 sequences are in work") !=
        std::string::npos);
}
