// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/platform/results.h"

namespace tandem::test {

// A report that is consistent in itself; the figures are made up.
inline platform::RunReport consistent_report() {
  platform::RunReport report;
  report.complete = true;
  report.simulated_time_ps = 1'000'000'000;
  report.prefill_time_ps = 100'000'000;
  report.decode_time_ps = 900'000'000;
  report.requests.push_back({{1, 403}, {407, 261, 2}, " upon a", 2, "eos"});
  report.requests.back().prompt_count = 2;
  report.requests.back().max_tokens = 8;
  report.tokens_per_s = 3333.25;
  report.tokens_per_s_end_to_end = 3000.0;
  report.tokens_per_round = 1.5;
  report.drafted_tokens = 8;
  report.accepted_tokens = 2;
  report.judged_tokens = 4;
  report.draft_pass = platform::PassBytes{1000, 30};
  report.verify_pass = {4000, 0};
  report.phases = {{"draft", 600'000'000}, {"verify", 400'000'000}};
  report.utilisations = {{"npu.matrix", 0.25, "busy"}, {"memory.channel0", 1.0, "data bus"}};
  report.energy = observe::PhaseLedger({"draft", "verify", "decode"});
  report.energy.read("memory", 0);
  report.energy.spend("read", 1.0, "data sheet");
  report.energy.read("memory", 1);
  report.energy.spend("read", 1.5, "data sheet");
  report.energy.read("npu", 1);
  report.energy.spend("mac", 2.5, "paper");
  {
    const observe::StatisticsGroup npu(report.statistics, "npu");
    report.statistics.value("cycles", std::uint64_t{42}, "1", "clock cycles");
    const observe::StatisticsGroup matrix(report.statistics, "matrix");
    report.statistics.value("busy", 0.25, "fraction", "share of time");
  }
  report.baseline = platform::BaselineResult{2'000'000'000, 1666.625, 8.0, true};
  return report;
}

}  // namespace tandem::test
