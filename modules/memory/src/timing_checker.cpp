// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/timing_checker.h"

#include <algorithm>
#include <array>
#include <optional>

#include "command_history.h"
#include "tandem/memory/command_log.h"
#include "timing_rules.h"

namespace tandem::memory {

using namespace checker;

namespace {

constexpr unsigned kActivatesPerWindow = 4;
constexpr Cycle kMostIntervals = 9;  // of tREFI: one and the eight that may be postponed
constexpr std::size_t kBurstsKept = 8;

// Needs an open row; the accumulators that a result read empties do not.
bool is_compute(CommandKind kind) {
  return kind == CommandKind::kCompute || kind == CommandKind::kComputeRead;
}

bool of_computing_banks(CommandKind kind) {
  return kind >= CommandKind::kGroupActivate;
}

bool moves_results(CommandKind kind) {
  return kind == CommandKind::kComputeRead || kind == CommandKind::kResultRead;
}

bool moves_data(CommandKind kind) {
  return is_column(kind) || kind == CommandKind::kBufferLoad || moves_results(kind);
}

bool closes_its_row(CommandKind kind) {
  return kind == CommandKind::kReadPrecharge || kind == CommandKind::kWritePrecharge;
}

bool data_flows_out(CommandKind kind) {
  return is_read(kind) || moves_results(kind);
}

bool uses_column_bus(CommandKind kind) {
  return moves_data(kind) || is_compute(kind) || kind == CommandKind::kBufferWrite;
}

struct Burst {
  Command command;
  Cycle begin = 0;
  Cycle end = 0;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(command, begin, end);
  }
};

// What a bank has open; of one row buffer, `computing` stays empty.
struct Bank {
  std::optional<Command> ordinary;
  std::optional<Command> computing;
  std::optional<Command> refreshed;
  std::uint64_t refreshes = 0;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(ordinary, computing, refreshed, refreshes);
  }
};

// A rule that the device has.
struct ActiveRule {
  Rule rule;
  std::vector<std::size_t> from;  // events
};

std::vector<std::size_t> events_of(EventSet set) {
  std::vector<std::size_t> events;
  for (std::size_t event = 0; event < kEventKinds; ++event) {
    if ((set >> event & 1) != 0) events.push_back(event);
  }
  return events;
}

}  // namespace

struct TimingChecker::State {
  State(const DeviceConfig& device, const ComputeBanks* compute, Cycle epoch);

  void check(const Command& command);
  void finish(Cycle end);
  void archive(common::Archive& archive) {
    archive(commands, first_cycle, history, banks, activates, bursts, on_bus, last, run_begin);
    archive(wck_sync);
  }

  std::uint64_t commands = 0;
  std::uint64_t violations = 0;
  std::vector<Violation> kept;

 private:
  bool check_address(const Command& command);
  void find_banks(const Command& command);
  void check_order(const Command& command);
  void check_command_bus(const Command& command);
  void check_state(const Command& command);
  void check_pairs(const Command& command);
  void check_activate_window(const Command& command);
  void check_pipeline(const Command& command);
  void check_clock_of_data(const Command& command);
  void check_data_bus(const Command& command);
  void check_refresh_interval(const Command& command);
  void remember(const Command& command);
  void remember_data(const Command& command);
  void apply(const Command& command);
  void apply_to_bank(const Command& command, Bank& bank);

  std::optional<Command>& compute_buffer(Bank& bank) {
    return limits.dual_row_buffer ? bank.computing : bank.ordinary;
  }
  bool any_open_for_compute() const;
  Cycle idle_data_bus(const Command& earlier, const Command& later) const;
  Cycle internal_precharge(const Command& command) const;

  void too_early(const Command& command, const Command& earlier, std::string_view rule, Cycle since,
                 Cycle required);
  void too_late(const Command& command, const std::optional<Command>& earlier,
                std::string_view rule, Cycle since, Cycle longest);
  void bad_state(const Command& command, std::string_view rule,
                 const std::optional<Command>& earlier = std::nullopt);
  void record(const Violation& violation);

  DeviceGeometry geometry;
  Limits limits;
  bool computes;
  Cycle first_cycle;
  std::array<std::vector<ActiveRule>, kCommandKinds> rules;  // by the later command
  CommandHistory history;
  std::vector<Bank> banks;
  std::vector<unsigned> acted_on;                // banks of the command that is checked
  std::vector<std::vector<Command>> activates;   // per rank, the last four, oldest first
  std::vector<Burst> bursts;                     // the last on the data bus, oldest first
  std::array<std::optional<Command>, 2> on_bus;  // last command of the row and the column bus
  std::optional<Command> last;
  std::optional<Command> run_begin;  // first compute since the last result
  std::optional<Command> wck_sync;
};

TimingChecker::State::State(const DeviceConfig& device, const ComputeBanks* compute, Cycle epoch)
    : geometry(device.geometry),
      limits(limits_of(device, compute != nullptr ? *compute : ComputeBanks{})),
      computes(compute != nullptr),
      first_cycle(epoch),
      history(device.geometry),
      banks(device.geometry.banks()),
      activates(device.geometry.ranks) {
  for (std::size_t kind = 0; kind < kCommandKinds; ++kind) {
    for (const Rule& rule : rules_for(static_cast<CommandKind>(kind))) {
      if (rule.cycles(limits, Command{}) > 0) rules[kind].push_back({rule, events_of(rule.from)});
    }
  }
}

void TimingChecker::State::check(const Command& command) {
  ++commands;
  if (!check_address(command)) return;
  find_banks(command);
  check_order(command);
  check_command_bus(command);
  check_state(command);
  check_pairs(command);
  check_activate_window(command);
  check_pipeline(command);
  check_clock_of_data(command);
  check_data_bus(command);
  check_refresh_interval(command);
  remember(command);
  apply(command);
}

bool TimingChecker::State::check_address(const Command& c) {
  if (of_computing_banks(c.kind) && !computes) {
    bad_state(c, "computing banks");
    return false;
  }
  const unsigned group = c.rank * geometry.bank_groups + c.group;
  const bool one_bank = c.kind <= CommandKind::kRefreshBank && c.kind != CommandKind::kRefresh;
  const bool right = c.rank < geometry.ranks && c.group < geometry.bank_groups &&
                     c.bank < geometry.banks() && c.row < geometry.rows &&
                     (!is_column(c.kind) || c.column < geometry.columns()) &&
                     (!one_bank || c.bank / geometry.banks_per_group == group);
  if (!right) bad_state(c, "valid address");
  return right;
}

void TimingChecker::State::find_banks(const Command& c) {
  const auto span = [this](unsigned first, unsigned count) {
    for (unsigned bank = first; bank < first + count; ++bank) acted_on.push_back(bank);
  };
  const unsigned rank_begin = c.rank * geometry.banks_per_rank();
  acted_on.clear();
  switch (c.kind) {
    case CommandKind::kRefresh:
      span(rank_begin, geometry.banks_per_rank());
      break;
    case CommandKind::kGroupActivate:
      if (limits.banks_per_activate >= geometry.banks_per_rank()) {
        span(rank_begin, geometry.banks_per_rank());
      } else {
        span(rank_begin + c.group * geometry.banks_per_group, limits.banks_per_activate);
      }
      break;
    case CommandKind::kComputePrechargeAll:
      for (unsigned bank = 0; bank < banks.size(); ++bank) {
        if (compute_buffer(banks[bank])) acted_on.push_back(bank);
      }
      break;
    case CommandKind::kWckSync:
    case CommandKind::kBufferLoad:
    case CommandKind::kCompute:
    case CommandKind::kComputeRead:
    case CommandKind::kResultRead:
    case CommandKind::kMode:
      break;
    default:
      acted_on.push_back(c.bank);
  }
}

void TimingChecker::State::check_order(const Command& command) {
  if (last && command.cycle < last->cycle) bad_state(command, "rising cycles", last);
}

void TimingChecker::State::check_command_bus(const Command& command) {
  const bool column = geometry.separate_command_buses && uses_column_bus(command.kind);
  std::optional<Command>& bus = on_bus[column ? 1 : 0];
  if (bus && bus->cycle == command.cycle) bad_state(command, "free command bus", bus);
  bus = command;
}

void TimingChecker::State::check_state(const Command& c) {
  for (const unsigned index : acted_on) {
    Bank& bank = banks[index];
    switch (c.kind) {
      case CommandKind::kActivate:
        if (bank.ordinary) return bad_state(c, "shut bank", bank.ordinary);
        if (bank.computing && bank.computing->row == c.row) {
          return bad_state(c, "row in no other buffer", bank.computing);
        }
        break;
      case CommandKind::kGroupActivate:
        if (compute_buffer(bank)) return bad_state(c, "shut bank", compute_buffer(bank));
        if (bank.ordinary && bank.ordinary->row == c.row) {
          return bad_state(c, "row in no other buffer", bank.ordinary);
        }
        break;
      case CommandKind::kRead:
      case CommandKind::kWrite:
      case CommandKind::kReadPrecharge:
      case CommandKind::kWritePrecharge:
      case CommandKind::kBufferWrite:
        if (!bank.ordinary || bank.ordinary->row != c.row) {
          return bad_state(c, "open row", bank.ordinary);
        }
        break;
      case CommandKind::kPrecharge:
        if (!bank.ordinary) return bad_state(c, "open bank");
        break;
      case CommandKind::kComputePrecharge:
        if (!compute_buffer(bank)) return bad_state(c, "open bank");
        break;
      case CommandKind::kRefresh:
      case CommandKind::kRefreshBank:
        if (bank.ordinary) return bad_state(c, "shut banks", bank.ordinary);
        if (bank.computing) return bad_state(c, "shut banks", bank.computing);
        break;
      default:
        break;
    }
  }
  if (c.kind == CommandKind::kMode) {
    for (const Bank& bank : banks) {
      if (bank.ordinary) return bad_state(c, "shut banks", bank.ordinary);
      if (bank.computing) return bad_state(c, "shut banks", bank.computing);
    }
  }
  if (is_compute(c.kind) && !any_open_for_compute()) bad_state(c, "open row");
}

bool TimingChecker::State::any_open_for_compute() const {
  return std::any_of(banks.begin(), banks.end(), [this](const Bank& bank) {
    return (limits.dual_row_buffer ? bank.computing : bank.ordinary).has_value();
  });
}

void TimingChecker::State::check_pairs(const Command& command) {
  for (const ActiveRule& active : rules[static_cast<std::size_t>(command.kind)]) {
    // Only the event that binds most is reported.
    Cycle legal = 0;
    Cycle required = 0;
    const Event* binding = nullptr;
    for (const std::size_t kind : active.from) {
      history.visit_last(kind, active.rule.where, acted_on, [&](const Event& event) {
        const Cycle cycles = active.rule.cycles(limits, event.command);
        if (event.since + cycles <= legal) return;
        legal = event.since + cycles;
        required = cycles;
        binding = &event;
      });
    }
    if (command.cycle < legal) {
      too_early(command, binding->command, active.rule.name, binding->since, required);
    }
  }
}

void TimingChecker::State::check_activate_window(const Command& command) {
  if (command.kind != CommandKind::kActivate || limits.tFAW == 0) return;
  const std::vector<Command>& window = activates[command.rank];
  if (window.size() < kActivatesPerWindow) return;
  if (command.cycle < window.front().cycle + limits.tFAW) {
    too_early(command, window.front(), "tFAW", window.front().cycle, limits.tFAW);
  }
}

void TimingChecker::State::check_pipeline(const Command& command) {
  if (command.kind != CommandKind::kResultRead || !run_begin) return;
  const Cycle required = limits.tCCD_S * limits.pipeline_computes;
  if (command.cycle < run_begin->cycle + required) {
    too_early(command, *run_begin, "pipeline_computes", run_begin->cycle, required);
  }
}

// The write clock of LPDDR5 runs from its synchronisation, or the last data, for tWCKIDLE.
void TimingChecker::State::check_clock_of_data(const Command& command) {
  if (limits.tWCKSYNC == 0 || !moves_data(command.kind)) return;
  const Cycle data_end = bursts.empty() ? 0 : bursts.back().end;
  if (!bursts.empty() && command.cycle <= data_end + limits.tWCKIDLE) return;
  if (!wck_sync) return bad_state(command, "running WCK");
  const Cycle runs = wck_sync->cycle + limits.tWCKSYNC;
  if (command.cycle < runs) {
    return too_early(command, *wck_sync, "tWCKSYNC", wck_sync->cycle, limits.tWCKSYNC);
  }
  if (data_end > runs) {
    too_late(command, bursts.back().command, "tWCKIDLE", data_end, limits.tWCKIDLE);
  } else if (command.cycle > runs + limits.tWCKIDLE) {
    too_late(command, wck_sync, "tWCKIDLE", runs, limits.tWCKIDLE);
  }
}

Cycle TimingChecker::State::idle_data_bus(const Command& earlier, const Command& later) const {
  const bool read_to_write = data_flows_out(earlier.kind) && !data_flows_out(later.kind);
  if (read_to_write) return limits.tRTRS;
  if (earlier.kind == CommandKind::kComputeRead) return is_read(later.kind) ? limits.tRTRS : 0;
  if (earlier.kind == CommandKind::kBufferLoad) return is_read(later.kind) ? limits.tRTRS : 0;
  const bool other_rank = is_column(earlier.kind) && earlier.rank != later.rank;
  return other_rank && is_read(later.kind) ? limits.tRTRS : 0;
}

// Bursts follow each other in the order of their commands.
void TimingChecker::State::check_data_bus(const Command& command) {
  if (!moves_data(command.kind)) return;
  const Cycle latency = data_flows_out(command.kind) ? limits.CL : limits.CWL;
  const Cycle begin = command.cycle + latency;
  const Burst* binding = nullptr;
  Cycle free = 0;
  for (const Burst& burst : bursts) {
    const Cycle may = burst.end + idle_data_bus(burst.command, command);
    if (may <= free) continue;
    free = may;
    binding = &burst;
  }
  if (binding == nullptr || begin >= free) return;
  const bool overlap = begin < binding->end;
  // In cycles from command to command; free > begin >= latency.
  const Cycle legal = free - latency;
  const Cycle since = binding->command.cycle;
  too_early(command, binding->command, overlap ? "data bus" : "tRTRS", since, legal - since);
}

void TimingChecker::State::check_refresh_interval(const Command& command) {
  if (limits.tREFI == 0) return;
  if (command.kind != CommandKind::kRefresh && command.kind != CommandKind::kRefreshBank) return;
  for (const unsigned bank : acted_on) {
    const std::optional<Command>& before = banks[bank].refreshed;
    const Cycle since = before ? before->cycle : first_cycle;
    const Cycle longest = kMostIntervals * limits.tREFI;
    if (command.cycle > since + longest) return too_late(command, before, "tREFI", since, longest);
  }
}

Cycle TimingChecker::State::internal_precharge(const Command& c) const {
  const Cycle read = std::max(short_read_to_precharge(limits), long_read_to_precharge(limits));
  const Cycle recovered =
      c.cycle + (is_read(c.kind) ? read : limits.CWL + limits.burst + limits.tWR);
  const std::optional<Command>& opened = banks[c.bank].ordinary;
  return opened ? std::max(recovered, opened->cycle + limits.tRAS) : recovered;
}

void TimingChecker::State::remember(const Command& c) {
  last = c;
  history.put(static_cast<std::size_t>(c.kind), {c, c.cycle}, acted_on);
  if (closes_its_row(c.kind)) {
    history.put(kAutoPrecharge, {c, internal_precharge(c)}, acted_on);
  }
  if (moves_data(c.kind)) remember_data(c);
  if (c.kind == CommandKind::kActivate) {
    std::vector<Command>& window = activates[c.rank];
    if (window.size() == kActivatesPerWindow) window.erase(window.begin());
    window.push_back(c);
  }
  if (c.kind == CommandKind::kWckSync) wck_sync = c;
  if (c.kind == CommandKind::kCompute && !run_begin) run_begin = c;
  if (moves_results(c.kind)) run_begin.reset();
}

void TimingChecker::State::remember_data(const Command& c) {
  const Cycle begin = c.cycle + (data_flows_out(c.kind) ? limits.CL : limits.CWL);
  if (bursts.size() == kBurstsKept) bursts.erase(bursts.begin());
  bursts.push_back({c, begin, begin + limits.burst});
}

void TimingChecker::State::apply(const Command& command) {
  for (const unsigned bank : acted_on) apply_to_bank(command, banks[bank]);
}

void TimingChecker::State::apply_to_bank(const Command& c, Bank& bank) {
  switch (c.kind) {
    case CommandKind::kActivate:
      bank.ordinary = c;
      break;
    case CommandKind::kGroupActivate:
      compute_buffer(bank) = c;
      break;
    case CommandKind::kPrecharge:
    case CommandKind::kReadPrecharge:
    case CommandKind::kWritePrecharge:
      bank.ordinary.reset();
      break;
    case CommandKind::kComputePrecharge:
    case CommandKind::kComputePrechargeAll:
      compute_buffer(bank).reset();
      break;
    case CommandKind::kRefresh:
    case CommandKind::kRefreshBank:
      bank.refreshed = c;
      ++bank.refreshes;
      break;
    default:
      break;
  }
}

void TimingChecker::State::finish(Cycle end) {
  if (limits.tREFI == 0) return;
  const Cycle longest = kMostIntervals * limits.tREFI;
  // Intervals that are over.
  const Cycle due = end <= first_cycle ? 0 : (end - first_cycle - 1) / limits.tREFI;
  for (unsigned index = 0; index < banks.size(); ++index) {
    const Bank& bank = banks[index];
    const Cycle since = bank.refreshed ? bank.refreshed->cycle : first_cycle;
    Command missing;
    missing.cycle = end;
    missing.kind = CommandKind::kRefreshBank;
    missing.bank = static_cast<std::uint8_t>(index);
    missing.rank = static_cast<std::uint8_t>(history.rank_of(index));
    missing.group = static_cast<std::uint8_t>(history.group_of(index) % geometry.bank_groups);
    if (end > since + longest) {
      too_late(missing, bank.refreshed, "tREFI", since, longest);
    } else if (bank.refreshes + kMostIntervals - 1 < due) {
      bad_state(missing, "enough refreshes", bank.refreshed);
    }
  }
}

void TimingChecker::State::too_early(const Command& command, const Command& earlier,
                                     std::string_view rule, Cycle since, Cycle required) {
  const Cycle actual = command.cycle > since ? command.cycle - since : 0;
  record({command, earlier, true, rule, since, required, actual});
}

void TimingChecker::State::too_late(const Command& command, const std::optional<Command>& earlier,
                                    std::string_view rule, Cycle since, Cycle longest) {
  record({command, earlier.value_or(Command{}), earlier.has_value(), rule, since, longest,
          command.cycle - since});
}

void TimingChecker::State::bad_state(const Command& command, std::string_view rule,
                                     const std::optional<Command>& earlier) {
  const Cycle since = earlier ? earlier->cycle : 0;
  record({command, earlier.value_or(Command{}), earlier.has_value(), rule, since, 0, 0});
}

void TimingChecker::State::record(const Violation& violation) {
  ++violations;
  if (kept.size() < kKept) kept.push_back(violation);
}

std::string text(const Violation& v) {
  const auto at = [](const Command& command) {
    return describe(command) + " at cycle " + std::to_string(command.cycle);
  };
  std::string line = at(v.command) + ": ";
  if (v.required == 0) {
    line += std::string(v.rule) + " needed";
    return v.has_earlier ? line + ", last was " + at(v.earlier) : line;
  }
  line += std::string(v.rule) + ": " + std::to_string(v.actual) + " cycles after ";
  if (!v.has_earlier) {
    line += "cycle " + std::to_string(v.since);
  } else if (v.since == v.earlier.cycle) {
    line += at(v.earlier);
  } else {
    line += "cycle " + std::to_string(v.since) + " (" + at(v.earlier) + ")";
  }
  return line + ", " + (v.actual < v.required ? "" : "at most ") + std::to_string(v.required) +
         (v.actual < v.required ? " required" : " allowed");
}

TimingChecker::TimingChecker(const DeviceConfig& device)
    : state_(std::make_unique<State>(device, nullptr, 0)) {}
TimingChecker::TimingChecker(const DeviceConfig& device, const ComputeBanks& compute, Cycle epoch)
    : state_(std::make_unique<State>(device, &compute, epoch)) {}
TimingChecker::~TimingChecker() = default;
TimingChecker::TimingChecker(TimingChecker&&) noexcept = default;
TimingChecker& TimingChecker::operator=(TimingChecker&&) noexcept = default;

void TimingChecker::on_command(const Command& command) {
  state_->check(command);
}
void TimingChecker::finish(Cycle end) {
  state_->finish(end);
}
void TimingChecker::archive(common::Archive& archive) {
  archive(*state_);
}

std::uint64_t TimingChecker::command_count() const {
  return state_->commands;
}
std::uint64_t TimingChecker::violation_count() const {
  return state_->violations;
}
const std::vector<Violation>& TimingChecker::violations() const {
  return state_->kept;
}

std::string TimingChecker::report() const {
  std::string lines;
  for (const Violation& violation : state_->kept) lines += text(violation) + "\n";
  const std::uint64_t more = state_->violations - state_->kept.size();
  if (more > 0) lines += "and " + std::to_string(more) + " more\n";
  return lines;
}

}  // namespace tandem::memory
