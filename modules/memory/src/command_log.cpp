// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/command_log.h"

#include <algorithm>
#include <istream>
#include <limits>
#include <ostream>
#include <sstream>
#include <stdexcept>

namespace tandem::memory {
namespace {

CommandKind kind_of(const std::string& name) {
  const auto found = std::find(kCommandNames.begin(), kCommandNames.end(), name);
  if (found == kCommandNames.end()) throw std::invalid_argument("no command is called " + name);
  return static_cast<CommandKind>(found - kCommandNames.begin());
}

template <class Number>
Number read_field(std::istream& in, const char* field) {
  constexpr std::uint64_t kMost = std::numeric_limits<Number>::max();
  std::uint64_t value = 0;
  if (!(in >> value) || value > kMost) {
    throw std::invalid_argument(std::string(field) + " is missing or no number from 0 to " +
                                std::to_string(kMost));
  }
  return static_cast<Number>(value);
}

Command parse(const std::string& line) {
  std::istringstream in(line);
  Command command;
  command.cycle = read_field<Cycle>(in, "cycle");
  std::string name;
  in >> name;
  command.kind = kind_of(name);
  command.rank = read_field<std::uint8_t>(in, "rank");
  command.group = read_field<std::uint8_t>(in, "group");
  command.bank = read_field<std::uint8_t>(in, "bank");
  command.row = read_field<std::uint32_t>(in, "row");
  command.column = read_field<std::uint32_t>(in, "column");
  command.count = read_field<std::uint16_t>(in, "count");
  std::string rest;
  if (in >> rest) throw std::invalid_argument("unexpected \"" + rest + "\" after the count");
  return command;
}

}  // namespace

void replay(const std::vector<Command>& log, CommandListener& listener) {
  for (const Command& command : log) listener.on_command(command);
}

std::string describe(const Command& command) {
  std::string name(name_of(command.kind));
  const std::string bank = " bank " + std::to_string(command.bank);
  const std::string row = " row " + std::to_string(command.row);
  switch (command.kind) {
    case CommandKind::kPrecharge:
    case CommandKind::kRefreshBank:
    case CommandKind::kComputePrecharge:
      return name + bank;
    case CommandKind::kRefresh:
      return name + " rank " + std::to_string(command.rank);
    case CommandKind::kGroupActivate:
      return name + " rank " + std::to_string(command.rank) + " group " +
             std::to_string(command.group) + row;
    case CommandKind::kCompute:
    case CommandKind::kComputeRead:
      return name + " of " + std::to_string(command.count);
    case CommandKind::kWckSync:
    case CommandKind::kComputePrechargeAll:
    case CommandKind::kBufferLoad:
    case CommandKind::kResultRead:
    case CommandKind::kMode:
      return name;
    default:
      return name + bank + row;
  }
}

void write_log(std::ostream& out, const std::vector<Command>& log) {
  out << "# cycle command rank group bank row column count\n";
  for (const Command& c : log) {
    out << c.cycle << ' ' << name_of(c.kind) << ' ' << unsigned{c.rank} << ' ' << unsigned{c.group}
        << ' ' << unsigned{c.bank} << ' ' << c.row << ' ' << c.column << ' ' << c.count << '\n';
  }
}

std::vector<Command> read_log(std::istream& in) {
  std::vector<Command> log;
  std::string line;
  for (unsigned number = 1; std::getline(in, line); ++number) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos || line[first] == '#') continue;
    try {
      log.push_back(parse(line));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("line " + std::to_string(number) + ": " + error.what());
    }
  }
  return log;
}

}  // namespace tandem::memory
