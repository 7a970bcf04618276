// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/common/archive.h"
#include "tandem/memory/command.h"
#include "tandem/memory/compute_banks.h"
#include "tandem/memory/device.h"

namespace tandem::memory {

// A command that came too early, or too late, or that its bank cannot obey.
struct Violation {
  Command command;
  Command earlier;  // the command it conflicts with, if `has_earlier`
  bool has_earlier = false;
  std::string_view rule;  // a field of DeviceTiming or ComputeBanks, or the state it needs
  // Of rules about time; required is 0 for rules about state. `since` is the cycle from which the
  // rule counts: that of `earlier`, the precharge inside it, or the end of its data. Less than
  // `required` cycles are too few, more are too many.
  Cycle since = 0;
  Cycle required = 0;
  Cycle actual = 0;
};

// "RD bank 3 row 7 at cycle 812: tRCDRD: 13 cycles after ACT bank 3 row 7 at cycle 799, 14
// required"
std::string text(const Violation& violation);

// Judges the commands of one channel, one after the other, by the tables of the device alone: each
// rule is a relation between two commands, tested against the last commands of the log. It shares
// no code with the scheduler and keeps no next-allowed times. modules/memory/README.md lists the
// rules. Cost: some 0.3 microseconds per command, memory independent of the length of the log.
class TimingChecker final : public CommandListener {
 public:
  static constexpr std::size_t kKept = 100;  // violations kept; the others are only counted

  // Throws std::invalid_argument if the device has no clock, no banks or no data rate. Without
  // `compute` a command of computing banks is a violation.
  explicit TimingChecker(const DeviceConfig& device);
  // A log that begins at cycle `epoch`, with all banks shut.
  TimingChecker(const DeviceConfig& device, const ComputeBanks& compute, Cycle epoch = 0);
  ~TimingChecker();
  TimingChecker(TimingChecker&&) noexcept;
  TimingChecker& operator=(TimingChecker&&) noexcept;

  void on_command(const Command& command) override;
  // Call once, at the end of the log: tests that every bank was refreshed often enough until then.
  void finish(Cycle end);
  // While there are no violations.
  void archive(common::Archive& archive);

  std::uint64_t command_count() const;
  std::uint64_t violation_count() const;
  const std::vector<Violation>& violations() const;  // the first kKept
  std::string report() const;                        // one line each; empty if there are none

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tandem::memory
