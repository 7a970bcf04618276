// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/agenda.h"

namespace tandem::common {

Agenda::Agenda(const sc_core::sc_module_name& name) : sc_module(name) {
  require_picosecond_resolution();
}

void Agenda::clear() {
  for (const Entry& entry : heap_) free_.push_back(entry.slot);
  heap_.clear();
  due_.cancel();
}

// Entries are written field by field: a copy of what has just been put together on the stack would
// wait for it.
void Agenda::push(std::uint64_t time_ps, std::uint32_t slot) {
  const std::uint64_t sequence = next_sequence_++;
  std::size_t at = heap_.size();
  heap_.emplace_back();
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (heap_[parent].time_ps <= time_ps) break;
    heap_[at] = heap_[parent];
    at = parent;
  }
  heap_[at].time_ps = time_ps;
  heap_[at].sequence = sequence;
  heap_[at].slot = slot;
  if (!running_ && at == 0) due_.set(time_ps);
}

// The slot of the earliest entry, which is taken out.
std::uint32_t Agenda::pop() {
  const std::uint32_t slot = heap_.front().slot;
  const Entry last = heap_.back();
  heap_.pop_back();
  const std::size_t size = heap_.size();
  if (size == 0) return slot;
  std::size_t at = 0;
  for (std::size_t child = 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && heap_[child + 1].before(heap_[child])) ++child;
    if (last.before(heap_[child])) break;
    heap_[at] = heap_[child];
    at = child;
  }
  heap_[at] = last;
  return slot;
}

void Agenda::run() {
  const std::uint64_t now = now_ps();
  running_ = true;
  while (!heap_.empty() && heap_.front().time_ps <= now) {
    const std::uint32_t slot = pop();
    Action action = actions_[slot];
    free_.push_back(slot);
    action.run(action.capture.data());
  }
  running_ = false;
  if (!heap_.empty()) due_.set(heap_.front().time_ps);
}

}  // namespace tandem::common
