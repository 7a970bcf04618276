// SPDX-License-Identifier: Apache-2.0
// What became of each fault: what the driver told of next that such a fault can lead to.
#include <algorithm>
#include <limits>
#include <optional>

#include "outcome.h"
#include "tandem/abi/command.h"

namespace tandem::platform {
namespace {

using abi::Recovery;
using faults::Kind;

constexpr std::uint64_t kPsPerNs = 1000;
// Beyond its timeout the driver takes its time to look, because it may sleep; an assumption.
constexpr std::uint64_t kSlackPs = 5'000'000'000;

struct Event {
  std::uint64_t time_ps;
  std::optional<Recovery> recovery;  // else a request has failed
  std::string text;
};

std::string text_of(const RecoveryNote& note) {
  switch (note.recovery) {
    case Recovery::kAccessRetried:
      return "access made again";
    case Recovery::kWorkRepeated:
      return std::string("work repeated after ") + abi::name_of(note.status);
    case Recovery::kDeviceReset:
      return "NPU reset, work started again";
    case Recovery::kByteSentAgain:
      return "byte sent again";
  }
  return {};
}

std::vector<Event> events_of(const Transcript& transcript) {
  std::vector<Event> events;
  for (const RecoveryNote& note : transcript.recoveries()) {
    events.push_back({note.time_ns * kPsPerNs, note.recovery, text_of(note)});
  }
  for (std::size_t i = 0; i < transcript.requests().size(); ++i) {
    const RequestLog& log = transcript.requests()[i];
    if (!log.ended || log.answered()) continue;
    events.push_back({log.ended_ns.value_or(0) * kPsPerNs,
                      {},
                      "request " + std::to_string(i) + " failed: " + status_name(log.status)});
  }
  std::stable_sort(events.begin(), events.end(), [](const Event& left, const Event& right) {
    return left.time_ps < right.time_ps;
  });
  return events;
}

bool can_lead_to(const faults::Injected& fault, const std::optional<Recovery>& recovery) {
  if (recovery == Recovery::kByteSentAgain) return fault.kind == Kind::kUartOverrun;
  if (fault.kind == Kind::kUartOverrun) return false;
  const bool of_cpu = fault.where == "cpu.bus";
  const bool of_memory = fault.where == "memory" || fault.where == "sram";  // the CPU's, the NPU's
  if (recovery == Recovery::kAccessRetried) return of_cpu || of_memory;
  return !of_cpu || recovery != Recovery::kWorkRepeated;
}

std::string unseen(Kind kind) {
  switch (kind) {
    case Kind::kEccCorrected:
      return "corrected";
    case Kind::kLostInterrupt:
      return "found without it";
    case Kind::kUartOverrun:
      return "byte lost";
    case Kind::kLateCompletion:
      return "waited for";
    default:
      return "nothing followed";
  }
}

// What the driver did first; or that a request failed, if it did before another fault (at
// `next_ps`) happened.
std::string outcome_of(const faults::Injected& fault, std::uint64_t next_ps,
                       const std::vector<Event>& events, std::uint64_t command_timeout_ps) {
  if (fault.kind == Kind::kEccCorrected || fault.kind == Kind::kLostInterrupt) {
    return unseen(fault.kind);
  }
  std::uint64_t until_ps = fault.time_ps + command_timeout_ps + kSlackPs;
  if (fault.kind == Kind::kLateCompletion) until_ps = fault.time_ps + fault.delay_ps;
  const Event* found = nullptr;
  for (const Event& event : events) {
    if (event.time_ps + kPsPerNs <= fault.time_ps || event.time_ps > until_ps) continue;
    if (!can_lead_to(fault, event.recovery)) continue;
    const bool failed_of_it = !event.recovery && event.time_ps < next_ps;
    if (found == nullptr || failed_of_it) found = &event;
    if (failed_of_it) break;
  }
  return found == nullptr ? unseen(fault.kind) : found->text;
}

}  // namespace

FaultReport fault_report(const faults::FaultLog& log, const Transcript& transcript,
                         std::uint64_t command_timeout_ps) {
  const std::vector<Event> events = events_of(transcript);
  FaultReport report;
  // Initiators that run ahead of each other are logged as they come.
  std::vector<faults::Injected> faults = log.all();
  std::stable_sort(faults.begin(), faults.end(), [](const auto& left, const auto& right) {
    return left.time_ps < right.time_ps;
  });
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const faults::Injected& fault = faults[i];
    const std::uint64_t next_ps =
        i + 1 < faults.size() ? faults[i + 1].time_ps : std::numeric_limits<std::uint64_t>::max();
    report.injected.push_back({fault.time_ps, faults::name_of(fault.kind), fault.where,
                               fault.address, fault.delay_ps,
                               outcome_of(fault, next_ps, events, command_timeout_ps)});
  }
  for (const Event& event : events) {
    report.events.push_back({event.time_ps, event.text, !event.recovery});
  }
  return report;
}

}  // namespace tandem::platform
