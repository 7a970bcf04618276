// SPDX-License-Identifier: Apache-2.0
// A second opinion on the timing of ordinary commands: every command against every earlier one, by
// distances between commands. Slow, and shares nothing with the checker or the scheduler.
#pragma once
#include <vector>

#include "tandem/memory/command.h"
#include "tandem/memory/device.h"

namespace tandem::memory::test {

// A valid device whose geometry and every parameter are drawn, so that any of them may bind.
DeviceConfig drawn_device(unsigned seed);

class TimingOracle {
 public:
  explicit TimingOracle(const DeviceConfig& device);
  // The first cycle at which `command` may follow the first `count` commands of the log. WCK and
  // the interval of refreshes are not looked at.
  Cycle earliest(const std::vector<Command>& log, std::size_t count, const Command& command) const;

 private:
  Cycle distance(const Command& from, const Command& to) const;
  Cycle internal_precharge(const std::vector<Command>& log, std::size_t index) const;
  bool same_bus(const Command& a, const Command& b) const;

  DeviceTiming t_;  // in cycles
  Cycle burst_;
  Cycle read_to_precharge_;
  bool two_buses_;
};

}  // namespace tandem::memory::test
