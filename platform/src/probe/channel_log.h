// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "tandem/memory/command_channel.h"
#include "tandem/memory/command_log.h"
#include "tandem/memory/timing_checker.h"

namespace tandem::platform {

// Who listens to the commands of one channel under probe: the timing checker, a recorder, or
// nobody.
class ChannelLog {
 public:
  ChannelLog(const memory::DeviceConfig& device, const memory::ComputeBanks* compute, bool check,
             bool record) {
    if (check && compute != nullptr) checker_.emplace(device, *compute);
    if (check && compute == nullptr) checker_.emplace(device);
    if (record) recorder_.emplace();
  }
  // The log stays where it is from here on.
  void attach(memory::CommandChannel& channel) {
    if (checker_) channel.add_listener(*checker_);
    if (recorder_) channel.add_listener(*recorder_);
  }
  void finish(memory::Cycle end) {
    if (checker_) checker_->finish(end);
  }
  std::uint64_t violations() const { return checker_ ? checker_->violation_count() : 0; }
  std::string report() const { return checker_ ? checker_->report() : std::string(); }
  // Throws UserError.
  void write(const std::filesystem::path& file) const;

 private:
  std::optional<memory::TimingChecker> checker_;
  std::optional<memory::LogRecorder> recorder_;
};

}  // namespace tandem::platform
