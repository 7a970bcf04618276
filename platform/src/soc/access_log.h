// SPDX-License-Identifier: Apache-2.0
// The file access.log: accesses, interrupts and the firmware's own words, by time.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/common/systemc.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

class AccessLog {
 public:
  // Of a platform with this map. `config` says what is wanted of each module.
  AccessLog(const LogConfig& config, const HardwareConfig& hardware);

  bool wants(LogModule module, LogLevel level) const { return config_.at(module) >= level; }
  // An access is over; `payload` holds its response and its data.
  void access(std::uint64_t time_ps, const char* initiator, std::uint64_t address,
              const common::Payload& payload);
  // A line of another kind; dropped if the module does not want the level.
  void say(std::uint64_t time_ps, LogModule module, LogLevel level, std::string_view text);

  // All lines in the order of their times. What did not fit is counted in the last one.
  std::string text() const;
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Region {
    LogModule module;
    std::uint64_t base;
    std::uint64_t bytes;
  };
  struct Entry {
    std::uint64_t time_ps;
    std::string text;
  };

  const Region* region_at(std::uint64_t address) const;  // nullptr: none
  void add(std::uint64_t time_ps, const char* who, const std::string& text);

  const LogConfig config_;
  const HardwareConfig hardware_;
  std::vector<Region> regions_;
  std::vector<Entry> entries_;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace tandem::platform
