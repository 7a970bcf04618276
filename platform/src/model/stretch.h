// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace tandem::platform {

// Grows a stretch of memory piece by piece, each on a boundary of 64 bytes or more.
class Stretch {
 public:
  static constexpr std::uint64_t kAlignment = 64;

  // `bytes` may be null: then addresses and sizes are all there is.
  Stretch(std::uint64_t base, std::vector<std::uint8_t>* bytes) : base_(base), bytes_(bytes) {}

  // The bus address of the copy. `alignment` counts from the base, and is a multiple of 64.
  std::uint64_t append(const void* data, std::size_t size, std::uint64_t alignment = kAlignment) {
    const std::uint64_t offset = (size_ + alignment - 1) / alignment * alignment;
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
