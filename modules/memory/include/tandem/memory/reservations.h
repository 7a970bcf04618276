// SPDX-License-Identifier: Apache-2.0
// What a channel at transaction fidelity has promised: slots of queues, activates, the data bus.
// Each answers "when is the earliest time that ...", holes between earlier promises included.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
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
  Cycle admit(Cycle at, unsigned wanted = 1, unsigned reserved = 0) {
    reserved += held_ + wanted;
    const unsigned most = slots_ > reserved ? slots_ - reserved : 0;
    if (at >= last_leaves_) {
      first_ = entries_.size();
      taken_ = 0;
    }
    while (first_ < entries_.size() && (entries_[first_].leaves <= at || taken_ > most)) {
      at = std::max(at, entries_[first_].leaves);
      taken_ -= entries_[first_].slots;
      ++first_;
    }
    return at;
  }
  void take(Cycle leaves, unsigned slots) {
    taken_ += slots;
    if (first_ == entries_.size()) {
      entries_.clear();
      first_ = 0;
    }
    const bool is_last = entries_.empty() || last_leaves_ <= leaves;
    if (!is_last || first_ >= kForgotten) return insert(leaves, slots);
    entries_.emplace_back(leaves, slots);
    last_leaves_ = leaves;
  }
  // Slots of those of whom it is not known yet when they leave.
  void hold(unsigned slots) { held_ += slots; }
  void release(unsigned slots) { held_ -= slots; }
  // As of the time that admit() was asked for last.
  unsigned taken() const { return taken_; }
  bool held_up() const { return held_ >= slots_; }
  // Those that would leave after `cycle` leave later.
  void delay(Cycle cycle, Cycle by);
  void clear();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(taken_, held_, last_leaves_, entries_, first_);
  }

 private:
  static constexpr std::size_t kForgotten = 32;  // that are kept at most
  struct Entry {
    Entry() = default;
    Entry(Cycle cycle, unsigned count) : leaves(cycle), slots(count) {}
    Cycle leaves = 0;
    unsigned slots = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(leaves, slots);
    }
  };
  void insert(Cycle leaves, unsigned slots);

  unsigned slots_;
  unsigned taken_ = 0;
  unsigned held_ = 0;
  Cycle last_leaves_ = 0;       // the last of all
  std::vector<Entry> entries_;  // those from first_ on count, the first to leave first
  std::size_t first_ = 0;
};

// Activates of one rank: tRRD between neighbours, four at most in any tFAW.
class ActivateSlots {
 public:
  // Earliest activate not before `from`. It goes before those that cannot go as early, even if they
  // have to wait for it.
  Cycle find(Cycle from, unsigned group, const CycleTiming& t) const;
  // At a time that find() gave. Returns how long others have to wait for it, in sum.
  Cycle take(Cycle at, unsigned group, const CycleTiming& t);
  void clear() { first_ = count_ = 0; }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(first_, count_);
    for (unsigned i = 0; i < count_; ++i) archive(kept(i).at, kept(i).group);
  }

 private:
  static constexpr unsigned kKept = 128;
  static constexpr unsigned kWindow = 4;
  struct Activate {
    Cycle at;
    unsigned group;
  };
  Cycle after(unsigned index, unsigned group, const CycleTiming& t) const;
  Cycle earliest(Cycle from, unsigned index, unsigned group, const CycleTiming& t) const;

  Activate& kept(unsigned index) { return kept_[first_ + index]; }
  const Activate& kept(unsigned index) const { return kept_[first_ + index]; }

  std::array<Activate, std::size_t{2} * kKept> kept_{};
  unsigned first_ = 0;  // of the latest `count_`, in order of time
  unsigned count_ = 0;
};

// One command per cycle. Remembers a window of cycles; what lies outside counts as free.
class CommandBus {
 public:
  Cycle find(Cycle from) const;
  void take(Cycle at);
  // Nothing before `cycle` will be asked for.
  void forget(Cycle cycle);
  void clear();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(taken_, begin_);
  }

 private:
  static constexpr Cycle kWord = 64;
  static constexpr Cycle kWords = 64;
  std::array<std::uint64_t, kWords> taken_{};  // a bit per cycle, modulo the window
  Cycle begin_ = 0;                            // of the window, a multiple of kWord
};

// The data bus of a channel, in cycles of data. Neighbours of different direction or rank keep the
// distance that the device asks for.
class DataBus {
 public:
  struct User {
    unsigned rank;
    bool is_write;
    bool paced;  // turns between reads and writes are accounted for elsewhere
    bool operator==(const User& other) const {
      return rank == other.rank && is_write == other.is_write && paced == other.paced;
    }
    template <typename Archive>
    void archive(Archive& archive) {
      archive(rank, is_write, paced);
    }
  };
  struct Slot {
    Cycle begin;
    std::uint64_t bursts;
  };

  // The earliest place not before `from` for at least one of `bursts` bursts, and for how many.
  Slot find(const User& user, Cycle from, std::uint64_t bursts, const CycleTiming& t) const {
    if (slices_.empty() || from < slices_.back().begin || from < closed_until_) {
      return find_hole(user, from, bursts, t);
    }
    const Slice& last = slices_.back();
    return {std::max(from, last.end + turnaround(last.user, user, t)), bursts};
  }
  void take(const User& user, const Slot& slot, const CycleTiming& t);
  // `length` cycles behind everything promised, not before `from`; returns their begin.
  Cycle append(const User& user, Cycle from, Cycle length, const CycleTiming& t);
  // What was promised last, for longer.
  void extend(Cycle end) { slices_.back().end = end; }
  // Cycles promised from `cycle` on.
  Cycle taken_after(Cycle cycle) const;
  void clear();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(slices_, closed_until_);
  }

 private:
  static constexpr std::size_t kKept = 256;
  struct Slice {
    Slice() = default;
    Slice(Cycle from, Cycle until, const User& who) : begin(from), end(until), user(who) {}
    Cycle begin = 0;
    Cycle end = 0;
    User user{};

    template <typename Archive>
    void archive(Archive& archive) {
      archive(begin, end, user);
    }
  };
  // Idle time between the data of two neighbours.
  static Cycle turnaround(const User& first, const User& second, const CycleTiming& t) {
    if (first == second && !first.paced) return 0;
    return turnaround_of_others(first, second, t);
  }
  static Cycle turnaround_of_others(const User& first, const User& second, const CycleTiming& t);
  Slot find_hole(const User& user, Cycle from, std::uint64_t bursts, const CycleTiming& t) const;
  std::size_t first_ending_after(Cycle cycle) const;
  void forget_half();

  std::vector<Slice> slices_;  // in order of time
  Cycle closed_until_ = 0;     // what lies before is forgotten and counts as taken
};

// Column commands of one bank group where tCCD_L is longer than a burst.
class GroupPace {
 public:
  Cycle find(Cycle from, Cycle length) const;
  void take(Cycle begin, Cycle length);
  void clear();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(slices_, closed_until_);
  }

 private:
  static constexpr std::size_t kKept = 64;
  struct Slice {
    Cycle begin;
    Cycle end;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(begin, end);
    }
  };
  std::vector<Slice> slices_;
  Cycle closed_until_ = 0;
};

inline Cycle ActivateSlots::after(unsigned index, unsigned group, const CycleTiming& t) const {
  return kept(index).at + (kept(index).group == group ? t.RRD_L : t.RRD_S);
}

// Of an activate that follows those before `index`.
inline Cycle ActivateSlots::earliest(Cycle from, unsigned index, unsigned group,
                                     const CycleTiming& t) const {
  if (index >= 1) from = std::max(from, after(index - 1, group, t));
  if (index >= 2) from = std::max(from, after(index - 2, group, t));
  if (index >= kWindow) from = std::max(from, kept(index - kWindow).at + t.FAW);
  return from;
}

inline Cycle ActivateSlots::find(Cycle from, unsigned group, const CycleTiming& t) const {
  // The window of an activate before kept(kWindow) would reach into what is forgotten.
  const unsigned lowest = count_ == kKept ? kWindow : 0;
  unsigned index = count_;
  while (index > lowest && kept(index - 1).at >= from) --index;
  for (;; ++index) {
    const Cycle at = earliest(from, index, group, t);
    if (index == count_ || at < kept(index).at) return at;
  }
}

inline Cycle CommandBus::find(Cycle from) const {
  if (from < begin_) return from;
  for (Cycle word = from / kWord; word < begin_ / kWord + kWords; ++word) {
    std::uint64_t free = ~taken_[word % kWords];
    if (word == from / kWord) free &= ~std::uint64_t{0} << (from % kWord);
    if (free != 0) return word * kWord + static_cast<Cycle>(__builtin_ctzll(free));
  }
  return std::max(from, begin_ + kWords * kWord);
}

inline void CommandBus::take(Cycle at) {
  if (at < begin_ || at >= begin_ + kWords * kWord) return;
  taken_[at / kWord % kWords] |= std::uint64_t{1} << (at % kWord);
}

}  // namespace tandem::memory
