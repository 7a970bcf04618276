// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace tandem::npu {

// Runs `next` when every part that was handed out is done, and the last() of it has been called.
struct Join {
  std::size_t pending = 1;
  std::function<void()> next;
  void done() {
    if (--pending == 0) next();
  }
};

inline std::shared_ptr<Join> join(std::function<void()> next) {
  auto joint = std::make_shared<Join>();
  joint->next = std::move(next);
  return joint;
}

}  // namespace tandem::npu
