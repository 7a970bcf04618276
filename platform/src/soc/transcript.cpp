// SPDX-License-Identifier: Apache-2.0
#include "transcript.h"

#include <algorithm>

namespace tandem::platform {

bool Transcript::all_ok() const {
  return std::all_of(logs_.begin(), logs_.end(),
                     [](const RequestLog& log) { return log.status == abi::Status::kOk; });
}

void Transcript::violate(const abi::Record& record, const std::string& what) {
  if (!violation_.empty()) return;
  violation_ = "the firmware reported " + what + " (record of request " +
               std::to_string(record.request_id) + ", round " + std::to_string(record.round) + ")";
}

void Transcript::add(const abi::Record& record) {
  if (record.request_id >= logs_.size()) return violate(record, "a request that was never posted");
  RequestLog& log = logs_[record.request_id];
  if (log.ended) return violate(record, "more about a request that had ended");

  switch (static_cast<abi::RecordKind>(record.kind)) {
    case abi::RecordKind::kTokens:
      if (record.count > abi::kRecordTokens) return violate(record, "too many tokens at once");
      if (record.accepted > record.drafted) return violate(record, "more accepted than drafted");
      log.tokens.insert(log.tokens.end(), record.tokens, record.tokens + record.count);
      tokens_ += record.count;
      if (record.round == 0) return;
      ++log.rounds;
      log.round_tokens += record.count;
      log.drafted += record.drafted;
      log.accepted += record.accepted;
      return;
    case abi::RecordKind::kFinished:
    case abi::RecordKind::kFailed:
      log.ended = true;
      log.status = static_cast<abi::Status>(record.status);
      log.stop_reason = static_cast<abi::StopReason>(record.stop_reason);
      ++ended_;
      return;
  }
  violate(record, "a record of unknown kind " + std::to_string(record.kind));
}

}  // namespace tandem::platform
