// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "tandem/common/systemc.h"

namespace tandem::common {

class Calendar;

// A function that is called at a later time. Alarms that are due at the same time ring in the order
// in which they were set, whatever else the kernel has to do: its own queue keeps no order among
// notifications of the same time, so that with events what happens in a platform would depend on
// what else is pending, in another platform beside it or since before a checkpoint.
class Alarm {
 public:
  // During elaboration.
  explicit Alarm(std::function<void()> ring);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Replaces an earlier setting. A time that has passed means now. Never rings from within the
  // call.
  void set(std::uint64_t time_ps);
  void cancel();

 private:
  friend class Calendar;

  std::shared_ptr<Calendar> calendar_;  // of all alarms
  std::function<void()> ring_;
  std::uint32_t slot_;         // in the calendar
  std::uint64_t setting_ = 0;  // the calendar's number of the present one; 0: not set
};

}  // namespace tandem::common
