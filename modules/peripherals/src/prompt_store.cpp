// SPDX-License-Identifier: Apache-2.0
#include "tandem/peripherals/prompt_store.h"

#include <algorithm>

namespace tandem::peripherals {

namespace {
constexpr std::uint64_t kAlignment = 64;
}

std::optional<std::uint64_t> PromptStore::allocate(std::uint32_t request_id, std::uint64_t bytes) {
  if (bytes > size_bytes_) return std::nullopt;
  std::uint64_t offset = 0;
  auto before = pieces_.begin();
  while (before != pieces_.end() && before->offset - offset < bytes) {
    offset = before->offset + before->bytes;
    ++before;
  }
  if (offset > size_bytes_ - bytes) return std::nullopt;
  const std::uint64_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  pieces_.insert(before, Piece{offset, rounded, request_id});
  return offset;
}

void PromptStore::release(std::uint32_t request_id) {
  pieces_.erase(std::remove_if(pieces_.begin(), pieces_.end(),
                               [&](const Piece& piece) { return piece.request_id == request_id; }),
                pieces_.end());
}

bool PromptStore::holds(std::uint32_t request_id) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [&](const Piece& piece) { return piece.request_id == request_id; });
}

}  // namespace tandem::peripherals
