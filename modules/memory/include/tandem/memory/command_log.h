// SPDX-License-Identifier: Apache-2.0
// The command log of a channel, in memory and as text.
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "tandem/memory/command.h"

namespace tandem::memory {

// Keeps every command it hears.
class LogRecorder final : public CommandListener {
 public:
  void on_command(const Command& command) override { commands_.push_back(command); }

  const std::vector<Command>& commands() const { return commands_; }
  void clear() { commands_.clear(); }

 private:
  std::vector<Command> commands_;
};

// Plays a log to a listener.
void replay(const std::vector<Command>& log, CommandListener& listener);

// What the command acts on, as people read it: "RD bank 3 row 7", "REF rank 1", "COMPS of 8".
std::string describe(const Command& command);

// One line per command: cycle, name and then, of every command, rank, group, bank, row, column and
// count as decimal numbers. Lines that begin with '#' are comments; the first one names the fields.
void write_log(std::ostream& out, const std::vector<Command>& log);
// Throws std::invalid_argument with the number of the line and what is wrong with it.
std::vector<Command> read_log(std::istream& in);

}  // namespace tandem::memory
