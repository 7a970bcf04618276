// SPDX-License-Identifier: Apache-2.0
// The rules of the timing checker that relate two commands, as a table.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tandem/memory/command.h"
#include "tandem/memory/compute_banks.h"
#include "tandem/memory/device.h"

namespace tandem::memory::checker {

// The tables of the device; here the fields of DeviceTiming are whole cycles, too.
struct Limits : DeviceTiming, ComputeBanks {
  Cycle burst = 0;
  bool has_bank_groups = false;  // several per rank
};
Limits limits_of(const DeviceConfig& device, const ComputeBanks& compute);

// Read to precharge of the same bank; 0 for that of the two which does not hold for the device.
constexpr Cycle short_read_to_precharge(const Limits& t) {
  return t.has_bank_groups && t.tRTP_L != 0 ? 0 : t.tRTP_S;
}
constexpr Cycle long_read_to_precharge(const Limits& t) {
  return t.has_bank_groups || t.tRTP_S == 0 ? t.tRTP_L : 0;
}

// What the log remembers: commands, and the precharge inside RDA and WRA, which has its own time.
constexpr std::size_t kAutoPrecharge = kCommandKinds;
constexpr std::size_t kEventKinds = kCommandKinds + 1;

using EventSet = std::uint32_t;  // bit i: event i
constexpr EventSet set_of(CommandKind kind) {
  return EventSet{1} << static_cast<unsigned>(kind);
}
constexpr bool contains(EventSet set, CommandKind kind) {
  return (set & set_of(kind)) != 0;
}

// How a bank of the earlier command lies to a bank of the later one; bits of a set.
using Relation = std::uint8_t;
constexpr Relation kSameBank = 1;
constexpr Relation kOtherBank = 2;   // of the same group
constexpr Relation kOtherGroup = 4;  // of the same rank
constexpr Relation kOtherRank = 8;
constexpr Relation kSameGroup = kSameBank | kOtherBank;
constexpr Relation kOtherOfRank = kOtherBank | kOtherGroup;
constexpr Relation kSameRank = kSameGroup | kOtherGroup;
constexpr Relation kAnywhere = kSameRank | kOtherRank;

// A command of `to` comes at least cycles() after the last event of `from` that lies in that
// relation to it.
struct Rule {
  std::string_view name;
  EventSet from;
  EventSet to;
  Relation where;
  // 0, for every earlier command: no such rule.
  Cycle (*cycles)(const Limits& limits, const Command& earlier);
};

// The rules with `kind` as the later command.
std::vector<Rule> rules_for(CommandKind kind);

}  // namespace tandem::memory::checker
