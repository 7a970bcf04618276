// SPDX-License-Identifier: Apache-2.0
#include "wall_limit.h"

namespace tandem::platform {

WallLimit::WallLimit(std::chrono::nanoseconds limit)
    : sc_prim_channel("wall_limit"), watcher_([this, limit] { watch(limit); }) {}

WallLimit::~WallLimit() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

void WallLimit::watch(std::chrono::nanoseconds limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (changed_.wait_for(lock, limit, [this] { return over_; })) return;
  reached_ = true;
  async_request_update();  // the one call that another thread may make
}

void WallLimit::update() {
  sc_core::sc_pause();
}

}  // namespace tandem::platform
