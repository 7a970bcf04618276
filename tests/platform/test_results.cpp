// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <functional>
#include <limits>
#include <sstream>

#include "report_fixture.h"
#include "tandem/platform/errors.h"

using namespace tandem::platform;
using tandem::test::consistent_report;

namespace {

// What check_physics says after one change to a consistent report.
std::string verdict(const std::function<void(Scenario&, RunReport&)>& change) {
  Scenario scenario;
  RunReport report = consistent_report();
  change(scenario, report);
  try {
    check_physics(scenario, report);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "consistent";
}

}  // namespace

TEST_CASE("result.json has the fields that others rely on") {
  Scenario scenario;
  scenario.seed = 7;
  const auto json = result_json(scenario, consistent_report(), {1.25});
  CHECK(json["complete"] == true);
  CHECK(json["seed"] == 7);
  CHECK(json["versions"].contains("tandem"));
  CHECK(json["scenario"]["policy"]["draft"]["length"] == 4);
  CHECK(json["simulated_time_ps"] == 1'000'000'000);
  REQUIRE(json["requests"].size() == 1);
  CHECK(json["requests"][0]["prompt_tokens"] == std::vector<int>{1, 403});
  CHECK(json["requests"][0]["tokens"] == std::vector<int>{407, 261, 2});
  CHECK(json["requests"][0]["text"] == " upon a");
  CHECK(json["requests"][0]["rounds"] == 2);
  CHECK(json["requests"][0]["status"] == "eos");
  const auto& summary = json["summary"];
  CHECK(summary["tokens_per_s"] == 3333.25);
  CHECK(summary["tokens_per_round"] == 1.5);
  CHECK(summary["acceptance"] == 0.25);
  CHECK(summary["conditional_acceptance"] == 0.5);
  CHECK(summary["speedup_vs_plain"] == 2.0);
  CHECK(summary["weight_bytes_per_draft_pass"] == 1000);
  CHECK(summary["weight_bytes_per_verify_pass"] == 4000);
  CHECK(summary["energy_pj"] == 4.0);
  CHECK(summary["energy_by_phase_pj"]["draft"] == 1.0);
  CHECK(summary["energy_by_phase_pj"]["verify"] == 3.0);
  CHECK(summary["energy_by_phase_pj"]["decode"] == 0.0);
  REQUIRE(json["energy"].size() == 2);
  CHECK(json["energy"][0].dump() ==
        R"({"component":"memory.read","energy_pj":1.5,"by_phase":)"
        R"({"draft":1.0,"verify":0.5,"decode":0.0},"source":"data sheet"})");
  CHECK(summary["phases"]["draft"]["share"] == 0.6);
  CHECK(json["statistics"]["npu"]["cycles"]["value"] == 42);
  CHECK(json["statistics"]["npu"]["cycles"]["unit"] == "1");
  CHECK(json["statistics"]["npu"]["matrix"]["busy"]["description"] == "share of time");
  CHECK(json["wall"]["seconds"] == 1.25);
}

TEST_CASE("a summary gathers many channels and tells what the banks use") {
  RunReport report = consistent_report();
  report.utilisations = {{"npu.matrix", 0.5, "busy"}};
  for (unsigned i = 0; i < 8; ++i) {
    report.utilisations.push_back(
        {"memory.channel" + std::to_string(i), 0.125 * i, "data bus occupied"});
  }
  Scenario scenario;
  scenario.platform.pim.enabled = true;
  scenario.platform.dram.device = {{}, TANDEM_SCENARIO_DIR "/hardware/devices/hbm2_neupims.yaml"};
  const std::string text = summary_text(scenario, report);
  CHECK(text.find("memory.channel3") == std::string::npos);
  for (const char* words :
       {"memory.channels, mean", "43.8 %", "8 channels: data bus", "memory.channels, least",
        "memory.channels, most", "memory.channel7", "commands: neupims, row buffer: dual"}) {
    CAPTURE(words, text);
    CHECK(text.find(words) != std::string::npos);
  }
  CHECK(text.find("not given by the device") == std::string::npos);
  report.energy = tandem::observe::PhaseLedger({"decode"});
  report.energy.read("memory", 0);
  report.energy.spend("read", 0.0, "not given");
  CHECK(summary_text(scenario, report).find("memory: energies not given by the device") !=
        std::string::npos);
  scenario.platform.pim.row_buffer = RowBufferChoice::kSingle;
  CHECK(summary_text(scenario, report).find("commands: neupims, row buffer: single") !=
        std::string::npos);
}

TEST_CASE("energy per token is that of all devices") {
  RunReport report = consistent_report();  // 4 pJ and 3 tokens, plainly 8 pJ
  CHECK(summary_text({}, report).find("1.33 pJ per token; plain decoding 8.00 pJ") !=
        std::string::npos);
  report.group = DeviceGroup{3, 100, 1000, 1e9};
  const std::string text = summary_text({}, report);
  CAPTURE(text);
  CHECK(text.find("12.00 pJ   4.00 pJ per token; plain decoding 24.00 pJ") != std::string::npos);
  CHECK(text.find("4.00 pJ   in the table") != std::string::npos);
  CHECK(result_json({}, report, {})["summary"]["devices"]["energy_pj"] == 12.0);
}

TEST_CASE("a summary says that a batch ran in parts") {
  Scenario scenario;
  scenario.workload.batch.present = true;
  RunReport report = consistent_report();
  report.serving.emplace();
  CHECK(summary_text(scenario, report).find("waited for KV pages") == std::string::npos);
  report.serving->answered = 16;
  report.serving->waited_for_pages = 7;
  report.serving->most_at_once = 9;
  CHECK(summary_text(scenario, report)
            .find("7   of 16 sequences; at most 9 were in work at once: the batch ran in parts") !=
        std::string::npos);
}

TEST_CASE("a summary says what was simulated") {
  Scenario scenario;
  scenario.execution = Execution::kTiming;
  scenario.model.preset = "llama-2-7b";
  scenario.model.weight_format = WeightFormat::kInt8;
  scenario.fidelity.layers = Layers::kReplay;
  scenario.oracle.acceptance = 0.976;
  scenario.workload.batch = {true, {}, 1, 3900};
  scenario.workload.max_tokens = 16;
  scenario.policy.placement.draft_linear = DraftEngine::kPim;
  scenario.policy.draft.ahead = 3;
  scenario.policy.draft.pre_verify = true;
  RunReport report = consistent_report();
  report.model = {6'738'415'616, 6'738'415'616, 32, 4096};
  const auto says = [&](const char* words) {
    const std::string text = summary_text(scenario, report);
    CAPTURE(words, text);
    CHECK(text.find(words) != std::string::npos);
  };
  says("llama-2-7b, 6.74 billion parameters in int8, 32 layers, 4096 positions");
  says("timing only: tensors are not computed\n");
  says("memory transaction, transfers bulk, 4 layers stand for 32\n");
  says("bernoulli, a draft behind no wrong one is right with probability 0.976 (assumed)");
  says("batch of 1 in the midst of decoding, context 3900, 16 new tokens each, greedy");
  says("attention auto, linear npu; of drafts: attention auto, linear pim; one command per step");
  says("2: drafts up to 3 tokens ahead of verification, control length, pre-verification");

  scenario.oracle.kind = OracleKind::kTable;
  scenario.oracle.file = "oracles/measured.csv";
  says("table measured.csv, method eagle, category ALL");
  scenario.workload.batch.present = false;
  scenario.workload.trace.present = true;
  scenario.workload.trace.file = "traces/azure.csv";
  says("trace azure.csv, 1 requests, arrivals as_given, greedy");
  scenario.policy.draft.ahead = 0;
  says("1 command in flight\n");
  scenario.policy.sub_batches = 2;
  says(
      "1 command in flight: 2 sub-batches from 256 sequences on (sub_batch_min), there are at most "
      "1");
  scenario.policy.name = PolicyName::kPlain;
  CHECK(summary_text(scenario, report).find("\n  oracle") == std::string::npos);
  scenario.execution = Execution::kFunctional;
  says("functional: tensors are computed\n");
}

TEST_CASE("what did not happen has no figure") {
  RunReport report = consistent_report();
  CHECK(summary_text({}, report).find("prefill 100.0 us, decode 900.0 us\n") != std::string::npos);
  report.prefill_time_ps = 0;
  CHECK(summary_text({}, report).find("1.00 ms   decode 900.0 us\n") != std::string::npos);
  report.decode_time_ps = 0;
  report.tokens_per_s = 0.0;  // answers of one token, which come from the prompt's pass
  const std::string text = summary_text({}, report);
  CHECK(text.find("1.00 ms\n") != std::string::npos);
  CHECK(text.find("-   nothing was decoded; end to end 3000.0\n") != std::string::npos);
  CHECK(result_json({}, report, {})["summary"]["tokens_per_s"].is_null());
}

TEST_CASE("only wall differs between two equal runs") {
  auto first = result_json({}, consistent_report(), {1.0});
  auto second = result_json({}, consistent_report(), {2.0});
  CHECK(first.dump() != second.dump());
  first.erase("wall");
  second.erase("wall");
  CHECK(first.dump() == second.dump());
}

TEST_CASE("what a plain run does not have is null") {
  RunReport report = consistent_report();
  report.drafted_tokens = report.accepted_tokens = report.judged_tokens = 0;
  report.draft_pass.reset();
  report.baseline.reset();
  const auto json = result_json({}, report, {});
  CHECK(json["summary"]["acceptance"].is_null());
  CHECK(json["summary"]["conditional_acceptance"].is_null());
  CHECK(json["summary"]["speedup_vs_plain"].is_null());
  CHECK(json["summary"]["weight_bytes_per_draft_pass"].is_null());
  CHECK(json["baseline"].is_null());
}

TEST_CASE("two statistics of one name are a defect") {
  RunReport report = consistent_report();
  report.statistics.value("npu.cycles", std::uint64_t{1}, "1", "again");
  CHECK_THROWS_WITH(result_json({}, report, {}), "two statistics named npu.cycles");
}

TEST_CASE("a report that contradicts itself or physics is a defect") {
  CHECK(verdict([](Scenario&, RunReport&) {}) == "consistent");
  CHECK(verdict([](Scenario&, RunReport& r) { r.phases[0].time_ps -= 1; }) ==
        "the phases take 999999999 ps, the run 1000000000 ps");
  CHECK(verdict([](Scenario&, RunReport& r) {
          r.stages = {{"draft", "all", 20, 20}, {"draft", "ffn", 10, 10, 3}};
        }) == "consistent");
  CHECK(verdict([](Scenario&, RunReport& r) {
          r.stages = {{"draft", "ffn", 10, 9, 11}};
        }) == "phase draft, stage ffn: array was at work for 11 of 10 ps");
  CHECK(verdict([](Scenario&, RunReport& r) { r.utilisations[1].fraction = 1.001; }) ==
        "the utilisation of memory.channel0 is 1.001, above its peak");
  CHECK(verdict([](Scenario&, RunReport& r) {
          r.utilisations[0].fraction = std::numeric_limits<double>::quiet_NaN();
        }) == "the run reports utilisation of npu.matrix = nan");
  CHECK(verdict([](Scenario&, RunReport& r) { r.energy.spend("x", -1.0, "y"); }) ==
        "the run reports energy of npu.x in phase verify = -1");
  CHECK(verdict([](Scenario&, RunReport& r) {
          r.energy.read("memory", 2);
          r.energy.spend("read", 1.25, "data sheet");  // less than before
        }) == "the run reports energy of memory.read in phase decode = -0.25");
  CHECK(verdict([](Scenario&, RunReport& r) { r.energy.spend("x", 1.0, ""); }) ==
        "the energy of npu.x has no source");
  CHECK(verdict([](Scenario&, RunReport& r) {
          r.timing_violations = "channel 0: RD bank 3 row 7 at cycle 812: tRCDRD\n";
        }) ==
        "the timing checker objects to DRAM commands. This is a defect of Tandem, not of the "
        "scenario. The first of them:\nchannel 0: RD bank 3 row 7 at cycle 812: tRCDRD\n");
  CHECK(verdict([](Scenario&, RunReport& r) { r.accepted_tokens = 9; }) ==
        "more tokens accepted than drafted: 9 of 8");
  CHECK(verdict([](Scenario&, RunReport& r) {
          r.tokens_per_s = std::numeric_limits<double>::infinity();
        }).find("tokens per second = inf") != std::string::npos);
}

TEST_CASE("losing the tokens of plain decoding is a defect unless the rule draws its own") {
  const auto differ = [](Scenario& scenario, RunReport& report) {
    report.baseline->same_tokens = false;
    scenario.workload.sampling.greedy = false;
  };
  CHECK(verdict([](Scenario&, RunReport& r) { r.baseline->same_tokens = false; }) ==
        "the tokens differ from those of plain decoding");
  CHECK(verdict([&](Scenario& s, RunReport& r) {
          differ(s, r);
          s.workload.sampling.rule = SamplingRule::kCoupled;
        }) == "the tokens differ from those of plain decoding");
  CHECK(verdict([&](Scenario& s, RunReport& r) {
          differ(s, r);
          s.workload.sampling.rule = SamplingRule::kStandard;
        }) == "consistent");
}

TEST_CASE("the summary says what an architect wants first") {
  const std::string text = summary_text({}, consistent_report());
  for (const char* expected :
       {"simulated time                     1.00 ms", "3333.2", "2.00 x", "25.0 %", "2 of 8",
        "draft                               60.0 %", "npu.matrix", "memory.channel0",
        "of which tables and scales 30 B", "4.00 pJ", "data sheet", "paper",
        "same tokens as plain                   yes", "eos"}) {
    CAPTURE(expected, text);
    CHECK(text.find(expected) != std::string::npos);
  }
  Scenario timing;
  timing.execution = Execution::kTiming;
  CHECK(summary_text(timing, consistent_report())
            .find("same tokens as plain                     -") != std::string::npos);
  RunReport stopped = consistent_report();
  stopped.complete = false;
  stopped.incomplete_reason = "request 0, error: Reset";
  CHECK(summary_text({}, stopped).find("(INCOMPLETE: request 0, error: Reset)") !=
        std::string::npos);
}

TEST_CASE("the summary condenses channels, also where PIM and memory take turns") {
  RunReport report = consistent_report();
  report.utilisations.clear();
  for (int i = 0; i < 8; ++i) {
    const std::string channel = "channel" + std::to_string(i);
    report.utilisations.push_back({"memory." + channel, 0.1 * i, "bytes"});
    report.utilisations.push_back({"pim." + channel, 0.5, "computing"});
  }
  const std::string text = summary_text({}, report);
  for (const char* expected : {"  memory.channels, mean               35.0 %",
                               "  memory.channels, least               0.0 %",
                               "  memory.channels, most               70.0 %",
                               "  pim.channels, mean                  50.0 %"}) {
    CAPTURE(expected, text);
    CHECK(text.find(expected) != std::string::npos);
  }
  CHECK(text.find("  memory.channel3") == std::string::npos);
}

TEST_CASE("the summary shows energy by component and phase, and each source once") {
  const std::string text = summary_text({}, consistent_report());
  for (const char* expected : {"  pJ            total   draft  verify\n"
                               "  memory.read     1.5     1.0     0.5\n"
                               "  npu.mac         2.5       -     2.5\n"
                               "  total           4.0     1.0     3.0\n"
                               "                       25.0 %  75.0 %\n",
                               "  memory.read:\n      data sheet\n  npu.mac:\n      paper\n"}) {
    CAPTURE(expected, text);
    CHECK(text.find(expected) != std::string::npos);
  }
}

TEST_CASE("the summary's energy has a unit that fits, and lines of at most 100 columns") {
  RunReport report = consistent_report();
  std::string source;
  for (int i = 0; i < 40; ++i) source += "word" + std::to_string(i) + " ";
  report.energy = tandem::observe::PhaseLedger(
      {"other", "prefill", "draft", "verify", "decode", "attention", "idle"});
  for (std::size_t phase = 0; phase < 7; ++phase) {
    report.energy.read("npu", phase);
    const double picojoules = 14'285.7e12 * static_cast<double>(phase + 1);  // 99,999.9 J in all
    report.energy.spend("pe_array.of_some_long_format", picojoules, source);
    report.energy.spend("buffers", 1.0 + static_cast<double>(phase), source);
  }
  const std::string text = summary_text({}, report);
  const std::size_t begin = text.find("\nEnergy\n"), end = text.find("\nRequests\n");
  std::istringstream energy(text.substr(begin, end - begin));
  for (std::string line; std::getline(energy, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 100);
  }
  CHECK(text.find("npu.pe_array.of_some_long_format 99999.9 14285.7 14285.7") != std::string::npos);
  CHECK(text.find("word39") == text.rfind("word39"));
}

TEST_CASE("a stage is bound by what is at work nearly all the time, if anything is") {
  CHECK(StageTime{"decode", "ffn", 100, 80, 40, 1, 0}.bound() == "memory");
  CHECK(StageTime{"decode", "ffn", 100, 90, 95, 1, 0}.bound() == "memory and array");
  CHECK(StageTime{"decode", "ffn", 100, 0, 0, 10, 99}.bound() == "PIM");
  CHECK(StageTime{"decode", "other", 100, 0, 0, 10, 0, 85}.bound() == "sampler");
  CHECK(StageTime{"decode", "ffn", 100, 79, 30, 10, 0}.bound() == "none");
  CHECK(StageTime{"decode", "ffn", 100, 20, 30, 0, 0}.bound() == "none");
  CHECK(StageTime{"decode", "ffn", 100, 19, 20, 10, 0}.bound() == "latency");
}

TEST_CASE("a summary says when nothing is near its limit, and when stages overlap") {
  RunReport report = consistent_report();
  report.stages = {{"decode", "all", 1000, 700, 300},
                   {"decode", "qkv", 600, 540, 0, 0, 0, 60},
                   {"decode", "ffn", 400, 160, 0}};
  const std::string text = summary_text({}, report);
  CAPTURE(text);
  CHECK(text.find("none above 80 %: memory 70.0 %, array 30.0 %\n") != std::string::npos);
  CHECK(text.find("memory: memory 90.0 %, sampler 10.0 %\n") != std::string::npos);
  CHECK(text.find("latency: memory 40.0 %\n") != std::string::npos);
  CHECK(text.find("side by side") == std::string::npos);
  report.stages[2].time_ps = 500;
  CHECK(summary_text({}, report).find("stages of decode: times overlap") != std::string::npos);
  report.stages[0].time_ps = report.simulated_time_ps + 1;
  CHECK(summary_text({}, report).find("  phases: times overlap") != std::string::npos);
}
