// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

#include "tandem/common/alarm.h"
#include "tandem/common/systemc.h"

namespace tandem::common {

// What a module intends to do at later times: callbacks in order of time, and in the order of
// their arrival where times are equal. A child of the module that declares it. Nothing is allocated
// once the agenda has reached its greatest length.
class Agenda : public sc_core::sc_module {
 public:
  explicit Agenda(const sc_core::sc_module_name& name);

  // `callback` is a small trivially copyable callable, such as a lambda that captures pointers. A
  // time that has passed means now. Never runs the callback from within the call.
  template <typename Callback>
  void at(std::uint64_t time_ps, Callback callback) {
    static_assert(sizeof(Callback) <= kCaptureBytes, "capture less, or capture a pointer");
    static_assert(alignof(Callback) <= alignof(std::uint64_t));
    static_assert(std::is_trivially_copyable_v<Callback>, "capture pointers and numbers only");
    static_assert(std::is_trivially_destructible_v<Callback>);
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(actions_.size()));
      actions_.emplace_back();
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    Action& action = actions_[slot];
    action.run = &invoke<Callback>;
    new (action.capture.data()) Callback(callback);
    push(time_ps, slot);
  }

  // Forgets everything, for reset.
  void clear();
  bool empty() const { return heap_.empty(); }

 private:
  static constexpr std::size_t kCaptureBytes = 24;
  struct Action {
    void (*run)(void* capture);
    alignas(std::uint64_t) std::array<std::byte, kCaptureBytes> capture;
  };
  struct Entry {
    std::uint64_t time_ps;
    std::uint64_t sequence;
    std::uint32_t slot;  // of its action

    bool before(const Entry& other) const {
      return time_ps != other.time_ps ? time_ps < other.time_ps : sequence < other.sequence;
    }
  };

  template <typename Callback>
  static void invoke(void* capture) {
    (*std::launder(reinterpret_cast<Callback*>(capture)))();
  }

  void push(std::uint64_t time_ps, std::uint32_t slot);
  std::uint32_t pop();
  void run();

  std::vector<Entry> heap_;      // the earliest in front
  std::vector<Action> actions_;  // stay where they are while their entries move
  std::vector<std::uint32_t> free_;
  std::uint64_t next_sequence_ = 0;
  bool running_ = false;
  Alarm due_{[this] { run(); }};
};

}  // namespace tandem::common
