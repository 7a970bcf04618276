// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/memory/command.h"

namespace tandem::memory {

// Somebody who gives commands of its own to the banks of a CommandChannel, in the same loop as
// ordinary requests: PIM. Every call is made from CommandChannel::tick().
class BankAgent {
 public:
  enum class Verdict {
    kNothing,  // ordinary requests may go on
    kCommand,  // `command` is to be issued now
    kHold,     // no command may be issued now
  };

  virtual ~BankAgent() = default;

  // The next command, if its time has come. `refreshing` while a refresh waits for banks to be
  // shut; `busy` while ordinary requests are in the command queues. What kCommand returns is issued
  // at once.
  virtual Verdict step(Cycle now, bool refreshing, bool busy, Command& command) = 0;
  // Whether an ordinary request for `row` may have `command` issued now; told afterwards if it was.
  virtual bool permits(const Command& command, std::uint32_t row) = 0;
  virtual void issued(const Command& command) = 0;
  // A refresh has been issued.
  virtual void refreshed() = 0;
  // First cycle after `now` at which step() may do something that it would not do now.
  virtual Cycle next(Cycle now) const = 0;
  // Nothing to do until it is given more work.
  virtual bool idle() const = 0;
  // Whether ordinary requests may enter the command queues.
  virtual bool admits_requests() const = 0;
  // One transaction per cycle enters a queue: takes the slot (true) or leaves it to an ordinary
  // request. `ordinary`: one of those waits; `draining`: and it is a write to be drained.
  virtual bool take_transfer(Cycle now, bool ordinary, bool draining) = 0;
};

}  // namespace tandem::memory
