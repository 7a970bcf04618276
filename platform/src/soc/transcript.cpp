// SPDX-License-Identifier: Apache-2.0
#include "transcript.h"

#include <algorithm>
#include <cstring>

namespace tandem::platform {

bool Transcript::all_ok() const {
  const bool any =
      std::any_of(logs_.begin(), logs_.end(), [](const RequestLog& log) { return log.answered(); });
  return any && std::all_of(logs_.begin(), logs_.end(),
                            [](const RequestLog& log) { return log.answered() || log.refused(); });
}

void Transcript::violate(const abi::Record& record, const std::string& what) {
  if (!violation_.empty()) return;
  violation_ = "the firmware reported " + what + " (record of request " +
               std::to_string(record.request_id) + ", round " + std::to_string(record.round) + ")";
}

void Transcript::add(const abi::Record& record) {
  if (static_cast<abi::RecordKind>(record.kind) == abi::RecordKind::kRecovery)
    return recover(record);
  if (record.request_id >= logs_.size()) return violate(record, "a request that was never posted");
  RequestLog& log = logs_[record.request_id];
  if (log.ended) return violate(record, "more about a request that had ended");

  switch (static_cast<abi::RecordKind>(record.kind)) {
    case abi::RecordKind::kTokens:
      return add_tokens(log, record);
    case abi::RecordKind::kFinished:
    case abi::RecordKind::kFailed:
      return end(log, record);
    case abi::RecordKind::kRecovery:
      return;
  }
  violate(record, "a record of unknown kind " + std::to_string(record.kind));
}

void Transcript::restart() {
  for (RequestLog& log : logs_) log.repeated = 0;
}

// How many of the record's tokens were not known.
std::uint32_t Transcript::add_new(RequestLog& log, const abi::Record& record) {
  std::uint32_t fresh = 0;
  for (std::uint32_t i = 0; i < record.count; ++i, ++log.repeated) {
    if (log.repeated == log.tokens.size()) {
      log.tokens.push_back(record.tokens[i]);
      ++fresh;
    } else if (log.tokens[log.repeated] != record.tokens[i]) {
      violate(record, "another token than before a reset");
    }
  }
  return fresh;
}

void Transcript::recover(const abi::Record& record) {
  if (record.stop_reason >= abi::kRecoveries) return violate(record, "an unknown recovery");
  recoveries_.push_back({record.time_ns, static_cast<abi::Recovery>(record.stop_reason),
                         static_cast<abi::Status>(record.status), record.round});
}

void Transcript::add_tokens(RequestLog& log, const abi::Record& record) {
  if (record.count > abi::kRecordTokens) return violate(record, "too many tokens at once");
  if (record.accepted > record.drafted) return violate(record, "more accepted than drafted");
  const std::uint32_t fresh = add_new(log, record);
  if (fresh == 0 && record.count > 0) return;
  tokens_ += fresh;
  if (fresh > 0) {
    if (!log.first_token_ns) log.first_tokens = fresh;
    log.first_token_ns = log.first_token_ns.value_or(record.time_ns);
    log.last_token_ns = record.time_ns;
  }
  if (record.round == 0) return;
  ++log.rounds;
  log.round_tokens += fresh;
  log.drafted += record.drafted;
  log.accepted += record.accepted;
  // A wrong token is followed by the target's own; without that a stop token ended the round.
  const bool wrong = record.accepted < record.drafted && record.count > record.accepted;
  log.judged += record.accepted + (wrong ? 1 : 0);
}

void Transcript::end(RequestLog& log, const abi::Record& record) {
  abi::EndReport report;
  std::memcpy(&report, record.tokens, sizeof report);
  log.ended = true;
  log.ended_ns = record.time_ns;
  log.status = static_cast<abi::Status>(record.status);
  log.stop_reason = static_cast<abi::StopReason>(record.stop_reason);
  if (log.status == abi::Status::kOk && log.repeated < log.tokens.size()) {
    violate(record, "fewer tokens than before a reset");
  }
  if (report.started_ns != 0) log.started_ns = report.started_ns;
  // Before a reset it had been started once already; when, was not reported.
  if (log.started_ns && log.first_token_ns) {
    log.started_ns = std::min(*log.started_ns, *log.first_token_ns);
  }
  log.preemptions = report.preemptions;
  log.kv_pages_wanted = report.kv_pages_wanted;
  counters_ = {report.decode_steps,   report.decode_step_sequences, report.largest_batch,
               report.kv_pages,       report.kv_pages_free,         report.kv_pages_most_used,
               report.drafts_dropped, report.pre_verifications,     report.decided_early};
  ++ended_;
  if (all_ended() && report.kv_pages_free != report.kv_pages) {
    violate(record, std::to_string(report.kv_pages_free) + " of " +
                        std::to_string(report.kv_pages) +
                        " KV pages free when the last request had ended");
  }
}

}  // namespace tandem::platform
