// SPDX-License-Identifier: Apache-2.0
// How requests were served: latencies, throughput, goodput. Everything follows from the times that
// the firmware reported for each request.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

enum class ServedAs { kAnswered, kFailed, kUnfinished };

struct RequestTimes {
  std::uint64_t arrival_ns = 0;
  std::optional<std::uint64_t> started_ns;  // it got its first KV pages
  std::optional<std::uint64_t> first_token_ns, last_token_ns;
  std::uint64_t tokens = 0;
  std::uint64_t first_tokens = 0;  // that came at first_token_ns
  std::uint32_t preemptions = 0;
  bool waited_for_pages = false;  // of the KV cache, at its begin or when preempted
  ServedAs served = ServedAs::kUnfinished;

  std::optional<double> queueing_s() const;
  std::optional<double> ttft_s() const;
  std::optional<double> tpot_s() const;  // nothing if all tokens came at once
  std::optional<double> end_to_end_s() const;
};

// What the firmware reported about itself with the last request that ended.
struct ServingCounters {
  std::uint64_t decode_steps = 0;
  std::uint64_t decode_step_sequences = 0;
  std::uint32_t largest_batch = 0;
  std::uint32_t kv_pages = 0;  // 0: it does not tell
  std::uint32_t kv_pages_free = 0;
  std::uint32_t kv_pages_most_used = 0;
  std::uint64_t drafts_dropped = 0;  // drafted ahead, and never asked about
  std::uint32_t pre_verifications = 0;
  std::uint32_t decided_early = 0;  // rounds, by a pre-verification

  template <typename Archive>
  void archive(Archive& archive) {
    archive(decode_steps, decode_step_sequences, largest_batch, kv_pages, kv_pages_free);
    archive(kv_pages_most_used, drafts_dropped, pre_verifications, decided_early);
  }
};

// Of the values of all answered requests that have one. A percentile is the least value that so
// many percent of them do not exceed.
struct Spread {
  std::uint64_t count = 0;
  double mean = 0.0, p50 = 0.0, p90 = 0.0, p95 = 0.0, p99 = 0.0, max = 0.0;
};
Spread spread_of(std::vector<double> values);

struct ServingReport {
  std::uint64_t answered = 0, failed = 0, unfinished = 0;
  std::uint64_t tokens = 0;  // of answered requests
  std::uint64_t preemptions = 0;
  std::uint64_t waited_for_pages = 0;  // answered requests
  std::uint64_t most_at_once = 0;      // requests between their first KV pages and last token
  double window_s = 0.0;               // first arrival to last token
  double tokens_per_s = 0.0, requests_per_s = 0.0;
  Spread queueing_s, ttft_s, tpot_s, end_to_end_s;
  std::optional<std::uint64_t> within_slo;  // answered requests; nothing without an SLO
  double goodput_per_s = 0.0;
  double mean_batch = 0.0;
  ServingCounters counters;
};

ServingReport serving_report(const std::vector<RequestTimes>& requests,
                             const ServingCounters& counters, const SloConfig& slo);

// Every figure with its unit and its definition; rates and latencies of a slice's layers are null.
nlohmann::ordered_json serving_json(const ServingReport& report, const SloConfig& slo,
                                    bool of_slice = false);

struct RunReport;
// requests.csv: a line per request; empty fields for what did not happen.
std::string requests_csv(const RunReport& report);

}  // namespace tandem::platform
