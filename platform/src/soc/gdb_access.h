// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "soc.h"
#include "tandem/platform/session.h"

namespace tandem::platform {

// gdb on the firmware of one SoC, from its first instruction on.
class GdbAccess {
 public:
  // Listens at `where` and tells the observer so. The SoC must have a RISC-V core. Throws
  // UserError.
  GdbAccess(const std::string& where, Soc& soc, RunObserver& observer);
  ~GdbAccess();
  GdbAccess(const GdbAccess&) = delete;
  GdbAccess& operator=(const GdbAccess&) = delete;

  // gdb has asked for the end of the run.
  bool killed() const;
  // The run is over; `why` it is incomplete, else empty.
  void end(const std::string& why);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tandem::platform
