// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/workload/request_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tandem/numerics/math.h"
#include "tandem/numerics/random.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model/tokenizer.h"
#include "tandem/platform/workload/csv_table.h"
#include "text.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kMaxTokens = 1'000'000;
constexpr double kNsPerMegasecond = 1e15;
constexpr double kNsPerSecond = 1e9;
constexpr double kNsPerMillisecond = 1e6;
// Positions of random keys that are no tokens of a prompt.
constexpr std::uint32_t kGapPosition = 0xFFFF'FFFF;
constexpr std::uint32_t kLengthPosition = 0xFFFF'FFFE;

numerics::RandomKey key(std::uint64_t seed, std::size_t request, std::uint32_t position) {
  return {seed, static_cast<std::uint32_t>(request), position, numerics::Purpose::kArrival};
}

// As the file has them; empty if it has none.
std::vector<std::uint64_t> given_times_ns(const CsvTable& table, double scale) {
  const auto seconds = table.column("arrival_s");
  const auto milliseconds = table.column("arrival_ms");
  std::vector<std::uint64_t> times;
  if (!seconds && !milliseconds) return times;
  const double unit_ns = seconds ? kNsPerSecond : kNsPerMillisecond;
  const std::size_t column = seconds ? *seconds : *milliseconds;
  std::uint64_t before_ns = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::uint64_t time_ns = table.time_ns(row, column, unit_ns);
    if (time_ns < before_ns) table.fail(row, "it arrives before the line above");
    before_ns = time_ns;
    times.push_back(static_cast<std::uint64_t>(std::llround(static_cast<double>(time_ns) * scale)));
  }
  return times;
}

std::uint32_t length(const CsvTable& table, std::size_t row, std::size_t column,
                     const std::optional<std::uint32_t>& limit) {
  const auto tokens = static_cast<std::uint32_t>(table.integer(row, column, 1, kMaxTokens));
  return limit ? std::min(tokens, *limit) : tokens;
}

void set_arrivals(std::vector<PlannedRequest>& plan, const std::vector<std::uint64_t>& times_ns) {
  for (std::size_t i = 0; i < times_ns.size(); ++i) plan[i].arrival_ns = times_ns[i];
}

std::vector<PlannedRequest> plan_trace(const TraceConfig& trace, std::uint64_t seed) {
  const std::size_t wanted = trace.requests.value_or(std::numeric_limits<std::uint32_t>::max());
  const CsvTable table(trace.file, {"arrival_s", "arrival_ms", "input_tokens", "output_tokens"},
                       wanted);
  if (trace.requests && table.rows() < wanted) {
    throw UserError("workload.trace.requests: " + std::to_string(wanted) + " are wanted, " +
                    printable_path(trace.file) + " has " + std::to_string(table.rows()));
  }
  if (table.column("arrival_s") && table.column("arrival_ms")) {
    throw UserError(printable_path(trace.file) + ":1: both arrival_s and arrival_ms");
  }
  const std::size_t input = table.required_column("input_tokens");
  const std::size_t output = table.required_column("output_tokens");
  std::vector<PlannedRequest> plan(table.rows());
  for (std::size_t row = 0; row < plan.size(); ++row) {
    plan[row].prompt_tokens = length(table, row, input, trace.max_input);
    plan[row].max_tokens = length(table, row, output, trace.max_output);
  }
  set_arrivals(plan, trace.arrivals.kind == ArrivalKind::kAsGiven
                         ? given_times_ns(table, trace.time_scale)
                         : arrival_times_ns(trace.arrivals, plan.size(), seed));
  return plan;
}

std::uint32_t draw(const LengthRange& range, std::uint64_t seed, std::size_t request,
                   std::uint32_t index) {
  const std::uint64_t span = std::uint64_t{range.max} - range.min + 1;
  const std::uint64_t word = numerics::random_word(key(seed, request, kLengthPosition), index);
  return range.min + static_cast<std::uint32_t>(word * span >> 32);
}

std::vector<PlannedRequest> plan_generated(const GenerateConfig& generate, std::uint64_t seed) {
  std::vector<PlannedRequest> plan(generate.requests);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    plan[i].prompt_tokens = draw(generate.input, seed, i, 0);
    plan[i].max_tokens = draw(generate.output, seed, i, 1);
  }
  set_arrivals(plan, arrival_times_ns(generate.arrivals, plan.size(), seed));
  return plan;
}

// The prompt is what the cache holds and one token that is to be taken in next.
PlannedRequest cached(std::uint64_t context, std::uint32_t max_tokens, std::uint64_t channel) {
  return {0, static_cast<std::uint32_t>(context + 1), max_tokens, true,
          static_cast<std::uint32_t>(channel)};
}

std::vector<PlannedRequest> plan_batch(const Scenario& scenario) {
  const BatchConfig& batch = scenario.workload.batch;
  const std::uint32_t max_tokens = scenario.workload.max_tokens;
  if (batch.file.empty())
    return std::vector<PlannedRequest>(batch.size, cached(batch.context, max_tokens, 0));
  const CsvTable table(batch.file, {"context", "channel"}, scenario.policy.max_batch + 1);
  if (table.rows() > scenario.policy.max_batch) {
    table.fail(table.rows() - 1, "more sequences than policy.max_batch, " +
                                     std::to_string(scenario.policy.max_batch));
  }
  const std::size_t context = table.required_column("context");
  const auto channel = table.column("channel");
  if (channel && scenario.policy.kv_layout != KvLayoutChoice::kBankRows) {
    throw UserError(printable_path(batch.file) +
                        ":1: a channel can be given with policy.kv_layout: bank_rows only",
                    "other layouts spread the pages of a sequence over the channels");
  }
  std::vector<PlannedRequest> plan;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::uint64_t pinned =
        channel ? 1 + table.integer(row, *channel, 0, scenario.platform.dram.channels - 1) : 0;
    plan.push_back(cached(table.integer(row, context, 0, kMaxTokens), max_tokens, pinned));
  }
  return plan;
}

}  // namespace

std::vector<std::uint64_t> arrival_times_ns(const ArrivalConfig& arrivals, std::size_t count,
                                            std::uint64_t seed) {
  std::vector<std::uint64_t> times(count, 0);
  if (!arrivals.rate_per_megasecond) return times;
  const double interval_ns = kNsPerMegasecond / static_cast<double>(*arrivals.rate_per_megasecond);
  double now_ns = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    if (arrivals.kind == ArrivalKind::kPoisson) {
      const float u = numerics::uniform(key(seed, i, kGapPosition), 0);
      now_ns -= static_cast<double>(numerics::log(u)) * interval_ns;
    } else {
      now_ns = static_cast<double>(i) * interval_ns;
    }
    times[i] = static_cast<std::uint64_t>(std::llround(now_ns));
  }
  return times;
}

std::uint32_t drawn_token(std::uint64_t seed, std::uint32_t request, std::uint32_t index,
                          std::uint32_t vocabulary) {
  const std::uint64_t choices = vocabulary > kEosToken ? vocabulary - 1 : vocabulary;
  const std::uint64_t word = numerics::random_word(key(seed, request, index), 0);
  const auto token = static_cast<std::uint32_t>(word * choices >> 32);
  return vocabulary > kEosToken && token >= kEosToken ? token + 1 : token;
}

std::vector<PlannedRequest> plan_requests(const Scenario& scenario) {
  switch (scenario.workload.source()) {
    case WorkloadSource::kTrace:
      return plan_trace(scenario.workload.trace, scenario.seed);
    case WorkloadSource::kGenerate:
      return plan_generated(scenario.workload.generate, scenario.seed);
    case WorkloadSource::kBatch:
      return plan_batch(scenario);
    case WorkloadSource::kPrompts:
      break;
  }
  throw InternalError("written prompts need no plan");
}

}  // namespace tandem::platform
