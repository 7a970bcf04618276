// SPDX-License-Identifier: Apache-2.0
#include "outcome.h"

#include "tandem/abi/batch.h"
#include "tandem/abi/command.h"

namespace tandem::platform {
namespace {

constexpr double kPicosecondsPerSecond = 1e12;

double per_second(std::uint64_t count, std::uint64_t time_ps) {
  if (time_ps == 0) return 0.0;
  return static_cast<double>(count) * kPicosecondsPerSecond / static_cast<double>(time_ps);
}

// What was too short for it; empty if nobody has said.
std::string shortage(const RequestLog& log, const PlannedRequest& planned,
                     std::uint32_t max_positions, std::uint32_t kv_pages) {
  if (log.kv_pages_wanted > 0) {
    return ", " + std::to_string(log.kv_pages_wanted) + " KV pages needed, " +
           std::to_string(kv_pages) + " there are";
  }
  const std::uint64_t positions = std::uint64_t{planned.prompt_tokens} + planned.max_tokens;
  if (positions <= max_positions) return {};
  return ", " + std::to_string(positions) + " positions needed, the model has " +
         std::to_string(max_positions);
}

std::string status_text(const RequestLog& log, const Outcome& outcome, const RequestList& requests,
                        std::size_t index) {
  if (!log.ended) return "unfinished: " + outcome.unfinished;
  if (log.status == abi::Status::kNoSpace) {
    return "error: NoSpace" + shortage(log, requests.planned(index), requests.max_positions(),
                                       outcome.serving.kv_pages);
  }
  if (log.status != abi::Status::kOk) return "error: " + status_name(log.status);
  return log.stop_reason == abi::StopReason::kStopId ? "eos" : "max_tokens";
}

RequestTimes times_of(const RequestLog& log, std::uint64_t arrival_ns) {
  RequestTimes times;
  times.arrival_ns = arrival_ns;
  times.started_ns = log.started_ns;
  times.first_token_ns = log.first_token_ns;
  times.last_token_ns = log.last_token_ns;
  times.tokens = log.tokens.size();
  times.first_tokens = log.first_tokens;
  times.preemptions = log.preemptions;
  times.waited_for_pages = log.kv_pages_wanted > 0;
  if (log.ended) times.served = log.answered() ? ServedAs::kAnswered : ServedAs::kFailed;
  return times;
}

RequestResult result_of(const RequestLog& log, const RequestList& requests, std::size_t index,
                        const Tokenizer* tokenizer) {
  const PlannedRequest& planned = requests.planned(index);
  RequestResult result;
  if (requests.written()) {
    result.prompt_tokens = requests.prompt(index);
    if (tokenizer != nullptr) {
      result.text = tokenizer->decode(log.tokens, result.prompt_tokens.back());
    }
  }
  result.written = requests.written();
  result.tokens = log.tokens;
  result.rounds = log.rounds;
  result.prompt_count = planned.prompt_tokens;
  result.max_tokens = planned.max_tokens;
  result.times = times_of(log, planned.arrival_ns);
  return result;
}

struct Totals {
  std::uint64_t tokens = 0;
  std::uint64_t rounds = 0;
  std::uint64_t round_tokens = 0;
  std::uint64_t drafted = 0;
  std::uint64_t accepted = 0;
  std::uint64_t judged = 0;
};

Totals totals_of(const std::vector<RequestLog>& logs) {
  Totals totals;
  for (const RequestLog& log : logs) {
    totals.tokens += log.tokens.size();
    totals.rounds += log.rounds;
    totals.round_tokens += log.round_tokens;
    totals.drafted += log.drafted;
    totals.accepted += log.accepted;
    totals.judged += log.judged;
  }
  return totals;
}

}  // namespace

std::string status_name(abi::Status status) {
  const std::string name = abi::name_of(status);
  return name != "?" ? name : "unknown status " + std::to_string(static_cast<unsigned>(status));
}

double decode_tokens_per_s(const Outcome& outcome) {
  return per_second(totals_of(outcome.requests).round_tokens, outcome.decode_time_ps);
}

RunReport make_report(const Outcome& outcome, const Tokenizer* tokenizer,
                      const RequestList& requests, const SloConfig& slo) {
  RunReport report;
  report.complete = outcome.complete;
  report.simulated_time_ps = outcome.simulated_time_ps;
  report.prefill_time_ps = outcome.prefill_time_ps;
  report.driver = outcome.driver;
  report.resets = outcome.resets;
  report.scheduled_resets = outcome.scheduled_resets;
  report.stopped_by_firmware = outcome.own_firmware && !outcome.complete;
  report.incomplete_reason = outcome.violation;
  report.decode_time_ps = outcome.decode_time_ps;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const RequestLog& log = outcome.requests[i];
    report.requests.push_back(result_of(log, requests, i, tokenizer));
    report.requests.back().status = status_text(log, outcome, requests, i);
    if (!log.answered() && !log.refused() && report.incomplete_reason.empty()) {
      report.incomplete_reason =
          "request " + std::to_string(i) + ", " + report.requests.back().status;
    }
  }

  if (!report.complete && report.incomplete_reason.empty() && !report.requests.empty()) {
    report.none_fits = true;
    report.incomplete_reason =
        "the platform can hold none of the requests; request 0, " + report.requests.front().status;
  }
  if (requests.serves() && requests.size() > 0) {
    std::vector<RequestTimes> times;
    for (const RequestResult& request : report.requests) times.push_back(request.times);
    report.serving = serving_report(times, outcome.serving, slo);
  }

  const Totals totals = totals_of(outcome.requests);
  report.tokens_per_s = decode_tokens_per_s(outcome);
  report.tokens_per_s_end_to_end = per_second(totals.tokens, outcome.simulated_time_ps);
  if (totals.rounds > 0) {
    report.tokens_per_round =
        static_cast<double>(totals.round_tokens) / static_cast<double>(totals.rounds);
  }
  report.drafted_tokens = totals.drafted;
  report.accepted_tokens = totals.accepted;
  report.judged_tokens = totals.judged;
  report.dropped_drafts = outcome.serving.drafts_dropped;
  report.pre_verifications = outcome.serving.pre_verifications;
  report.rounds_decided_early = outcome.serving.decided_early;
  report.draft_pass = outcome.draft_pass;
  report.verify_pass = outcome.verify_pass;
  report.phases = outcome.phases;
  report.stages = outcome.stages;
  report.utilisations = outcome.utilisations;
  report.group = outcome.group;
  report.energy = outcome.energy;
  report.statistics = outcome.statistics;
  report.timing_violations = outcome.timing_violations;
  report.faults = outcome.faults;
  return report;
}

BaselineResult make_baseline(const Outcome& run, const Outcome& baseline) {
  BaselineResult result;
  result.simulated_time_ps = baseline.simulated_time_ps;
  result.tokens_per_s = decode_tokens_per_s(baseline);
  result.energy_pj = baseline.energy.total_picojoules();
  result.same_tokens = true;
  for (std::size_t i = 0; i < run.requests.size(); ++i) {
    // A draft with a KV cache of its own needs more pages: plain decoding may hold what it cannot.
    if (run.requests[i].refused() || baseline.requests[i].refused()) continue;
    if (run.requests[i].tokens != baseline.requests[i].tokens) result.same_tokens = false;
  }
  return result;
}

}  // namespace tandem::platform
