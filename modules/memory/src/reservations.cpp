// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/reservations.h"

#include <algorithm>

namespace tandem::memory {

// --- Queues ----------------------------------------------------------------------------------

// Whoever has left is forgotten, and the entry goes before those that leave later.
void QueueSlots::insert(Cycle leaves, unsigned slots) {
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
  auto place = entries_.end();
  while (place != entries_.begin() && (place - 1)->leaves > leaves) --place;
  entries_.insert(place, Entry(leaves, slots));
  last_leaves_ = entries_.back().leaves;
}

void QueueSlots::delay(Cycle cycle, Cycle by) {
  for (std::size_t i = entries_.size(); i > first_ && entries_[i - 1].leaves > cycle; --i) {
    entries_[i - 1].leaves += by;
  }
  if (last_leaves_ > cycle) last_leaves_ += by;
}

void QueueSlots::clear() {
  entries_.clear();
  first_ = 0;
  taken_ = held_ = 0;
  last_leaves_ = 0;
}

// --- Activates -------------------------------------------------------------------------------

Cycle ActivateSlots::take(Cycle at, unsigned group, const CycleTiming& t) {
  if (count_ == kKept) {
    ++first_;
    --count_;
  }
  if (first_ == kKept) {
    std::move(kept_.begin() + kKept, kept_.end(), kept_.begin());
    first_ = 0;
  }
  unsigned index = count_++;
  for (; index > 0 && kept(index - 1).at > at; --index) kept(index) = kept(index - 1);
  kept(index) = {at, group};
  Cycle delay = 0;
  for (++index; index < count_; ++index) {
    Activate& later = kept(index);
    const Cycle moved = earliest(later.at, index, later.group, t);
    delay += moved - later.at;
    later.at = moved;
  }
  return delay;
}

// --- Command bus -----------------------------------------------------------------------------

void CommandBus::forget(Cycle cycle) {
  if (cycle >= begin_ + kWords * kWord) {
    taken_.fill(0);
    begin_ = cycle / kWord * kWord;
  }
  for (; begin_ + kWord <= cycle; begin_ += kWord) taken_[begin_ / kWord % kWords] = 0;
}

void CommandBus::clear() {
  taken_.fill(0);
  begin_ = 0;
}

// --- Data bus --------------------------------------------------------------------------------

Cycle DataBus::turnaround_of_others(const User& first, const User& second, const CycleTiming& t) {
  if (first.is_write != second.is_write && (first.paced || second.paced)) return 0;
  if (first.is_write && !second.is_write) {
    return first.rank == second.rank ? t.WTR_S + t.CL : t.RTRS;
  }
  if (!first.is_write && second.is_write) return t.RTRS;
  return first.rank == second.rank || first.is_write ? 0 : t.RTRS;
}

std::size_t DataBus::first_ending_after(Cycle cycle) const {
  std::size_t index = slices_.size();
  while (index > 0 && slices_[index - 1].end > cycle) --index;
  return index;
}

DataBus::Slot DataBus::find_hole(const User& user, Cycle from, std::uint64_t bursts,
                                 const CycleTiming& t) const {
  from = std::max(from, closed_until_);
  for (std::size_t index = first_ending_after(from);; ++index) {
    Cycle begin = from;
    if (index > 0) {
      begin =
          std::max(begin, slices_[index - 1].end + turnaround(slices_[index - 1].user, user, t));
    }
    if (index == slices_.size()) return {begin, bursts};
    const Slice& next = slices_[index];
    const Cycle end = begin + t.burst + turnaround(user, next.user, t);
    if (end <= next.begin) {
      return {begin, std::min<std::uint64_t>(bursts, 1 + (next.begin - end) / t.burst)};
    }
  }
}

void DataBus::take(const User& user, const Slot& slot, const CycleTiming& t) {
  const Cycle end = slot.begin + slot.bursts * t.burst;
  std::size_t index = first_ending_after(slot.begin);
  const bool joins_last =
      index > 0 && slices_[index - 1].end == slot.begin && slices_[index - 1].user == user;
  const bool joins_next =
      index < slices_.size() && slices_[index].begin == end && slices_[index].user == user;
  if (joins_last && joins_next) {
    slices_[index - 1].end = slices_[index].end;
    slices_.erase(slices_.begin() + static_cast<std::ptrdiff_t>(index));
  } else if (joins_last) {
    slices_[index - 1].end = end;
  } else if (joins_next) {
    slices_[index].begin = slot.begin;
  } else {
    slices_.emplace(slices_.begin() + static_cast<std::ptrdiff_t>(index), slot.begin, end, user);
  }
  if (slices_.size() > kKept) forget_half();
}

// The turnaround after it is kept by leaving a neighbour's worth of history.
void DataBus::forget_half() {
  closed_until_ = slices_[slices_.size() / 2].begin;
  slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(slices_.size() / 2));
}

Cycle DataBus::append(const User& user, Cycle from, Cycle length, const CycleTiming& t) {
  Cycle begin = from;
  if (!slices_.empty()) {
    Slice& last = slices_.back();
    begin = std::max(begin, last.end + turnaround(last.user, user, t));
    if (begin == last.end && last.user == user) {
      last.end += length;
      return begin;
    }
  }
  slices_.emplace_back(begin, begin + length, user);
  if (slices_.size() > kKept) forget_half();
  return begin;
}

Cycle DataBus::taken_after(Cycle cycle) const {
  Cycle taken = 0;
  for (auto it = slices_.rbegin(); it != slices_.rend() && it->end > cycle; ++it) {
    taken += it->end - std::max(it->begin, cycle);
  }
  return taken;
}

void DataBus::clear() {
  slices_.clear();
  closed_until_ = 0;
}

// --- Bank groups -----------------------------------------------------------------------------

Cycle GroupPace::find(Cycle from, Cycle length) const {
  Cycle begin = std::max(from, closed_until_);
  std::size_t index = slices_.size();
  while (index > 0 && slices_[index - 1].end > begin) --index;
  for (; index < slices_.size() && slices_[index].begin < begin + length; ++index) {
    begin = std::max(begin, slices_[index].end);
  }
  return begin;
}

void GroupPace::take(Cycle begin, Cycle length) {
  const Cycle end = begin + length;
  std::size_t index = slices_.size();
  while (index > 0 && slices_[index - 1].begin > begin) --index;
  if (index > 0 && slices_[index - 1].end == begin) {
    slices_[index - 1].end = end;
  } else {
    slices_.insert(slices_.begin() + static_cast<std::ptrdiff_t>(index), {begin, end});
  }
  if (slices_.size() > kKept) {
    closed_until_ = slices_.front().end;
    slices_.erase(slices_.begin());
  }
}

void GroupPace::clear() {
  slices_.clear();
  closed_until_ = 0;
}

}  // namespace tandem::memory
