// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/memory/device.h"

namespace tandem::memory {

enum class Scheduling {
  kFrFcfs,  // row hits first, then the oldest
  kFcfs,    // the oldest only
};
enum class PagePolicy {
  kOpen,    // rows stay open until another one is wanted
  kClosed,  // the last queued access to a row closes it
};
enum class CommandQueues {
  kPerBank,  // one per bank, visited round-robin
  kPerRank,  // one per rank, visited round-robin; the oldest ready request of a queue goes first
};
enum class RefreshMode {
  kAllBank,  // one rank after the other, all its banks at once
  kPerBank,  // one bank after the other
};

// How a channel is scheduled at command fidelity. Lengths in requests of one burst.
struct ControllerConfig {
  Scheduling scheduling = Scheduling::kFrFcfs;
  PagePolicy page = PagePolicy::kOpen;
  CommandQueues queues = CommandQueues::kPerBank;
  RefreshMode refresh = RefreshMode::kAllBank;
  unsigned command_queue = 16;  // requests in each command queue
  unsigned read_queue = 32;     // reads waiting for a command queue
  unsigned write_queue = 32;    // writes waiting; draining begins when it is full ...
  unsigned write_low = 8;       // ... or when it holds more than this and no command is queued ...
  unsigned write_idle = 128;    // ... or when nothing else happened for so many cycles
  unsigned row_hit_cap = 4;     // column commands to a row before an older miss may close it

  // Throws FieldError.
  void validate() const;
  // And that the device can be refreshed as `refresh` says.
  void validate_with(const DeviceConfig& device) const;
};

}  // namespace tandem::memory
