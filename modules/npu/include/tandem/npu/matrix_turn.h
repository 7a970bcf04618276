// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace tandem::npu {

// Whose matrices the arrays and the weight stream work on, among commands with kCommandTurns. One
// has its turn from a LINEAR to the next ATTENTION; those that want it then get it in the order in
// which they asked. So one command is in its matrices while another is in the banks. Left to share
// the memory port, both would be slowed down alike, reach their attention together, and leave the
// arrays idle.
class MatrixTurn {
 public:
  // True if the command has its turn now; otherwise `go` is called when it has.
  bool take(std::uint64_t serial, std::function<void()> go) {
    if (holder_ == kNobody) holder_ = serial;
    if (holder_ == serial) return true;
    waiting_.push_back({serial, std::move(go)});
    return false;
  }

  void give_up(std::uint64_t serial) {
    if (holder_ != serial) return;
    holder_ = waiting_.empty() ? kNobody : waiting_.front().serial;
    std::vector<std::function<void()>> next;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if (it->serial != holder_) {
        ++it;
        continue;
      }
      next.push_back(std::move(it->go));
      it = waiting_.erase(it);
    }
    for (const auto& go : next) go();
  }

  // The command has ended: nothing of it is called any more.
  void forget(std::uint64_t serial) {
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      it = it->serial == serial ? waiting_.erase(it) : it + 1;
    }
    give_up(serial);
  }

  void reset() {
    holder_ = kNobody;
    waiting_.clear();
  }
  bool idle() const { return holder_ == kNobody && waiting_.empty(); }

 private:
  static constexpr std::uint64_t kNobody = 0;  // serials begin with 1
  struct Waiting {
    std::uint64_t serial;
    std::function<void()> go;
  };
  std::uint64_t holder_ = kNobody;
  std::deque<Waiting> waiting_;
};

}  // namespace tandem::npu
