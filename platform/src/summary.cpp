// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "figure_text.h"
#include "setup_text.h"
#include "slice.h"
#include "summary_page.h"
#include "tandem/platform/names.h"
#include "tandem/platform/results.h"
#include "tandem/platform/units.h"

namespace tandem::platform {

using namespace summary;

namespace {

constexpr int kBarWidth = 30;
constexpr std::size_t kRequestsShown = 20;
constexpr std::size_t kChannelsShown = 4;  // one by one

std::string bar(double fraction) {
  const double limited = std::fmin(std::fmax(fraction, 0.0), 1.0);
  const auto full = static_cast<std::size_t>(std::lround(limited * kBarWidth));
  return std::string(full, '#') + std::string(kBarWidth - full, '.');
}

void write_setup(Page& page, const Scenario& scenario, const RunReport& report) {
  for (const SetupLine& line : setup_lines(scenario, report)) page.words(line.label, line.text);
}

// Those that there were.
std::string parts_of_time(const RunReport& report) {
  std::string text;
  if (report.prefill_time_ps > 0) text = "prefill " + time_text(report.prefill_time_ps);
  if (report.decode_time_ps > 0) {
    text += (text.empty() ? "decode " : ", decode ") + time_text(report.decode_time_ps);
  }
  return text;
}

void write_speed(Page& page, const Scenario& scenario, const RunReport& report) {
  page.heading("Speed");
  page.line("simulated time", time_text(report.simulated_time_ps), parts_of_time(report));
  write_resets(page, scenario.run.reset, report);
  if (scenario.run.layers) {
    page.line("tokens per second", "-", "not of " + slice_text(scenario.run));
    return;
  }
  std::string end_to_end = "end to end " + fixed(report.tokens_per_s_end_to_end, 1);
  if (report.prefill_time_ps > 0) end_to_end += ", with prefill and the tokens it gives";
  if (report.tokens_per_s > 0.0) {
    page.line("tokens per second", fixed(report.tokens_per_s, 1), "decode only; " + end_to_end);
  } else {
    page.line("tokens per second", "-", "nothing was decoded; " + end_to_end);
  }
  if (!report.baseline) return;
  if (const std::optional<double> speedup = report.speedup_vs_plain(); speedup && report.complete) {
    page.line(
        "speedup vs plain", fixed(*speedup, 2) + " x",
        "same hardware; plain decodes " + fixed(report.baseline->tokens_per_s, 1) + " tokens/s");
  }
  if (!report.complete) {
    page.line("same tokens as plain", "unknown", "the run is incomplete");
  } else if (scenario.execution == Execution::kTiming) {
    page.line("same tokens as plain", "-", "the oracle chooses them, tensors are not computed");
  } else if (report.baseline->same_tokens) {
    page.line("same tokens as plain", "yes");
  } else {
    page.line("same tokens as plain", "no", "rule standard keeps the distribution, not the tokens");
  }
}

void write_speculation(Page& page, const Scenario& scenario, const RunReport& report) {
  const std::optional<double> acceptance = report.acceptance();
  if (!acceptance) return;
  page.heading("Speculation");
  page.line("tokens per round", fixed(report.tokens_per_round, 2), "the target's own included");
  page.line("drafted tokens accepted", percent(*acceptance),
            grouped(report.accepted_tokens) + " of " + grouped(report.drafted_tokens));
  if (const std::optional<double> conditional = report.conditional_acceptance()) {
    page.line("acceptance, conditional", percent(*conditional),
              "of " + grouped(report.judged_tokens) + " behind no wrong token of their round");
  }
  if (scenario.policy.draft.ahead == 0) return;
  page.line("drafted ahead and dropped", grouped(report.dropped_drafts),
            "tokens that followed a wrong one and were not verified");
  if (!scenario.policy.draft.pre_verify) return;
  page.line("pre-verifications", grouped(report.pre_verifications),
            grouped(report.rounds_decided_early) + " rounds were decided early");
}

void write_phases(Page& page, const RunReport& report) {
  page.heading("Where the time went");
  for (const PhaseTime& phase : report.phases) {
    const double share =
        report.simulated_time_ps == 0
            ? 0.0
            : static_cast<double>(phase.time_ps) / static_cast<double>(report.simulated_time_ps);
    page.line(phase.name, percent(share), bar(share) + "  " + time_text(phase.time_ps));
  }
}

std::string stage_text(const StageTime& stage) {
  constexpr double kShown = 0.0005;  // below it is 0.0 %
  std::string text = stage.bound();
  if (text == "none") text += " above " + fixed(100.0 * StageTime::kBusy, 0) + " %";
  const char* separator = ": ";
  for (const StageTime::Part& part : stage.parts()) {
    const double share = static_cast<double>(part.busy_ps) / static_cast<double>(stage.time_ps);
    if (share < kShown) continue;
    text += separator + std::string(part.name) + " " + percent(share);
    separator = ", ";
  }
  return text;
}

// Where times of rows add up to more than there was.
void write_overlap(Page& page, const RunReport& report) {
  std::uint64_t phases_ps = 0;
  std::map<std::string, std::uint64_t> stages_ps;
  for (const StageTime& stage : report.stages) {
    (stage.stage == "all" ? phases_ps : stages_ps[stage.phase]) += stage.time_ps;
  }
  std::string overlap = phases_ps > report.simulated_time_ps ? "phases" : "";
  for (const StageTime& stage : report.stages) {
    if (stage.stage != "all" || stages_ps[stage.phase] <= stage.time_ps) continue;
    overlap += (overlap.empty() ? "stages of " : ", stages of ") + stage.phase;
  }
  if (overlap.empty()) return;
  page.words("side by side", overlap + ": times overlap, and shares are of all that goes on");
}

void write_stages(Page& page, const RunReport& report) {
  if (report.stages.empty()) return;
  page.heading("What bounds each phase and stage");
  for (const StageTime& stage : report.stages) {
    page.line(stage.phase + " " + stage.stage, time_text(stage.time_ps), stage_text(stage));
  }
  write_overlap(page, report);
}

void write_group(Page& page, const DevicesConfig& devices, const RunReport& report) {
  if (!report.group) return;
  const DeviceGroup& group = *report.group;
  page.heading("Devices");
  page.line("tensor-parallel", std::to_string(group.devices),
            std::string(name_of(devices.link.topology)) + " of " +
                format_quantity(devices.link.bandwidth_bytes_per_s, Quantity::kBandwidth) +
                "; what this page says of hardware is of one of them");
  page.line("exchanges on the link",
            percent(static_cast<double>(group.link_busy_ps) /
                    static_cast<double>(std::max<std::uint64_t>(1, report.simulated_time_ps))),
            "of the time, " + bytes_text(group.sent_bytes) + " sent by each");
  page.line("memory bandwidth used", fixed(group.memory_bytes_per_s * 1e-9, 1),
            "GB/s of each on average, " +
                fixed(group.memory_bytes_per_s * 1e-9 * group.devices, 1) + " together");
}

void write_part(Page& page, const std::string& label, double fraction, const std::string& note) {
  page.line(label, percent(fraction), bar(fraction) + "  " + note);
}

// "memory.channel12" is part of "memory.channel"; empty for what is no channel.
std::string channels_of(const std::string& name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  if (end == std::string::npos || end + 1 == name.size()) return {};
  const std::string group = name.substr(0, end + 1);
  const std::string ending = "channel";
  const bool is_channel = group.size() > ending.size() &&
                          group.compare(group.size() - ending.size(), ending.size(), ending) == 0;
  return is_channel ? group : std::string();
}

void write_channels(Page& page, const std::string& name, const std::vector<Utilisation>& channels) {
  if (channels.size() <= kChannelsShown) {
    for (const Utilisation& part : channels) {
      write_part(page, part.name, part.fraction, part.meaning);
    }
    return;
  }
  const auto less = [](const Utilisation& a, const Utilisation& b) {
    return a.fraction < b.fraction;
  };
  const auto [least, most] = std::minmax_element(channels.begin(), channels.end(), less);
  double sum = 0;
  for (const Utilisation& part : channels) sum += part.fraction;
  const std::string count = std::to_string(channels.size()) + " channels: ";
  write_part(page, name + "s, mean", sum / static_cast<double>(channels.size()),
             count + channels.front().meaning);
  write_part(page, name + "s, least", least->fraction, least->name);
  write_part(page, name + "s, most", most->fraction, most->name);
}

// Parts in order; the channels of a group together, where its first one stands.
void write_utilisation(Page& page, const RunReport& report) {
  page.heading("How busy the hardware was");
  std::vector<std::pair<std::string, std::vector<Utilisation>>> groups;
  for (const Utilisation& part : report.utilisations) {
    const std::string name = channels_of(part.name);
    auto group = std::find_if(groups.begin(), groups.end(), [&name](const auto& other) {
      return !name.empty() && other.first == name;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), {name, {}});
    group->second.push_back(part);
  }
  for (const auto& [name, parts] : groups) write_channels(page, name, parts);
}

void write_pass(Page& page, const std::string& label, const PassBytes& pass) {
  page.line(label, bytes_text(pass.weight_bytes),
            "of which tables and scales " + bytes_text(pass.table_and_scale_bytes));
}

void write_traffic(Page& page, const RunReport& report) {
  page.heading("Weight bytes moved per pass");
  if (report.draft_pass) {
    write_pass(page, "draft pass", *report.draft_pass);
    write_pass(page, "verify pass", report.verify_pass);
    if (report.verify_pass.weight_bytes > 0) {
      page.line("draft / verify", percent(static_cast<double>(report.draft_pass->weight_bytes) /
                                          static_cast<double>(report.verify_pass.weight_bytes)));
    }
  } else {
    write_pass(page, "decode pass", report.verify_pass);
  }
}

void write_spread(Page& page, const std::string& label, const Spread& spread) {
  if (spread.count == 0) return page.line(label, "-");
  const auto text = [](double time_s) {
    return time_text(static_cast<std::uint64_t>(std::llround(time_s * 1e12)));
  };
  page.line(label, text(spread.mean),
            "p50 " + text(spread.p50) + ", p90 " + text(spread.p90) + ", p95 " + text(spread.p95) +
                ", p99 " + text(spread.p99) + ", max " + text(spread.max));
}

void write_goodput(Page& page, const ServingReport& serving, const SloConfig& slo) {
  if (!serving.within_slo) return;
  std::string limits;
  if (slo.ttft_ps) limits += ", TTFT " + format_quantity(*slo.ttft_ps, Quantity::kTime);
  if (slo.tpot_ps) limits += ", TPOT " + format_quantity(*slo.tpot_ps, Quantity::kTime);
  page.line("goodput", fixed(serving.goodput_per_s, 3),
            "requests/s; " + grouped(*serving.within_slo) + " keep" + limits.substr(1));
}

void write_rates(Page& page, const ServingReport& serving, const SloConfig& slo) {
  page.line(
      "throughput", fixed(serving.tokens_per_s, 1),
      "tokens/s, " + fixed(serving.requests_per_s, 3) + " requests/s, first arrival to last token");
  write_goodput(page, serving, slo);
  write_spread(page, "queueing, mean", serving.queueing_s);
  write_spread(page, "time to first token, mean", serving.ttft_s);
  write_spread(page, "time per further token, mean", serving.tpot_s);
  write_spread(page, "end to end, mean", serving.end_to_end_s);
}

void write_serving(Page& page, const Scenario& scenario, const ServingReport& serving) {
  const std::string slice = slice_text(scenario.run);
  page.heading(slice.empty() ? "Serving" : "Serving (of the slice: " + slice + ")");
  page.line("answered", grouped(serving.answered),
            "failed " + grouped(serving.failed) + ", unfinished " + grouped(serving.unfinished) +
                "; " + grouped(serving.tokens) + " tokens in " + fixed(serving.window_s, 6) + " s");
  if (scenario.run.layers) {
    page.line("throughput, latencies", "-", "not of " + slice);
  } else {
    write_rates(page, serving, scenario.workload.slo);
  }
  const ServingCounters& counters = serving.counters;
  page.line("sequences per step, mean", fixed(serving.mean_batch, 2),
            "most " + std::to_string(counters.largest_batch) + ", in " +
                grouped(counters.decode_steps) + " decoding steps");
  page.line("KV pages used, most", grouped(counters.kv_pages_most_used),
            "of " + grouped(counters.kv_pages) + ", free at the end " +
                grouped(counters.kv_pages_free) + "; preemptions " + grouped(serving.preemptions));
  if (serving.waited_for_pages == 0) return;
  const bool batch = scenario.workload.source() == WorkloadSource::kBatch;
  page.line("waited for KV pages", grouped(serving.waited_for_pages),
            "of " + grouped(serving.answered) + (batch ? " sequences; " : " requests; ") +
                "at most " + grouped(serving.most_at_once) + " were in work at once" +
                (batch ? ": the batch ran in parts" : ""));
}

void write_requests(Page& page, const RunReport& report) {
  page.heading("Requests");
  page.out() << "   #  prompt tokens  new tokens  rounds  status\n";
  std::size_t index = 0;
  for (const RequestResult& request : report.requests) {
    if (index >= kRequestsShown) break;
    std::array<char, 128> row{};
    std::snprintf(row.data(), row.size(), "%4zu  %13zu  %10zu  %6llu  ", index++,
                  static_cast<std::size_t>(request.prompt_count), request.tokens.size(),
                  static_cast<unsigned long long>(request.rounds));
    page.out() << row.data() << request.status << '\n';
  }
  if (report.requests.size() > kRequestsShown) {
    page.out() << "      and " << report.requests.size() - kRequestsShown
               << " more in result.json and requests.csv\n";
  }
}

// Firmware of one's own without requests.
void write_firmware(Page& page, const Scenario& scenario, const RunReport& report) {
  page.heading("Firmware");
  page.line("simulated time", time_text(report.simulated_time_ps));
  write_resets(page, scenario.run.reset, report);
  if (report.faults) write_faults(page, *report.faults);
  write_utilisation(page, report);
  write_driver(page, report);
}

}  // namespace

std::string summary_text(const Scenario& scenario, const RunReport& report) {
  Page page;
  const std::string name = scenario.file.empty() ? "scenario" : scenario.file.filename().string();
  page.out() << "Tandem " << TANDEM_VERSION << ": " << name << ", seed " << scenario.seed
             << (report.complete ? "" : " (INCOMPLETE: " + report.incomplete_reason + ")")
             << "\n\n";
  write_setup(page, scenario, report);
  if (report.bringup) {
    write_bringup(page, report);
    if (report.faults) write_faults(page, *report.faults);
    return page.text();
  }
  if (report.requests.empty()) {
    write_firmware(page, scenario, report);
    return page.text();
  }
  write_speed(page, scenario, report);
  write_speculation(page, scenario, report);
  if (report.serving) write_serving(page, scenario, *report.serving);
  if (report.faults) write_faults(page, *report.faults);
  write_phases(page, report);
  write_group(page, scenario.platform.devices, report);
  write_stages(page, report);
  write_utilisation(page, report);
  write_traffic(page, report);
  write_driver(page, report);
  write_energy(page, report);
  write_requests(page, report);
  return page.text();
}

}  // namespace tandem::platform
