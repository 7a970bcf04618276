// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>

#include "tandem/common/busy_time.h"
#include "tandem/common/systemc.h"
#include "tandem/observe/timeline.h"

namespace tandem::npu {

// A unit that does one thing at a time, in the order in which it is asked.
class Engine {
 public:
  // Time at which work of `duration_ps`, asked for now, will be done.
  std::uint64_t reserve(std::uint64_t duration_ps, observe::Timeline::Name name,
                        std::uint64_t flow) {
    const std::uint64_t begin_ps = std::max(common::now_ps(), free_at_ps_);
    free_at_ps_ = begin_ps + duration_ps;
    note(begin_ps);
    if (timeline_ != nullptr) timeline_->slice(track_, name, begin_ps, free_at_ps_, flow);
    return free_at_ps_;
  }
  // The same for work that began as its operands arrived, from `begin_ps` on, and cannot end before
  // `end_ps`.
  std::uint64_t reserve_flow(std::uint64_t begin_ps, std::uint64_t end_ps,
                             std::uint64_t duration_ps, observe::Timeline::Name name,
                             std::uint64_t flow) {
    free_at_ps_ = std::max(std::max(begin_ps, free_at_ps_) + duration_ps, end_ps);
    note(free_at_ps_ - duration_ps);
    if (timeline_ != nullptr) {
      timeline_->slice(track_, name, free_at_ps_ - duration_ps, free_at_ps_, flow);
    }
    return free_at_ps_;
  }
  // Work asked for from now on counts `times` times, and takes the time of once.
  void count_times(std::uint64_t times) { times_ = times; }
  bool idle() const { return free_at_ps_ <= common::now_ps(); }
  // Work under way is given up; only what has been done of it counts.
  void reset() {
    const std::uint64_t now_ps = common::now_ps();
    for (const Work& work : under_way_) {
      busy_ps_ -= work.times * (std::max(work.end_ps, now_ps) - std::max(work.begin_ps, now_ps));
    }
    under_way_.clear();
    worked_.stop(now_ps);
    free_at_ps_ = now_ps;
  }
  std::uint64_t busy_ps() const { return busy_ps_; }
  // How long it has worked until now, once whatever it counts.
  std::uint64_t worked_ps() const { return worked_.until(common::now_ps()); }

  template <typename Archive>
  void archive(Archive& archive) {
    archive(under_way_, worked_, free_at_ps_, busy_ps_, times_);
  }

  void set_timeline(observe::Timeline* timeline, const char* name) {
    timeline_ = timeline;
    if (timeline != nullptr) track_ = timeline->track("npu", name);
  }

 private:
  struct Work {
    std::uint64_t begin_ps, end_ps, times;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(begin_ps, end_ps, times);
    }
  };
  // Work from `begin_ps` until the engine is free again.
  void note(std::uint64_t begin_ps) {
    busy_ps_ += times_ * (free_at_ps_ - begin_ps);
    while (!under_way_.empty() && under_way_.front().end_ps <= common::now_ps()) {
      under_way_.pop_front();
    }
    under_way_.push_back({begin_ps, free_at_ps_, times_});
    worked_.add(begin_ps, free_at_ps_, common::now_ps());
  }

  std::deque<Work> under_way_;  // and what has ended since the last was added
  common::BusyTime worked_;
  std::uint64_t free_at_ps_ = 0;
  std::uint64_t busy_ps_ = 0;
  std::uint64_t times_ = 1;  // see count_times
  observe::Timeline* timeline_ = nullptr;
  observe::Timeline::Track track_ = 0;
};

}  // namespace tandem::npu
