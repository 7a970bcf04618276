// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/alarm.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tandem::common {

class Calendar : public sc_core::sc_module {
 public:
  explicit Calendar(const sc_core::sc_module_name& name) : sc_module(name) {
    TANDEM_HAS_PROCESS(Calendar);
    require_picosecond_resolution();
    SC_METHOD(run);
    sensitive << due_;
    dont_initialize();
  }

  // The one of this simulation; it lives as long as there are alarms.
  static std::shared_ptr<Calendar> get() {
    static std::weak_ptr<Calendar> calendar;
    std::shared_ptr<Calendar> found = calendar.lock();
    if (!found) {
      found = std::make_shared<Calendar>(sc_core::sc_gen_unique_name("calendar"));
      calendar = found;
    }
    return found;
  }

  std::uint32_t add(Alarm& alarm) {
    alarms_.push_back(&alarm);
    return static_cast<std::uint32_t>(alarms_.size() - 1);
  }
  void remove(const Alarm& alarm) { alarms_[alarm.slot_] = nullptr; }

  void set(Alarm& alarm, std::uint64_t time_ps) {
    alarm.setting_ = ++settings_;
    entries_.push_back({std::max(time_ps, now_ps()), settings_, alarm.slot_});
    std::push_heap(entries_.begin(), entries_.end(), later);
    if (!running_ && entries_.front().setting == settings_) arm();
  }
  // What has been cancelled does not keep the simulation from ending.
  void cancelled() {
    if (!running_) arm();
  }

 private:
  struct Entry {
    std::uint64_t time_ps;
    std::uint64_t setting;
    std::uint32_t slot;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.time_ps != b.time_ps ? a.time_ps > b.time_ps : a.setting > b.setting;
  }
  bool holds(const Entry& entry) const {
    const Alarm* alarm = alarms_[entry.slot];
    return alarm != nullptr && alarm->setting_ == entry.setting;
  }
  void pop() {
    std::pop_heap(entries_.begin(), entries_.end(), later);
    entries_.pop_back();
  }

  // What is set meanwhile for now rings a delta cycle later.
  void run() {
    const std::uint64_t now = now_ps();
    const std::uint64_t last = settings_;
    running_ = true;
    armed_ps_ = kNever;
    while (!entries_.empty() && entries_.front().time_ps <= now &&
           entries_.front().setting <= last) {
      const Entry entry = entries_.front();
      pop();
      if (!holds(entry)) continue;
      alarms_[entry.slot]->setting_ = 0;
      alarms_[entry.slot]->ring_();
    }
    running_ = false;
    arm();
  }

  void arm() {
    while (!entries_.empty() && !holds(entries_.front())) pop();
    const std::uint64_t next_ps = entries_.empty() ? kNever : entries_.front().time_ps;
    if (next_ps == armed_ps_) return;
    armed_ps_ = next_ps;
    due_.cancel();
    if (next_ps != kNever) due_.notify(from_ps(next_ps - now_ps()));
  }

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  std::vector<Alarm*> alarms_;  // by slot; nullptr: it is gone
  std::vector<Entry> entries_;  // a heap
  std::uint64_t settings_ = 0;
  std::uint64_t armed_ps_ = kNever;
  bool running_ = false;
  sc_core::sc_event due_;
};

Alarm::Alarm(std::function<void()> ring)
    : calendar_(Calendar::get()), ring_(std::move(ring)), slot_(calendar_->add(*this)) {}

Alarm::~Alarm() {
  calendar_->remove(*this);
}

void Alarm::set(std::uint64_t time_ps) {
  calendar_->set(*this, time_ps);
}

void Alarm::cancel() {
  if (setting_ == 0) return;
  setting_ = 0;
  calendar_->cancelled();
}

}  // namespace tandem::common
