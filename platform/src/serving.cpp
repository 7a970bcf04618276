// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/serving.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "tandem/platform/results.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Json = nlohmann::ordered_json;
constexpr double kNsPerSecond = 1e9;
constexpr std::array kRates = {"tokens_per_s", "requests_per_s", "queueing",   "ttft",
                               "tpot",         "end_to_end",     "within_slo", "goodput"};
constexpr double kPsPerNs = 1e3;

double seconds(std::uint64_t from_ns, std::uint64_t to_ns) {
  const double span_ns = static_cast<double>(to_ns) - static_cast<double>(from_ns);
  return span_ns / kNsPerSecond;
}

std::optional<double> after(std::uint64_t from_ns, const std::optional<std::uint64_t>& to_ns) {
  if (!to_ns) return {};
  return seconds(from_ns, *to_ns);
}

double per(double count, double time_s) {
  return time_s > 0.0 ? count / time_s : 0.0;
}

bool keeps(const std::optional<double>& time_s, const std::optional<std::uint64_t>& limit_ps) {
  return !limit_ps || !time_s ||
         *time_s * kNsPerSecond * kPsPerNs <= static_cast<double>(*limit_ps);
}

bool meets(const RequestTimes& request, const SloConfig& slo) {
  return keeps(request.ttft_s(), slo.ttft_ps) && keeps(request.tpot_s(), slo.tpot_ps);
}

double window_of(const std::vector<RequestTimes>& requests) {
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last = 0;
  for (const RequestTimes& request : requests) {
    first = std::min(first, request.arrival_ns);
    last = std::max(last, request.last_token_ns.value_or(0));
  }
  return last > first ? seconds(first, last) : 0.0;
}

// Where one ends as another begins they do not overlap.
std::uint64_t most_at_once(const std::vector<RequestTimes>& requests) {
  std::vector<std::pair<std::uint64_t, int>> changes;
  for (const RequestTimes& request : requests) {
    if (!request.started_ns || !request.last_token_ns) continue;
    changes.emplace_back(*request.started_ns, 1);
    changes.emplace_back(*request.last_token_ns, -1);
  }
  std::sort(changes.begin(), changes.end());
  std::int64_t now = 0;
  std::int64_t most = 0;
  for (const auto& [time_ns, change] : changes) most = std::max(most, now += change);
  return static_cast<std::uint64_t>(most);
}

Json spread_json(const Spread& spread, const char* definition) {
  return {{"unit", "s"},         {"definition", definition}, {"count", spread.count},
          {"mean", spread.mean}, {"p50", spread.p50},        {"p90", spread.p90},
          {"p95", spread.p95},   {"p99", spread.p99},        {"max", spread.max}};
}

template <typename T>
Json figure(const T& value, const char* unit, const char* definition) {
  return {{"value", value}, {"unit", unit}, {"definition", definition}};
}

template <typename T>
std::string field(const std::optional<T>& value) {
  if (!value) return {};
  return number(*value);
}

std::optional<double> in_seconds(const std::optional<std::uint64_t>& time_ns) {
  if (!time_ns) return {};
  return static_cast<double>(*time_ns) / kNsPerSecond;
}

}  // namespace

std::optional<double> RequestTimes::queueing_s() const {
  return after(arrival_ns, started_ns);
}
std::optional<double> RequestTimes::ttft_s() const {
  return after(arrival_ns, first_token_ns);
}
std::optional<double> RequestTimes::end_to_end_s() const {
  return after(arrival_ns, last_token_ns);
}
std::optional<double> RequestTimes::tpot_s() const {
  if (tokens <= first_tokens || !first_token_ns || !last_token_ns) return {};
  return seconds(*first_token_ns, *last_token_ns) / static_cast<double>(tokens - first_tokens);
}

Spread spread_of(std::vector<double> values) {
  Spread spread;
  spread.count = values.size();
  if (values.empty()) return spread;
  std::sort(values.begin(), values.end());
  double sum = 0.0;
  for (const double value : values) sum += value;
  const auto percentile = [&values](std::size_t percent) {
    return values[(values.size() * percent + 99) / 100 - 1];
  };
  spread.mean = sum / static_cast<double>(values.size());
  spread.p50 = percentile(50);
  spread.p90 = percentile(90);
  spread.p95 = percentile(95);
  spread.p99 = percentile(99);
  spread.max = values.back();
  return spread;
}

ServingReport serving_report(const std::vector<RequestTimes>& requests,
                             const ServingCounters& counters, const SloConfig& slo) {
  ServingReport report;
  report.counters = counters;
  report.window_s = window_of(requests);
  report.most_at_once = most_at_once(requests);
  std::vector<double> queueing, ttft, tpot, end_to_end;
  const auto note = [](std::vector<double>& values, const std::optional<double>& value) {
    if (value) values.push_back(*value);
  };
  std::uint64_t within = 0;
  for (const RequestTimes& request : requests) {
    report.preemptions += request.preemptions;
    report.failed += request.served == ServedAs::kFailed;
    report.unfinished += request.served == ServedAs::kUnfinished;
    if (request.served != ServedAs::kAnswered) continue;
    ++report.answered;
    report.waited_for_pages += request.waited_for_pages;
    report.tokens += request.tokens;
    note(queueing, request.queueing_s());
    note(ttft, request.ttft_s());
    note(tpot, request.tpot_s());
    note(end_to_end, request.end_to_end_s());
    within += meets(request, slo);
  }
  report.queueing_s = spread_of(std::move(queueing));
  report.ttft_s = spread_of(std::move(ttft));
  report.tpot_s = spread_of(std::move(tpot));
  report.end_to_end_s = spread_of(std::move(end_to_end));
  report.tokens_per_s = per(static_cast<double>(report.tokens), report.window_s);
  report.requests_per_s = per(static_cast<double>(report.answered), report.window_s);
  if (slo.ttft_ps || slo.tpot_ps) {
    report.within_slo = within;
    report.goodput_per_s = per(static_cast<double>(within), report.window_s);
  }
  report.mean_batch = per(static_cast<double>(counters.decode_step_sequences),
                          static_cast<double>(counters.decode_steps));
  return report;
}

Json serving_json(const ServingReport& report, const SloConfig& slo, bool of_slice) {
  Json json;
  json["requests"] = {
      {"answered", report.answered}, {"failed", report.failed}, {"unfinished", report.unfinished}};
  json["tokens"] = figure(report.tokens, "1", "of answered requests");
  json["window"] = figure(report.window_s, "s", "first arrival to last token");
  json["tokens_per_s"] = figure(report.tokens_per_s, "1/s", "tokens over window");
  json["requests_per_s"] = figure(report.requests_per_s, "1/s", "answered requests over window");
  json["queueing"] = spread_json(report.queueing_s, "arrival until KV pages for the prompt");
  json["ttft"] = spread_json(report.ttft_s, "arrival to first token");
  json["tpot"] = spread_json(report.tpot_s,
                             "first to last token, over the tokens that came later than the first");
  json["end_to_end"] = spread_json(report.end_to_end_s, "arrival to last token");
  json["slo"] = Json::object();
  if (slo.ttft_ps) json["slo"]["ttft_ps"] = *slo.ttft_ps;
  if (slo.tpot_ps) json["slo"]["tpot_ps"] = *slo.tpot_ps;
  if (report.within_slo) {
    json["within_slo"] = figure(*report.within_slo, "1", "answered requests that keep the SLO");
    json["goodput"] = figure(report.goodput_per_s, "1/s", "requests within the SLO over window");
  }
  // Of a part of the layers they would be taken for those of the model.
  for (const char* rate : kRates) {
    if (of_slice && json.contains(rate)) json[rate] = nullptr;
  }
  const ServingCounters& counters = report.counters;
  json["preemptions"] =
      figure(report.preemptions, "1", "requests that gave their KV pages up, each time counted");
  json["batch"] = {{"unit", "1"},
                   {"definition", "sequences of a decoding step"},
                   {"steps", counters.decode_steps},
                   {"mean", report.mean_batch},
                   {"max", counters.largest_batch}};
  json["kv_pages"] = {{"unit", "1"},
                      {"total", counters.kv_pages},
                      {"most_used", counters.kv_pages_most_used},
                      {"free_at_end", counters.kv_pages_free},
                      {"requests_that_waited", report.waited_for_pages}};
  return json;
}

std::string requests_csv(const RunReport& report) {
  std::string csv =
      "request,arrival_s,started_s,first_token_s,last_token_s,queueing_s,ttft_s,tpot_s,"
      "end_to_end_s,prompt_tokens,tokens,rounds,preemptions,status\n";
  std::size_t index = 0;
  for (const RequestResult& request : report.requests) {
    const RequestTimes& times = request.times;
    const std::array<std::string, 9> fields = {std::to_string(index++),
                                               field(in_seconds(times.arrival_ns)),
                                               field(in_seconds(times.started_ns)),
                                               field(in_seconds(times.first_token_ns)),
                                               field(in_seconds(times.last_token_ns)),
                                               field(times.queueing_s()),
                                               field(times.ttft_s()),
                                               field(times.tpot_s()),
                                               field(times.end_to_end_s())};
    for (const std::string& text : fields) csv.append(text).append(1, ',');
    csv += std::to_string(request.prompt_count) + "," + std::to_string(request.tokens.size()) +
           "," + std::to_string(request.rounds) + "," + std::to_string(times.preemptions) + ",\"" +
           request.status + "\"\n";
  }
  return csv;
}

}  // namespace tandem::platform
