// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace tandem::platform {

// Grows a stretch of memory piece by piece, each on a boundary of 64 bytes.
class Stretch {
 public:
  static constexpr std::uint64_t kAlignment = 64;

  // `bytes` may be null: then addresses and sizes are all there is.
  Stretch(std::uint64_t base, std::vector<std::uint8_t>* bytes) : base_(base), bytes_(bytes) {}

  // The bus address of the copy.
  std::uint64_t append(const void* data, std::size_t size) {
    const std::uint64_t offset = (size_ + kAlignment - 1) / kAlignment * kAlignment;
    padding_ += offset - size_;
    size_ = offset + size;
    if (bytes_ != nullptr) {
      bytes_->resize(size_);
      if (data != nullptr && size != 0) std::memcpy(bytes_->data() + offset, data, size);
    }
    return base_ + offset;
  }
  std::uint64_t size_bytes() const { return size_; }
  std::uint64_t padding_bytes() const { return padding_; }

 private:
  std::uint64_t base_;
  std::vector<std::uint8_t>* bytes_;
  std::uint64_t size_ = 0;
  std::uint64_t padding_ = 0;
};

}  // namespace tandem::platform
