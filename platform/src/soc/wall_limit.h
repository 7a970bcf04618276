// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <systemc>
#include <thread>

namespace tandem::platform {

// Pauses the simulation when a time of the host has passed, whatever the simulation does meanwhile.
class WallLimit : public sc_core::sc_prim_channel {
 public:
  explicit WallLimit(std::chrono::nanoseconds limit);
  ~WallLimit() override;

  bool reached() const { return reached_; }

 private:
  void watch(std::chrono::nanoseconds limit);
  void update() override;

  std::atomic<bool> reached_{false};
  bool over_ = false;  // guarded by mutex_
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread watcher_;
};

}  // namespace tandem::platform
