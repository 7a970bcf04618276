// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

namespace tandem::platform {

// After a reset the firmware writes its story from the beginning; a reader has had the first part.
class StoryFilter {
 public:
  // Whether the next byte is new to the reader.
  bool take() {
    ++written_;
    if (written_ <= shown_) return false;
    shown_ = written_;
    return true;
  }
  void restart() { written_ = 0; }

  template <typename Archive>
  void archive(Archive& archive) {
    archive(written_, shown_);
  }

 private:
  std::size_t written_ = 0;  // since the last reset
  std::size_t shown_ = 0;
};

}  // namespace tandem::platform
