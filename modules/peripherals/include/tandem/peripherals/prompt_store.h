// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace tandem::peripherals {

// Where in a stretch of memory each request's prompt lies. First fit; pieces are 64-byte aligned
// relative to the start of the stretch.
class PromptStore {
 public:
  explicit PromptStore(std::uint64_t size_bytes) : size_bytes_(size_bytes) {}

  // Offset of `bytes` for the request, or nothing when there is no room at present.
  std::optional<std::uint64_t> allocate(std::uint32_t request_id, std::uint64_t bytes);
  // A request that holds nothing is ignored.
  void release(std::uint32_t request_id);
  bool holds(std::uint32_t request_id) const;
  void clear() { pieces_.clear(); }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(pieces_);
  }

 private:
  struct Piece {
    std::uint64_t offset;
    std::uint64_t bytes;  // rounded up to the alignment
    std::uint32_t request_id;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(offset, bytes, request_id);
    }
  };

  std::uint64_t size_bytes_;
  std::vector<Piece> pieces_;  // in ascending order of offset
};

}  // namespace tandem::peripherals
