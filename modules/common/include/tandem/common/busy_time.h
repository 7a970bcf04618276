// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>

namespace tandem::common {

// How long something that does one thing at a time has worked, though what it will do is known in
// advance.
class BusyTime {
 public:
  // Work in an interval behind those before, which may lie ahead of `now_ps`.
  void add(std::uint64_t begin_ps, std::uint64_t end_ps, std::uint64_t now_ps) {
    while (!ahead_.empty() && ahead_.front().end_ps <= now_ps) ahead_.pop_front();
    ahead_.push_back({begin_ps, end_ps});
    total_ps_ += end_ps - begin_ps;
  }
  // Work until then. `now_ps` is not before that of the last add().
  std::uint64_t until(std::uint64_t now_ps) const {
    std::uint64_t busy_ps = total_ps_;
    for (auto it = ahead_.rbegin(); it != ahead_.rend() && it->end_ps > now_ps; ++it) {
      busy_ps -= it->end_ps - std::max(it->begin_ps, now_ps);
    }
    return busy_ps;
  }
  // Work ahead is given up.
  void stop(std::uint64_t now_ps) {
    total_ps_ = until(now_ps);
    ahead_.clear();
  }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(ahead_, total_ps_);
  }

 private:
  struct Interval {
    std::uint64_t begin_ps, end_ps;
    template <typename Archive>
    void archive(Archive& archive) {
      archive(begin_ps, end_ps);
    }
  };
  std::deque<Interval> ahead_;  // and what has ended since the last was added
  std::uint64_t total_ps_ = 0;
};

}  // namespace tandem::common
