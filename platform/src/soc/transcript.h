// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/abi/batch.h"
#include "tandem/abi/command.h"
#include "tandem/abi/mailbox.h"
#include "tandem/platform/serving.h"

namespace tandem::platform {

// What the firmware has reported about one request.
struct RequestLog {
  std::vector<std::uint32_t> tokens;
  std::uint64_t rounds = 0;        // verify rounds, or plain steps; prefill excluded
  std::uint64_t round_tokens = 0;  // tokens from rounds
  std::uint64_t drafted = 0;
  std::uint64_t accepted = 0;
  std::uint64_t judged = 0;  // drafted tokens before which none of their round was wrong
  std::optional<std::uint64_t> started_ns, first_token_ns, last_token_ns, ended_ns;
  std::uint64_t first_tokens = 0;  // that came at first_token_ns
  std::uint32_t preemptions = 0;
  std::uint32_t kv_pages_wanted = 0;  // that it waited for, or lacks; 0: none
  std::size_t repeated = 0;  // of `tokens`, how many the firmware has reported since its restart
  bool ended = false;
  abi::Status status = abi::Status::kOk;
  abi::StopReason stop_reason = abi::StopReason::kNone;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(tokens, rounds, round_tokens, drafted, accepted, judged, started_ns, first_token_ns);
    archive(last_token_ns, ended_ns, first_tokens, preemptions, kv_pages_wanted, ended, status,
            stop_reason, repeated);
  }

  bool answered() const { return ended && status == abi::Status::kOk; }
  // The platform can never hold it: no defect.
  bool refused() const {
    return ended && status == abi::Status::kNoSpace && !started_ns && tokens.empty();
  }
};

// What the driver says about a fault that it has overcome.
struct RecoveryNote {
  std::uint64_t time_ns;
  abi::Recovery recovery;
  abi::Status status;   // of the command that failed, if one did
  std::uint32_t times;  // so far

  template <typename Archive>
  void archive(Archive& archive) {
    archive(time_ns, recovery, status, times);
  }
};

// Keeps the records of the mailbox by request and checks that they make sense.
class Transcript {
 public:
  explicit Transcript(std::size_t requests) : logs_(requests) {}

  void add(const abi::Record& record);
  // The firmware begins anew with what has not ended. Tokens that come again must be the same, and
  // count once, as do their rounds.
  void restart();

  const std::vector<RequestLog>& requests() const { return logs_; }
  // Also of requests that have failed.
  bool all_ended() const { return ended_ == logs_.size(); }
  // Some were answered, and all that the platform can hold.
  bool all_ok() const;
  // Of the last request that ended.
  const ServingCounters& counters() const { return counters_; }
  std::uint64_t tokens() const { return tokens_; }
  const std::vector<RecoveryNote>& recoveries() const { return recoveries_; }
  // Empty, or the first thing that a correct driver would not have reported.
  const std::string& violation() const { return violation_; }

  template <typename Archive>
  void archive(Archive& archive) {
    archive.in_place(logs_);
    archive(counters_, ended_, tokens_, recoveries_, violation_);
  }

 private:
  void add_tokens(RequestLog& log, const abi::Record& record);
  std::uint32_t add_new(RequestLog& log, const abi::Record& record);
  void end(RequestLog& log, const abi::Record& record);
  void recover(const abi::Record& record);
  void violate(const abi::Record& record, const std::string& what);

  std::vector<RequestLog> logs_;
  std::vector<RecoveryNote> recoveries_;
  ServingCounters counters_;
  std::size_t ended_ = 0;
  std::uint64_t tokens_ = 0;
  std::string violation_;
};

}  // namespace tandem::platform
