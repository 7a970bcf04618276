// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/agenda.h"

#include <algorithm>

namespace tandem::common {

Agenda::Agenda(const sc_core::sc_module_name& name) : sc_module(name) {
  TANDEM_HAS_PROCESS(Agenda);
  require_picosecond_resolution();
  SC_METHOD(run);
  sensitive << due_;
  dont_initialize();
}

void Agenda::clear() {
  heap_.clear();
  due_.cancel();
}

void Agenda::push(const Entry& entry) {
  heap_.push_back(entry);
  std::push_heap(heap_.begin(), heap_.end(), later);
  if (!running_ && heap_.front().sequence == entry.sequence) arm(entry.time_ps);
}

void Agenda::arm(std::uint64_t time_ps) {
  const std::uint64_t now = now_ps();
  // A pending later notification is superseded; a pending earlier one cannot exist, because it
  // would belong to an entry that comes first.
  due_.notify(time_ps > now ? from_ps(time_ps - now) : sc_core::SC_ZERO_TIME);
}

void Agenda::run() {
  const std::uint64_t now = now_ps();
  running_ = true;
  while (!heap_.empty() && heap_.front().time_ps <= now) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Entry entry = heap_.back();
    heap_.pop_back();
    entry.run(entry.capture.data());
  }
  running_ = false;
  if (!heap_.empty()) arm(heap_.front().time_ps);
}

}  // namespace tandem::common
