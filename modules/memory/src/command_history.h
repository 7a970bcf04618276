// SPDX-License-Identifier: Apache-2.0
// What the timing checker remembers of the log: the last event of each kind, seen from any bank.
#pragma once
#include <array>
#include <vector>

#include "tandem/memory/device.h"
#include "timing_rules.h"

namespace tandem::memory::checker {

struct Event {
  Command command;
  Cycle since = 0;  // the cycle at which it happens

  template <typename Archive>
  void archive(Archive& archive) {
    archive(command, since);
  }
};

// The last event of all, and the last one with another key than that one.
class Latest {
 public:
  void put(const Event& event, unsigned key) {
    if (!any_ || key != key_) {
      elsewhere_ = any_;
      elsewhere_event_ = event_;
    }
    event_ = event;
    key_ = key;
    any_ = true;
  }
  const Event* last() const { return any_ ? &event_ : nullptr; }
  const Event* last_outside(unsigned key) const {
    if (any_ && key_ != key) return &event_;
    return elsewhere_ ? &elsewhere_event_ : nullptr;
  }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(event_, elsewhere_event_, key_, any_, elsewhere_);
  }

 private:
  Event event_;
  Event elsewhere_event_;  // its key is not key_
  unsigned key_ = 0;
  bool any_ = false;
  bool elsewhere_ = false;
};

class CommandHistory {
 public:
  explicit CommandHistory(const DeviceGeometry& geometry)
      : banks_per_group_(geometry.banks_per_group), groups_per_rank_(geometry.bank_groups) {
    for (Kind& kind : kinds_) {
      kind.of_bank.resize(geometry.banks());
      kind.of_group.resize(std::size_t{geometry.ranks} * geometry.bank_groups);
      kind.of_rank.resize(geometry.ranks);
    }
  }

  // `banks`: those that the command acts on; none if it acts on the channel.
  void put(std::size_t event_kind, const Event& event, const std::vector<unsigned>& banks) {
    Kind& kind = kinds_[event_kind];
    if (banks.empty()) kind.of_channel.put(event, 0);
    for (const unsigned bank : banks) {
      kind.of_bank[bank].put(event, 0);
      kind.of_group[group_of(bank)].put(event, bank);
      kind.of_rank[rank_of(bank)].put(event, group_of(bank));
      kind.of_channel.put(event, rank_of(bank));
    }
  }

  // Calls visit(event) with the last event of that kind in each relation of `where` to each bank.
  template <class Visit>
  void visit_last(std::size_t event_kind, Relation where, const std::vector<unsigned>& banks,
                  Visit visit) const {
    const Kind& kind = kinds_[event_kind];
    const auto offer = [&visit](const Event* event) {
      if (event != nullptr) visit(*event);
    };
    if (where == kAnywhere) return offer(kind.of_channel.last());
    for (const unsigned bank : banks) {
      const unsigned group = group_of(bank);
      const unsigned rank = rank_of(bank);
      if ((where & kSameBank) != 0) offer(kind.of_bank[bank].last());
      if ((where & kOtherBank) != 0) offer(kind.of_group[group].last_outside(bank));
      if ((where & kOtherGroup) != 0) offer(kind.of_rank[rank].last_outside(group));
      if ((where & kOtherRank) != 0) offer(kind.of_channel.last_outside(rank));
    }
  }

  unsigned rank_of(unsigned bank) const { return group_of(bank) / groups_per_rank_; }
  unsigned group_of(unsigned bank) const { return bank / banks_per_group_; }  // of the channel

  template <typename Archive>
  void archive(Archive& archive) {
    archive(kinds_);
  }

 private:
  struct Kind {
    std::vector<Latest> of_bank;
    std::vector<Latest> of_group;  // by bank
    std::vector<Latest> of_rank;   // by group
    Latest of_channel;             // by rank

    template <typename Archive>
    void archive(Archive& archive) {
      archive(of_bank, of_group, of_rank, of_channel);
    }
  };

  unsigned banks_per_group_;
  unsigned groups_per_rank_;
  std::array<Kind, kEventKinds> kinds_;
};

}  // namespace tandem::memory::checker
