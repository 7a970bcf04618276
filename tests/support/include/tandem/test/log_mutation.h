// SPDX-License-Identifier: Apache-2.0
// Command logs with one command a cycle too early.
#pragma once
#include <algorithm>
#include <vector>

#include "tandem/memory/timing_checker.h"

namespace tandem::test {

struct MovedCommand {
  std::vector<memory::Command> before;  // the commands that it follows
  memory::Command command;              // one cycle earlier than in the log
};

// The command at `index`, which is not at cycle 0, moved behind those that still precede it.
inline MovedCommand move_earlier(const std::vector<memory::Command>& log, std::size_t index) {
  MovedCommand moved{{}, log[index]};
  --moved.command.cycle;
  const auto end = std::find_if(
      log.begin(), log.begin() + static_cast<std::ptrdiff_t>(index),
      [&moved](const memory::Command& other) { return other.cycle > moved.command.cycle; });
  moved.before.assign(log.begin(), end);
  return moved;
}

}  // namespace tandem::test
