// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "scenario_fixture.h"

using namespace tandem::platform;
using tandem::test::ScenarioFixture;

TEST_CASE_METHOD(ScenarioFixture, "a wrong type names file, line, column, key and expectation") {
  CHECK(error_of(minimal("policy:\n  draft:\n    length: four\n")) ==
        "s.yaml:6:13: policy.draft.length: expected an integer 1..16, got 'four'");
  CHECK(error_of(minimal("policy: {draft: {length: '4'}}")) ==
        "s.yaml:4:26: policy.draft.length: expected an integer 1..16, got the quoted text '4'");
  CHECK(error_of(minimal("policy: {draft: {length: [4]}}")) ==
        "s.yaml:4:26: policy.draft.length: expected an integer 1..16, got a list");
  CHECK(error_of(minimal("policy: {draft: {length: }}")) ==
        "s.yaml:4:26: policy.draft.length: expected an integer 1..16, got nothing");
  CHECK(error_of(minimal("policy: {draft: {length: 4.0}}")) ==
        "s.yaml:4:26: policy.draft.length: expected an integer 1..16, got '4.0'");
  CHECK(error_of(minimal("policy: {draft: {stop_below: low}}")) ==
        "s.yaml:4:30: policy.draft.stop_below: expected a number 0..1, got 'low'");
  CHECK(error_of(minimal("policy: {draft: {stop_below: .nan}}")) ==
        "s.yaml:4:30: policy.draft.stop_below: expected a number 0..1, got '.nan'");
  CHECK(error_of(minimal("platform: {pim: {enabled: maybe}}")) ==
        "s.yaml:4:27: platform.pim.enabled: expected true or false, got 'maybe'");
  CHECK(error_of(minimal("policy: plain")) ==
        "s.yaml:4:9: policy: expected a map of keys to values, got 'plain'");
  CHECK(error_of(minimal("run: [1]")) ==
        "s.yaml:4:6: run: expected a map of keys to values, got a list");
}

TEST_CASE_METHOD(ScenarioFixture, "of several mistakes the one that stands first is reported") {
  CHECK(error_of(minimal("run: {baselin: plain}\npolicy: {draft: {length: 99}}\nseed: x\n"))
            .find("s.yaml:4:7: run.baselin: unknown key") == 0);
  CHECK(error_of(minimal("policy: {draft: {length: 99, group: no}}\nseed: x\n"))
            .find("s.yaml:4:26: policy.draft.length") == 0);
  CHECK(error_of(minimal("policy: [1]\nfidelity: no\n")).find("s.yaml:4:9: policy: ") == 0);
}

TEST_CASE_METHOD(ScenarioFixture, "values out of range are refused with the range") {
  CHECK(error_of(minimal(), {"policy.draft.length=99"}) ==
        "--set policy.draft.length=99: policy.draft.length: expected an integer 1..16, got '99'");
  CHECK(error_of(minimal(), {"policy.draft.length=0"}).find("1..16, got '0'") != std::string::npos);
  CHECK(error_of(minimal(), {"policy.draft.stop_below=1.5"}).find("0..1, got '1.5'") !=
        std::string::npos);
  CHECK(error_of(minimal(), {"seed=18446744073709551616"}).find("seed: expected an integer") !=
        std::string::npos);
  CHECK(error_of("version: 2\n") == "s.yaml:1:10: version: expected 1, got '2'");
  CHECK(error_of(minimal(), {"workload.sampling.temperature=0"})
            .find("expected a number 0.001..100, got '0'") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "unknown keys are refused with the one that was meant") {
  CHECK(error_of(minimal("policy: {draft: {lenght: 4}}")) ==
        "s.yaml:4:18: policy.draft.lenght: unknown key; did you mean 'length'?\n"
        "known here: format, group, scale, length, stop_below, classifier, scope, kv, ahead, "
        "control or pre_verify");
  CHECK(error_of(minimal("polcy: {}")).find("polcy: unknown key; did you mean 'policy'?") !=
        std::string::npos);
  CHECK(error_of(minimal("policy: {xyzzy: 1}")).find("policy.xyzzy: unknown key\n") !=
        std::string::npos);
  // The misspelled key is to blame, not the one that is missing because of it.
  CHECK(error_of("version: 1\nmodel: {wieghts: w.bin, tokenizer: t.bin}\n")
            .find("model.wieghts: unknown key; did you mean 'weights'?") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "missing keys are named") {
  CHECK(error_of("version: 1\nmodel: {weights: w.bin}\nworkload: {prompts: [\"\"]}\n") ==
        "s.yaml:2:8: model.tokenizer: this key is required");
  CHECK(error_of("seed: 1\n") == "s.yaml:1:1: version: this key is required");
  CHECK(error_of("version: 1\nmodel: {weights: w.bin, tokenizer: t.bin}\n") ==
        "s.yaml:1:1: workload: expected one of prompts, trace, generate and batch, got none");
  CHECK(error_of(minimal(), {"workload.sampling={rule: coupled}"})
            .find("workload.sampling.temperature: this key is required") != std::string::npos);
  CHECK(error_of("") == "s.yaml:1:1: the scenario is empty");
  CHECK(error_of("# nothing\n") == "s.yaml:1:1: the scenario is empty");
  CHECK(error_of("- a\n").find("s.yaml:1:1: expected a map") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "unknown words are refused with those there are") {
  CHECK(error_of(minimal("policy: {draft: {format: bsfp_j}}")) ==
        "s.yaml:4:26: policy.draft.format: expected bsfp_e, bsfp_i, bsfp_i_shift_add, int4, e2m1 "
        "or e3m0, got 'bsfp_j'\ndid you mean 'bsfp_e'?");
  CHECK(error_of(minimal("policy: {draft: {group: 64}}")) ==
        "s.yaml:4:25: policy.draft.group: expected 128, row or tensor, got '64'");
  CHECK(error_of(minimal("workload2: 1")).find("did you mean 'workload'?") != std::string::npos);
  CHECK(error_of(minimal(), {"workload.sampling=hot"}) ==
        "--set workload.sampling=hot: workload.sampling: expected greedy or a map, got 'hot'");
}

TEST_CASE_METHOD(ScenarioFixture, "memory and PIM have one fidelity, because they share banks") {
  CHECK(
      error_of(minimal("fidelity: {pim: command}"))
          .find(
              "s.yaml:4:17: fidelity.pim: expected that of the memory, transaction, got command") ==
      0);
  CHECK_NOTHROW(load(minimal("fidelity: command")));
  CHECK_NOTHROW(load(minimal("fidelity: {memory: command}\nplatform: {pim: {enabled: false}}")));
}

TEST_CASE_METHOD(ScenarioFixture, "layers stand for others only where that is simulated") {
  const auto refused = [&](const std::string& rest) {
    return error_of(minimal("fidelity: {layers: replay}\n" + rest));
  };
  CHECK(refused("").find("s.yaml:4:20: fidelity.layers: replay needs execution: timing") == 0);
  CHECK(refused("execution: timing\n")
            .find("s.yaml:4:20: fidelity.layers: replay needs run.timeline: off") == 0);
  CHECK(refused("execution: timing\npolicy: {sub_batches: 2}\n")
            .find("s.yaml:4:20: fidelity.layers: replay needs policy.sub_batches: 1") == 0);
  CHECK(error_of(minimal("fidelity: {memory: command, pim: command, layers: replay}\n"
                         "execution: timing\nrun: {timeline: off}"))
            .find("s.yaml:4:51: fidelity.layers: replay needs fidelity.memory: transaction") == 0);
  CHECK(error_of(minimal("fidelity: {layers: replay, replay_layers: 3}"))
            .find("s.yaml:4:43: fidelity.replay_layers: expected an integer 4..4096") == 0);
}

TEST_CASE_METHOD(ScenarioFixture, "drafting ahead needs what it works with") {
  const auto refusal = [&](std::vector<std::string> settings) {
    settings.push_back("policy.draft.ahead=4");
    return error_of(minimal(), settings);
  };
  CHECK(refusal({}).empty());
  CHECK(refusal({"policy.draft.length=13"}).find("17 tokens, expected at most 16") !=
        std::string::npos);
  CHECK(refusal({"policy.draft.kv=shared"}).find("needs policy.draft.kv: own") !=
        std::string::npos);
  CHECK(refusal({"policy.sub_batches=2"}).find("needs policy.sub_batches: 1") != std::string::npos);
  CHECK(refusal({"policy.granularity=layer"}).find("needs policy.granularity: step") !=
        std::string::npos);
  CHECK(refusal({"workload.sampling={temperature: 1.0, rule: standard}"}).find("rule: coupled") !=
        std::string::npos);
  CHECK(refusal({"workload.sampling={temperature: 1.0, rule: coupled}"}).empty());
  CHECK(refusal({"execution=timing", "fidelity.layers=replay", "run.timeline=off"})
            .find("replay needs policy.draft.ahead: 0") != std::string::npos);
  CHECK(error_of(minimal(), {"policy.draft.control=history"})
            .find("history needs policy.draft.ahead") != std::string::npos);
  // Of a policy that is not active.
  CHECK(refusal({"policy.name=plain", "policy.draft.length=13"}).empty());
}

TEST_CASE_METHOD(ScenarioFixture, "a warning says that a layout for the banks is of no use") {
  const auto warnings = [&](std::vector<std::string> overrides) {
    overrides.insert(overrides.end(),
                     {"platform.pim.enabled=true", "platform.dram.channel_interleave=1 KiB",
                      "platform.dram.geometry.row=1 KiB", "policy.name=self_speculative"});
    std::vector<std::string> found;
    for (const std::string& text : load(minimal(), overrides).warnings) {
      if (text.rfind("policy.kv_layout: ", 0) == 0) found.push_back(text);
    }
    return found;
  };
  const auto on_npu = warnings({"policy.kv_layout=bank_rows", "policy.placement.attention=npu"});
  REQUIRE(on_npu.size() == 1);
  CHECK_THAT(on_npu.front(),
             Catch::Contains("policy.kv_layout: bank_rows serves attention in the banks"));
  CHECK(warnings({"policy.kv_layout=head_split", "policy.placement.attention=npu"}).size() == 1);
  CHECK(warnings({"policy.kv_layout=bank_rows", "policy.placement.attention=pim"}).empty());
  CHECK(warnings({"policy.kv_layout=auto", "policy.placement.attention=npu"}).empty());
  CHECK(warnings({"policy.kv_layout=bank_rows", "policy.placement.attention=npu",
                  "policy.placement.draft_attention=pim"})
            .empty());
}

TEST_CASE_METHOD(ScenarioFixture, "the timing checker needs commands to look at") {
  CHECK(error_of(minimal("platform: {dram: {check_timing: true}}"))
            .find("s.yaml:4:33: platform.dram.check_timing: needs fidelity: command") == 0);
  CHECK_NOTHROW(load(minimal("fidelity: command\nplatform: {dram: {check_timing: true}}")));
}

TEST_CASE_METHOD(ScenarioFixture, "words of a later version are recognised and refused") {
  CHECK(error_of(minimal("sweep: {a: 1}")) ==
        "s.yaml:4:1: sweep: sweeps are not available yet; run one scenario per point");
}

TEST_CASE_METHOD(ScenarioFixture, "quantities need their units") {
  CHECK(error_of(minimal("platform: {npu: {clock: 1000}}")) ==
        "s.yaml:4:25: platform.npu.clock: expected a frequency such as '1 GHz', got '1000' "
        "without a unit");
  CHECK(
      error_of(minimal("platform: {npu: {clock: 1 ns}}")).find("its units are Hz, kHz, MHz, GHz") !=
      std::string::npos);
  CHECK(error_of(minimal("platform: {npu: {clock: 0 GHz}}"))
            .find("expected a frequency such as '1 GHz' above zero, got '0 GHz'") !=
        std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "prompts that could mean two things are refused") {
  CHECK(error_of(minimal(), {"workload.prompts=[12]"})
            .find("expected a list of quoted texts or lists of token ids, got '12'\nput a prompt "
                  "that is a number in quotes") != std::string::npos);
  CHECK(error_of(minimal(), {"workload.prompts=[[1, x]]"}).find("expected a token id, got 'x'") !=
        std::string::npos);
  CHECK(error_of(minimal(), {"workload.prompts=[[1, -1]]"}).find("expected a token id") !=
        std::string::npos);
  CHECK(error_of(minimal(), {"workload.prompts=[]"})
            .find("workload.prompts: the list of prompts must not be empty") != std::string::npos);
  CHECK(error_of(minimal(), {"workload.prompts=[[]]"})
            .find("workload.prompts: a list of token ids must not be empty") != std::string::npos);
  CHECK(error_of(minimal(), {"workload.prompts=hello"}).find("got 'hello'") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "model files must be there") {
  CHECK(error_of(minimal(), {"model.weights=/nowhere/w.bin"}) ==
        "--set model.weights=/nowhere/w.bin: model.weights: there is no file '/nowhere/w.bin'\n"
        "a path is relative to the working directory when it comes from --set");
  CHECK(error_of("version: 1\nmodel: {weights: /nowhere/w.bin, tokenizer: t.bin}\n"
                 "workload: {prompts: [a]}\n") ==
        "s.yaml:2:18: model.weights: there is no file '/nowhere/w.bin'\n"
        "a path is relative to the file that it is written in");
  CHECK(error_of(minimal(), {"model.weights=/"}).find("'/' is no file") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "hardware that cannot be built is refused") {
  CHECK(error_of(minimal("platform: {dram: {channels: 0}}")) ==
        "s.yaml:4:29: platform.dram.channels: expected an integer 1..256, got '0'");
  CHECK(error_of(minimal("platform:\n  npu: {weight_buffer: 1 KiB}\n"))
            .find("s.yaml:5:24: platform.npu.weight_buffer: 1 KiB cannot hold two tiles of FP16 "
                  "weights, which a 32 x 32 array (1 of them) needs: 4 KiB") == 0);
  // The default buffer is too small for this array: the section that is written takes the blame.
  CHECK(error_of(minimal("platform:\n  npu: {array: {rows: 1024, columns: 1024}}\n"))
            .find("s.yaml:5:8: platform.npu.weight_buffer: 256 KiB cannot hold") == 0);
  CHECK(error_of(minimal(), {"platform.npu.activation_buffer=64 B"})
            .find("cannot hold the inputs and outputs of one tile") != std::string::npos);
  CHECK(error_of(minimal(), {"platform.npu.dma.burst=96 B"})
            .find("expected a power of two, got 96 B") != std::string::npos);
  for (const std::string burst : {"32 B", "128 KiB"}) {
    CHECK(error_of(minimal(), {"platform.npu.dma.burst=" + burst})
              .find("expected 64 B..64 KiB, got " + burst) != std::string::npos);
  }
  CHECK(error_of(minimal(), {"platform.npu.dma.burst=64 B"}).empty());
  CHECK(error_of(minimal(), {"platform.npu.dma.burst=64 KiB"}).empty());
  CHECK(error_of(minimal(), {"platform.npu.dma.burst=64 KiB", "platform.npu.weight_buffer=64 KiB"})
            .find("64 KiB is more than half of the weight buffer, 32 KiB") != std::string::npos);
  CHECK(error_of(minimal(), {"platform.dram.channels=3"})
            .find("platform.dram.capacity: 1 GiB cannot be divided into 3 channels") !=
        std::string::npos);
  CHECK(error_of(minimal(), {"platform.dram.device=core_memory"})
            .find("platform.dram.device: there is no DRAM device 'core_memory'") !=
        std::string::npos);
  CHECK(error_of(minimal(), {"platform.dram.device=./core_memory.yaml"})
            .find("platform.dram.device: cannot read the device file 'core_memory.yaml'") !=
        std::string::npos);
  CHECK(error_of(minimal("platform: {dram: {mapping: RoRaBaCoBgBg}}")) ==
        "s.yaml:4:28: platform.dram.mapping: 'RoRaBaCoBgBg' has 'Bg' twice, so it is no bijection: "
        "it must hold each of Ro Ra Bg Ba Co Ch once, such as RoRaBaCoBgCh");
  folder.write("hashed.yaml", "include: " TANDEM_SCENARIO_DIR
                              "/hardware/devices/lpddr5_6400.yaml\nhash: {Ch: Ro14}\n");
  CHECK(error_of(minimal("platform: {dram: {device: hashed.yaml}}")).empty());
  CHECK(error_of(minimal("platform: {dram: {device: hashed.yaml, channels: 4}}")) ==
        "s.yaml:4:27: platform.dram.device: hash.Ch: needs bits 14..15 of the row, which has 15 "
        "bits");
  CHECK(error_of(minimal(), {"platform.dram.channel_interleave=4 KiB"})
            .find("platform.dram.channel_interleave: 4 KiB is more than a row, which is 2 KiB") !=
        std::string::npos);
  CHECK(error_of(minimal("platform: {dram: {timing: {tCCD_S: 30 ns}}}"))
            .find("s.yaml:4:27: platform.dram.timing.tCCD_L: 5000 ps is less than tCCD_S, which "
                  "is 30000 ps") == 0);
  CHECK(error_of(minimal("platform: {dram: {geometry: {banks_per_group: 3}}}")) ==
        "s.yaml:4:47: platform.dram.geometry.banks_per_group: 3 is not a power of two");
  CHECK(error_of(minimal("platform: {dram: {timing: {tRCDRD: 0}}}"))
            .find("s.yaml:4:36: platform.dram.timing.tRCDRD: is 0, must be given") == 0);
  CHECK(error_of(minimal(), {"platform.interconnect.width=48 B"}).find("power of two") !=
        std::string::npos);
  CHECK(error_of(minimal(), {"run.timeline={begin: 2 us, end: 1 us}"})
            .find("run.timeline.end: the window ends before it begins") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "overlapping and misaligned addresses are refused") {
  CHECK(error_of(minimal("platform:\n  address_map: {uart: 0x10001000}\n")) ==
        "s.yaml:5:23: platform.address_map.uart: 0x10001000 overlaps 'sram', which is "
        "0x10000000..0x103fffff");
  CHECK(error_of(minimal(), {"platform.sram.size=2 GiB"})
            .find("platform.address_map.dram: 0x80000000 overlaps 'sram', which is "
                  "0x10000000..0x8fffffff") != std::string::npos);
  CHECK(error_of(minimal(), {"platform.address_map.npu=0x2100010"})
            .find("expected a multiple of 4 KiB, got 0x2100010") != std::string::npos);
  CHECK(error_of(minimal(), {"platform.address_map.dram=0xfffffffffffff000"})
            .find("beyond the 64-bit address space") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "a policy that the hardware cannot run is refused") {
  CHECK(error_of(minimal(), {"platform.pim.enabled=false", "policy.placement.attention=pim"})
            .find("policy.placement.attention: pim, but platform.pim.enabled is false") !=
        std::string::npos);
  CHECK(error_of(minimal(), {"platform.pim.enabled=false", "policy.placement.linear=pim"})
            .find("policy.placement.linear: pim, but") != std::string::npos);
  for (const std::string layout : {"bank_rows", "head_split"}) {
    CHECK(error_of(minimal(), {"platform.pim.enabled=false", "policy.kv_layout=" + layout})
              .find("policy.kv_layout: " + layout + ", but platform.pim.enabled is false") !=
          std::string::npos);
  }
  CHECK(error_of(minimal(), {"platform.pim.enabled=false", "policy.kv_layout=contiguous"}).empty());
  CHECK(error_of(minimal(), {"platform.pim.enabled=false"}).empty());
}

TEST_CASE_METHOD(ScenarioFixture, "keys of a policy that is not active are allowed, and checked") {
  CHECK(error_of(minimal("policy: {name: plain, draft: {length: 8}}")).empty());
  CHECK(error_of(minimal("policy: {name: plain, draft: {length: 80}}")).find("1..16") !=
        std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "a batch is what the firmware takes") {
  CHECK(error_of(minimal(), {"policy.max_batch=512"}).empty());
  CHECK(
      error_of(minimal(), {"policy.max_batch=513"}).find("expected an integer 1..512, got '513'") !=
      std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "an included file that is missing is looked for where it says") {
  CHECK(error_of(minimal("platform: {include: nowhere.yaml}"))
            .find("\na path is relative to the file that it is written in") != std::string::npos);
  CHECK(error_of(minimal(), {"platform.include=nowhere.yaml"})
            .find("\na path is relative to the working directory") != std::string::npos);
}

TEST_CASE_METHOD(ScenarioFixture, "an error in an included file names that file") {
  const auto file = folder.write("hw/x.yaml", "npu:\n  clock: fast\n");
  CHECK(error_of(minimal("platform: {include: hw/x.yaml}")).find(file.string() + ":2:10: ") == 0);
}

TEST_CASE_METHOD(ScenarioFixture, "messages stay on one line and short, whatever the value") {
  const std::string error =
      error_of(minimal("policy: {name: \"a\\nb\\e\\x01" + std::string(500, 'x') + "\"}"));
  CHECK(error.find('\n') == std::string::npos);
  CHECK(error.find("a\\x0ab\\x1b\\x01xxx") != std::string::npos);
  CHECK(error.size() < 200);
}
