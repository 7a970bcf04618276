// SPDX-License-Identifier: Apache-2.0
// What one SoC has to say after its run: all that a report is made of.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "request_list.h"
#include "tandem/faults/fault_log.h"
#include "tandem/observe/phase_ledger.h"
#include "tandem/observe/statistics.h"
#include "tandem/platform/model/tokenizer.h"
#include "tandem/platform/results.h"
#include "transcript.h"

namespace tandem::platform {

// Time of decoding: from the first token that a prefill gave, without the prefills after it.
class DecodeClock {
 public:
  // At the first token; `prefill_ps` is the time spent in the prefill phase so far.
  void start(std::uint64_t now_ps, std::uint64_t prefill_ps) {
    if (started_) return;
    started_ = true;
    start_ps_ = now_ps;
    prefill_at_start_ps_ = prefill_ps;
  }
  std::uint64_t elapsed_ps(std::uint64_t now_ps, std::uint64_t prefill_ps) const {
    return started_ ? (now_ps - start_ps_) - (prefill_ps - prefill_at_start_ps_) : 0;
  }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(started_, start_ps_, prefill_at_start_ps_);
  }

 private:
  bool started_ = false;
  std::uint64_t start_ps_ = 0;
  std::uint64_t prefill_at_start_ps_ = 0;
};

struct Outcome {
  bool complete = false;
  std::string unfinished;  // why requests have not ended, if so
  std::uint64_t simulated_time_ps = 0;
  std::uint64_t prefill_time_ps = 0;
  std::uint64_t decode_time_ps = 0;
  std::vector<RequestLog> requests;
  ServingCounters serving;
  std::vector<PhaseTime> phases;
  std::optional<PassBytes> draft_pass;
  PassBytes verify_pass;
  std::vector<StageTime> stages;
  std::vector<Utilisation> utilisations;
  std::optional<DeviceGroup> group;
  DriverCost driver;
  std::array<std::uint64_t, kResetTargets> resets{};
  std::uint32_t scheduled_resets = 0;
  bool own_firmware = false;  // an ELF of the user's
  std::string violation;      // of the contract, by such firmware: not complete
  observe::PhaseLedger energy;
  observe::StatisticsTable statistics;
  std::string timing_violations;  // the first of them, one line each
  std::optional<FaultReport> faults;
};

// "Reset", or "unknown status 99".
std::string status_name(abi::Status status);

// Tokens that rounds gave, per second of decoding; 0 if there were none.
double decode_tokens_per_s(const Outcome& outcome);

// What was made to go wrong, and what the driver did next.
FaultReport fault_report(const faults::FaultLog& log, const Transcript& transcript,
                         std::uint64_t command_timeout_ps);

RunReport make_report(const Outcome& outcome, const Tokenizer* tokenizer,
                      const RequestList& requests, const SloConfig& slo);

BaselineResult make_baseline(const Outcome& run, const Outcome& baseline);

}  // namespace tandem::platform
