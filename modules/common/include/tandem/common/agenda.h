// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

#include "tandem/common/systemc.h"

namespace tandem::common {

// What a module intends to do at later times: callbacks in order of time, and in the order of
// their arrival where times are equal, run from one SC_METHOD. A child of the module that declares
// it. Nothing is allocated once the agenda has reached its greatest length.
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
    Entry entry;
    entry.time_ps = time_ps;
    entry.sequence = next_sequence_++;
    entry.run = &invoke<Callback>;
    new (entry.capture.data()) Callback(callback);
    push(entry);
  }

  // Forgets everything, for reset.
  void clear();
  bool empty() const { return heap_.empty(); }

 private:
  static constexpr std::size_t kCaptureBytes = 24;
  struct Entry {
    std::uint64_t time_ps;
    std::uint64_t sequence;
    void (*run)(void* capture);
    alignas(std::uint64_t) std::array<std::byte, kCaptureBytes> capture;
  };

  template <typename Callback>
  static void invoke(void* capture) {
    (*std::launder(reinterpret_cast<Callback*>(capture)))();
  }
  static bool later(const Entry& a, const Entry& b) {
    return a.time_ps != b.time_ps ? a.time_ps > b.time_ps : a.sequence > b.sequence;
  }

  void push(const Entry& entry);
  void run();
  void arm(std::uint64_t time_ps);

  std::vector<Entry> heap_;
  std::uint64_t next_sequence_ = 0;
  bool running_ = false;
  sc_core::sc_event due_;
};

}  // namespace tandem::common
