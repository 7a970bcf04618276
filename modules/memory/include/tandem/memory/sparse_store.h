// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "tandem/common/archive.h"

namespace tandem::memory {

// Bytes that cost nothing until they are written: chunks are allocated on their first write (or
// when a pointer into them is asked for) and read as zero before that. The caller checks ranges.
class SparseStore {
 public:
  static constexpr std::uint64_t kDefaultChunkBytes = std::uint64_t{64} << 20;

  struct Span {
    std::uint64_t address;  // of `data[0]`
    std::uint64_t bytes;
    std::uint8_t* data;
  };

  // `chunk_bytes` is a power of two; throws std::invalid_argument if not, or if the size is 0.
  explicit SparseStore(std::uint64_t size_bytes, std::uint64_t chunk_bytes = kDefaultChunkBytes);

  std::uint64_t size_bytes() const { return size_bytes_; }
  bool contains(std::uint64_t address, std::uint64_t length) const {
    return length <= size_bytes_ && address <= size_bytes_ - length;
  }

  void read(std::uint64_t address, void* destination, std::uint64_t length) const;
  void write(std::uint64_t address, const void* source, std::uint64_t length);
  void fill(std::uint64_t address, std::uint8_t value, std::uint64_t length);

  // A pointer to `length` contiguous bytes, valid for the life of the store; nullptr if they do
  // not lie in one chunk or not in the store.
  std::uint8_t* pointer(std::uint64_t address, std::uint64_t length);
  // The chunk that holds `address`, which lies in the store.
  Span chunk(std::uint64_t address);

  // Of the same size and chunks.
  SparseStore empty_one() const {
    return SparseStore(size_bytes_, std::uint64_t{1} << chunk_shift_);
  }
  // Contents, as what differs from `initial`, which is an empty_one() that has been written to;
  // reading finds that content here.
  void archive(common::Archive& archive, const SparseStore& initial);

  // What has really been allocated; the operating system backs only the pages touched.
  std::uint64_t allocated_bytes() const;

 private:
  struct Free {
    void operator()(std::uint8_t* data) const { std::free(data); }
  };
  std::uint64_t chunk_size(std::uint64_t index) const;
  std::uint8_t* touch(std::uint64_t index);

  std::uint64_t size_bytes_;
  unsigned chunk_shift_;
  std::vector<std::unique_ptr<std::uint8_t, Free>> chunks_;
};

}  // namespace tandem::memory
