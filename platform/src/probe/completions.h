// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>

#include "tandem/memory/command.h"

namespace tandem::platform {

// Cycles at which requests in flight will be done. Nearly in order as they come, so that keeping
// them sorted costs next to nothing.
class Completions {
 public:
  void add(memory::Cycle done) {
    auto at = entries_.end();
    while (at != entries_.begin() && (at - 1)->cycle > done) --at;
    if (at != entries_.begin() && (at - 1)->cycle == done) {
      ++(at - 1)->count;
    } else {
      entries_.insert(at, {done, 1});
    }
  }
  // How many are done by `now`; forgets them.
  std::uint64_t take_until(memory::Cycle now) {
    std::uint64_t count = 0;
    for (; !entries_.empty() && entries_.front().cycle <= now; entries_.pop_front()) {
      count += entries_.front().count;
    }
    return count;
  }
  memory::Cycle next() const {
    return entries_.empty() ? memory::kNoCycle : entries_.front().cycle;
  }

 private:
  struct Entry {
    memory::Cycle cycle;
    std::uint64_t count;
  };
  std::deque<Entry> entries_;
};

}  // namespace tandem::platform
