// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/sparse_store.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

namespace tandem::memory {

SparseStore::SparseStore(std::uint64_t size_bytes, std::uint64_t chunk_bytes)
    : size_bytes_(size_bytes), chunk_shift_(0) {
  if (size_bytes == 0) throw std::invalid_argument("memory size is 0 bytes");
  if (chunk_bytes == 0 || (chunk_bytes & (chunk_bytes - 1)) != 0) {
    throw std::invalid_argument("chunk_bytes is " + std::to_string(chunk_bytes) +
                                ", not a power of two");
  }
  while ((std::uint64_t{1} << chunk_shift_) < chunk_bytes) ++chunk_shift_;
  chunks_.resize(((size_bytes - 1) >> chunk_shift_) + 1);
}

std::uint64_t SparseStore::chunk_size(std::uint64_t index) const {
  return std::min(std::uint64_t{1} << chunk_shift_, size_bytes_ - (index << chunk_shift_));
}

std::uint8_t* SparseStore::touch(std::uint64_t index) {
  auto& chunk = chunks_[index];
  if (!chunk) {
    chunk.reset(static_cast<std::uint8_t*>(std::calloc(chunk_size(index), 1)));
    if (!chunk) throw std::bad_alloc();
  }
  return chunk.get();
}

void SparseStore::read(std::uint64_t address, void* destination, std::uint64_t length) const {
  auto* out = static_cast<std::uint8_t*>(destination);
  while (length > 0) {
    const std::uint64_t index = address >> chunk_shift_;
    const std::uint64_t offset = address - (index << chunk_shift_);
    const std::uint64_t piece = std::min(length, chunk_size(index) - offset);
    if (const std::uint8_t* chunk = chunks_[index].get()) {
      std::memcpy(out, chunk + offset, piece);
    } else {
      std::memset(out, 0, piece);
    }
    out += piece;
    address += piece;
    length -= piece;
  }
}

void SparseStore::write(std::uint64_t address, const void* source, std::uint64_t length) {
  const auto* in = static_cast<const std::uint8_t*>(source);
  while (length > 0) {
    const std::uint64_t index = address >> chunk_shift_;
    const std::uint64_t offset = address - (index << chunk_shift_);
    const std::uint64_t piece = std::min(length, chunk_size(index) - offset);
    std::memcpy(touch(index) + offset, in, piece);
    in += piece;
    address += piece;
    length -= piece;
  }
}

void SparseStore::fill(std::uint64_t address, std::uint8_t value, std::uint64_t length) {
  while (length > 0) {
    const Span span = chunk(address);
    const std::uint64_t offset = address - span.address;
    const std::uint64_t piece = std::min(length, span.bytes - offset);
    std::memset(span.data + offset, value, piece);
    address += piece;
    length -= piece;
  }
}

std::uint8_t* SparseStore::pointer(std::uint64_t address, std::uint64_t length) {
  if (length == 0 || !contains(address, length)) return nullptr;
  const std::uint64_t index = address >> chunk_shift_;
  if (((address + length - 1) >> chunk_shift_) != index) return nullptr;
  return touch(index) + (address - (index << chunk_shift_));
}

SparseStore::Span SparseStore::chunk(std::uint64_t address) {
  const std::uint64_t index = address >> chunk_shift_;
  return {index << chunk_shift_, chunk_size(index), touch(index)};
}

std::uint64_t SparseStore::allocated_bytes() const {
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < chunks_.size(); ++i) {
    if (chunks_[i]) bytes += chunk_size(i);
  }
  return bytes;
}

}  // namespace tandem::memory
