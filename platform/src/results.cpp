// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/results.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "fault_report.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"
#include "tandem/platform/scenario_loader.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kResultFormat = 1;
constexpr double kRounding = 1e-9;  // relative, of sums of doubles

void check_number(const std::string& name, double value) {
  if (!std::isfinite(value) || value < 0.0) {
    throw InternalError("the run reports " + name + " = " + number(value));
  }
}

void check_phases(const RunReport& report) {
  std::uint64_t sum_ps = 0;
  for (const PhaseTime& phase : report.phases) sum_ps += phase.time_ps;
  if (sum_ps != report.simulated_time_ps) {
    throw InternalError("the phases take " + std::to_string(sum_ps) + " ps, the run " +
                        std::to_string(report.simulated_time_ps) + " ps");
  }
}

void check_energy(const RunReport& report) {
  const std::vector<std::string>& phases = report.energy.phases();
  for (const observe::PhaseLedger::Entry& entry : report.energy.entries()) {
    for (std::size_t i = 0; i < phases.size(); ++i) {
      check_number("energy of " + entry.component + " in phase " + phases[i], entry.picojoules[i]);
    }
    if (entry.source.empty()) {
      throw InternalError("the energy of " + entry.component + " has no source");
    }
  }
}

void check_requests(const RunReport& report) {
  std::size_t index = 0;
  for (const RequestResult& request : report.requests) {
    const std::string name = "request " + std::to_string(index++);
    if (request.tokens.size() > request.max_tokens ||
        (request.status == "max_tokens" && request.tokens.size() != request.max_tokens)) {
      throw InternalError(name + " was given " + std::to_string(request.tokens.size()) +
                          " tokens, " + std::to_string(request.max_tokens) + " were asked for");
    }
  }
  if (!report.serving || report.serving->unfinished > 0) return;
  const ServingCounters& counters = report.serving->counters;
  if (counters.kv_pages_free != counters.kv_pages) {
    throw InternalError("of " + std::to_string(counters.kv_pages) + " KV pages " +
                        std::to_string(counters.kv_pages_free) + " are free at the end");
  }
}

// Greedy and coupled decoding must not change a token; other sampling draws its own.
bool must_equal_plain(const Sampling& sampling) {
  return sampling.greedy || sampling.rule == SamplingRule::kCoupled;
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// Drawn prompts and what follows them say nothing: they are counted.
Json request_json(const RequestResult& request) {
  Json json;
  if (request.written) {
    json["prompt_tokens"] = request.prompt_tokens;
    json["tokens"] = request.tokens;
    json["text"] = request.text;
  } else {
    json["prompt_count"] = request.prompt_count;
    json["token_count"] = request.tokens.size();
  }
  json["rounds"] = request.rounds;
  json["status"] = request.status;
  return json;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

Json group_json(const DeviceGroup& group, const RunReport& report) {
  return {{"count", group.devices},
          {"link_sent_bytes", group.sent_bytes},
          {"link_busy_ps", group.link_busy_ps},
          {"link_share", share(group.link_busy_ps, report.simulated_time_ps)},
          {"memory_bytes_per_s", group.memory_bytes_per_s},
          {"energy_pj", report.system_picojoules()}};
}

Json slice_json(const RunConfig& run) {
  if (!run.layers && !run.steps) return nullptr;
  Json json;
  json["layers"] = or_null(run.layers);
  json["of_layers"] = run.layers ? Json(run.of_layers) : Json(nullptr);
  json["steps"] = or_null(run.steps);
  return json;
}

Json summary_json(const RunConfig& run, const RunReport& report) {
  Json json;
  // Of a part of the layers they would be taken for those of the model.
  const bool whole = !run.layers;
  const bool decoded = report.tokens_per_s > 0.0;
  json["tokens_per_s"] = whole && decoded ? Json(report.tokens_per_s) : Json(nullptr);
  json["tokens_per_s_end_to_end"] = whole ? Json(report.tokens_per_s_end_to_end) : Json(nullptr);
  json["tokens_per_round"] = report.tokens_per_round;
  json["acceptance"] = or_null(report.acceptance());
  json["conditional_acceptance"] = or_null(report.conditional_acceptance());
  json["drafted_tokens"] = report.drafted_tokens;
  json["accepted_tokens"] = report.accepted_tokens;
  json["dropped_drafts"] = report.dropped_drafts;
  json["pre_verifications"] = report.pre_verifications;
  json["rounds_decided_early"] = report.rounds_decided_early;
  json["speedup_vs_plain"] = whole ? or_null(report.speedup_vs_plain()) : Json(nullptr);
  json["prefill_time_ps"] = report.prefill_time_ps;
  json["decode_time_ps"] = report.decode_time_ps;
  const std::optional<PassBytes>& draft = report.draft_pass;
  json["weight_bytes_per_draft_pass"] = draft ? Json(draft->weight_bytes) : Json(nullptr);
  json["weight_bytes_per_verify_pass"] = report.verify_pass.weight_bytes;
  json["table_and_scale_bytes_per_draft_pass"] =
      draft ? Json(draft->table_and_scale_bytes) : Json(nullptr);
  json["table_and_scale_bytes_per_verify_pass"] = report.verify_pass.table_and_scale_bytes;
  json["energy_pj"] = report.energy.total_picojoules();
  json["energy_by_phase_pj"] = Json::object();
  for (std::size_t i = 0; i < report.energy.phases().size(); ++i) {
    json["energy_by_phase_pj"][report.energy.phases()[i]] = report.energy.phase_picojoules(i);
  }
  if (report.group) json["devices"] = group_json(*report.group, report);
  json["phases"] = Json::object();
  for (const PhaseTime& phase : report.phases) {
    json["phases"][phase.name] = {{"time_ps", phase.time_ps},
                                  {"share", share(phase.time_ps, report.simulated_time_ps)}};
  }
  json["stages"] = Json::array();
  for (const StageTime& stage : report.stages) {
    json["stages"].push_back({{"phase", stage.phase},
                              {"stage", stage.stage},
                              {"time_ps", stage.time_ps},
                              {"memory_ps", stage.memory_ps},
                              {"array_ps", stage.array_ps},
                              {"vector_ps", stage.vector_ps},
                              {"pim_ps", stage.pim_ps},
                              {"sampler_ps", stage.sampler_ps},
                              {"bound", stage.bound()}});
    if (report.group) json["stages"].back()["link_ps"] = stage.link_ps;
  }
  json["utilisation"] = Json::object();
  for (const Utilisation& part : report.utilisations) {
    json["utilisation"][part.name] = {{"fraction", part.fraction}, {"meaning", part.meaning}};
  }
  return json;
}

Json baseline_json(const BaselineResult& baseline) {
  return {{"policy", "plain"},
          {"simulated_time_ps", baseline.simulated_time_ps},
          {"tokens_per_s", baseline.tokens_per_s},
          {"energy_pj", baseline.energy_pj},
          {"same_tokens", baseline.same_tokens}};
}

Json energy_json(const observe::PhaseLedger& ledger) {
  Json json = Json::array();
  for (const observe::PhaseLedger::Entry& entry : ledger.entries()) {
    Json by_phase = Json::object();
    for (std::size_t i = 0; i < entry.picojoules.size(); ++i) {
      by_phase[ledger.phases()[i]] = entry.picojoules[i];
    }
    json.push_back({{"component", entry.component},
                    {"energy_pj", entry.total_picojoules()},
                    {"by_phase", std::move(by_phase)},
                    {"source", entry.source}});
  }
  return json;
}

Json statistics_json(const observe::StatisticsTable& table) {
  Json root = Json::object();
  for (const observe::Statistic& statistic : table.all()) {
    Json* node = &root;
    std::string_view rest = statistic.path;
    while (!rest.empty()) {
      const std::size_t dot = rest.find('.');
      node = &(*node)[std::string(rest.substr(0, dot))];
      rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
    }
    if (node->contains("unit")) throw InternalError("two statistics named " + statistic.path);
    (*node)["value"] = statistic.is_integer ? Json(statistic.integer) : Json(statistic.real);
    (*node)["unit"] = statistic.unit;
    (*node)["description"] = statistic.description;
  }
  return root;
}

}  // namespace

std::array<StageTime::Part, 6> StageTime::parts() const {
  return {{{"memory", memory_ps},
           {"array", array_ps},
           {"vector unit", vector_ps},
           {"PIM", pim_ps},
           {"sampler", sampler_ps},
           {"link", link_ps}}};
}

std::string StageTime::bound() const {
  std::string busy;
  std::uint64_t sum_ps = 0;
  for (const Part& part : parts()) {
    sum_ps += part.busy_ps;
    if (share(part.busy_ps, time_ps) < kBusy) continue;
    busy += (busy.empty() ? "" : " and ") + std::string(part.name);
  }
  if (!busy.empty()) return busy;
  return share(sum_ps, time_ps) < kIdle ? "latency" : "none";
}

std::optional<double> RunReport::acceptance() const {
  if (drafted_tokens == 0) return {};
  return static_cast<double>(accepted_tokens) / static_cast<double>(drafted_tokens);
}

std::optional<double> RunReport::conditional_acceptance() const {
  if (judged_tokens == 0) return {};
  return static_cast<double>(accepted_tokens) / static_cast<double>(judged_tokens);
}

std::uint32_t RunReport::devices() const {
  return group ? group->devices : 1;
}

double RunReport::system_picojoules() const {
  return energy.total_picojoules() * devices();
}

std::optional<double> RunReport::speedup_vs_plain() const {
  if (!baseline || baseline->tokens_per_s <= 0.0) return {};
  return tokens_per_s / baseline->tokens_per_s;
}

namespace {

void check_stage(const StageTime& stage) {
  for (const StageTime::Part& part : stage.parts()) {
    if (part.busy_ps <= stage.time_ps) continue;
    throw InternalError("phase " + stage.phase + ", stage " + stage.stage + ": " + part.name +
                        " was at work for " + std::to_string(part.busy_ps) + " of " +
                        std::to_string(stage.time_ps) + " ps");
  }
}

}  // namespace

void check_physics(const Scenario& scenario, const RunReport& report) {
  check_number("tokens per second", report.tokens_per_s);
  check_number("tokens per second end to end", report.tokens_per_s_end_to_end);
  check_number("tokens per round", report.tokens_per_round);
  check_phases(report);
  for (const Utilisation& part : report.utilisations) {
    check_number("utilisation of " + part.name, part.fraction);
    if (part.fraction > 1.0 + kRounding) {
      throw InternalError("the utilisation of " + part.name + " is " + number(part.fraction) +
                          ", above its peak");
    }
  }
  for (const StageTime& stage : report.stages) check_stage(stage);
  check_energy(report);
  check_requests(report);
  if (!report.timing_violations.empty()) {
    throw InternalError(
        "the timing checker objects to DRAM commands. This is a defect of Tandem, not of the "
        "scenario. The first of them:\n" +
        report.timing_violations);
  }
  if (report.accepted_tokens > report.drafted_tokens) {
    throw InternalError(
        "more tokens accepted than drafted: " + std::to_string(report.accepted_tokens) + " of " +
        std::to_string(report.drafted_tokens));
  }
  if (report.accepted_tokens > report.judged_tokens ||
      report.judged_tokens > report.drafted_tokens) {
    throw InternalError(std::to_string(report.judged_tokens) + " tokens judged, " +
                        std::to_string(report.accepted_tokens) + " accepted of " +
                        std::to_string(report.drafted_tokens) + " drafted");
  }
  if (report.baseline && report.complete && !report.baseline->same_tokens &&
      must_equal_plain(scenario.workload.sampling)) {
    throw InternalError("the tokens differ from those of plain decoding");
  }
}

namespace {

Json driver_part_json(const DriverCost::Part& part) {
  return {{"commands", part.commands},
          {"instructions", part.instructions > 0 ? Json(part.instructions) : Json(nullptr)},
          {"register_accesses", part.bus_accesses},
          {"interrupts", part.interrupts},
          {"interrupt_latency_ps", part.interrupt_latency_ps},
          {"busy_ps", part.busy_ps},
          {"time_ps", part.time_ps}};
}

Json bringup_json(const BringupReport& bringup) {
  return {{"passed", bringup.passed},
          {"failed", bringup.failed},
          {"skipped", bringup.skipped},
          {"failures", bringup.failures}};
}

}  // namespace

Json result_json(const Scenario& scenario, const RunReport& report, const WallTime& wall) {
  Json json;
  json["complete"] = report.complete;
  if (!report.complete) json["incomplete_reason"] = report.incomplete_reason;
  json["seed"] = scenario.seed;
  json["versions"] = {{"tandem", TANDEM_VERSION}, {"result", kResultFormat}};
  json["scenario"] = effective_configuration(scenario);
  json["simulated_time_ps"] = report.simulated_time_ps;
  json["requests"] = Json::array();
  for (const RequestResult& request : report.requests) {
    json["requests"].push_back(request_json(request));
  }
  json["bringup"] = report.bringup ? bringup_json(*report.bringup) : Json(nullptr);
  json["slice"] = slice_json(scenario.run);
  json["summary"] = summary_json(scenario.run, report);
  json["serving"] = report.serving ? serving_json(*report.serving, scenario.workload.slo,
                                                  scenario.run.layers.has_value())
                                   : Json(nullptr);
  json["baseline"] = report.baseline ? baseline_json(*report.baseline) : Json(nullptr);
  json["resets"] = {
      {"platform", report.resets[0]}, {"npu", report.resets[1]}, {"pim", report.resets[2]}};
  json["driver"] = {{"until_first_token", driver_part_json(report.driver.start)},
                    {"after_first_token", driver_part_json(report.driver.work)}};
  json["energy"] = energy_json(report.energy);
  if (report.faults) json["faults"] = faults_json(*report.faults);
  json["statistics"] = statistics_json(report.statistics);
  json["wall"] = {{"seconds", wall.seconds}};
  return json;
}

}  // namespace tandem::platform
