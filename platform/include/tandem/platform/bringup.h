// SPDX-License-Identifier: Apache-2.0
// What the firmware app `bringup` has said over the UART.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::platform {

struct BringupReport {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t skipped = 0;
  std::vector<std::string> failures;  // what stands behind "[fail] "
  bool ended = false;                 // its last line has come
  std::string console;                // all of it

  bool good() const { return ended && failed == 0; }
  // Why it is not good; empty if it is.
  std::string reason() const;
};

// Counts lines, and does not believe the last one blindly: a summary that disagrees with them is
// no end.
BringupReport read_bringup(std::string console);

}  // namespace tandem::platform
