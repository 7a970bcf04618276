// SPDX-License-Identifier: Apache-2.0
// What a channel at transaction fidelity has promised: slots of queues, activates, the data bus.
// Each answers "when is the earliest time that ...", holes between earlier promises included.
#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "tandem/memory/bank_timing.h"
#include "tandem/memory/command.h"

namespace tandem::memory {

// Slots of a queue. Who takes some knows when it leaves.
class QueueSlots {
 public:
  explicit QueueSlots(unsigned slots) : slots_(slots) {}

  // Earliest cycle, not before `at`, with `wanted` slots free (or all of them, if it wants more)
  // while `reserved` others are taken by somebody who has not said when he leaves.
  Cycle admit(Cycle at, unsigned wanted = 1, unsigned reserved = 0);
  void take(Cycle leaves, unsigned slots);
  // Those that would leave after `cycle` leave later.
  void delay(Cycle cycle, Cycle by);
  void clear();

 private:
  struct Entry {
    Cycle leaves;
    unsigned slots;
  };
  unsigned slots_;
  unsigned taken_ = 0;
  std::vector<Entry> entries_;  // those from first_ on count, the first to leave first
  std::size_t first_ = 0;
};

// Activates of one rank: tRRD between neighbours, four at most in any tFAW.
class ActivateSlots {
 public:
  Cycle find(Cycle from, unsigned group, const CycleTiming& t) const;
  void take(Cycle at, unsigned group);
  void clear() { count_ = 0; }

 private:
  static constexpr unsigned kKept = 32;
  static constexpr unsigned kWindow = 4;
  struct Activate {
    Cycle at;
    unsigned group;
  };
  Cycle after(unsigned index, unsigned group, const CycleTiming& t) const;
  bool fits(Cycle at, unsigned index, unsigned group, const CycleTiming& t) const;

  std::array<Activate, kKept> kept_{};  // the latest, in order of time
  unsigned count_ = 0;
};

// The data bus of a channel, in cycles of data. Neighbours of different direction or rank keep the
// distance that the device asks for.
class DataBus {
 public:
  struct User {
    unsigned rank;
    bool is_write;
    bool operator==(const User& other) const {
      return rank == other.rank && is_write == other.is_write;
    }
  };
  struct Slot {
    Cycle begin;
    std::uint64_t bursts;
  };

  // The earliest place not before `from` for at least one of `bursts` bursts, and for how many.
  Slot find(const User& user, Cycle from, std::uint64_t bursts, const CycleTiming& t) const;
  void take(const User& user, const Slot& slot, const CycleTiming& t);
  // End of the last data promised.
  Cycle end() const { return slices_.empty() ? 0 : slices_.back().end; }
  void clear();

 private:
  static constexpr std::size_t kKept = 64;
  struct Slice {
    Cycle begin;
    Cycle end;
    User user;
  };
  std::size_t first_ending_after(Cycle cycle) const;

  std::vector<Slice> slices_;  // in order of time
  Cycle closed_until_ = 0;     // what lies before is forgotten and counts as taken
};

// Column commands of one bank group where tCCD_L is longer than a burst.
class GroupPace {
 public:
  Cycle find(Cycle from, Cycle length) const;
  void take(Cycle begin, Cycle length);
  void clear();

 private:
  static constexpr std::size_t kKept = 16;
  struct Slice {
    Cycle begin;
    Cycle end;
  };
  std::vector<Slice> slices_;
  Cycle closed_until_ = 0;
};

}  // namespace tandem::memory
