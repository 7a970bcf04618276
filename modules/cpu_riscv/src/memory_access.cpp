// SPDX-License-Identifier: Apache-2.0
// Fields are those of the formats in the RISC-V unprivileged specification.
#include "memory_access.h"

namespace tandem::cpu {
namespace {

constexpr unsigned kStackPointer = 2;
constexpr unsigned kFirstCompressedRegister = 8;
constexpr std::uint32_t kLoadReserved = 2;

enum Opcode : std::uint32_t {
  kLoad = 0x03,
  kFloatLoad = 0x07,
  kStore = 0x23,
  kFloatStore = 0x27,
  kAtomic = 0x2F,
};

constexpr std::uint32_t field(std::uint32_t word, unsigned first, unsigned bits) {
  return (word >> first) & ((1u << bits) - 1);
}

constexpr std::int64_t sign_extended_12(std::uint32_t value) {
  return static_cast<std::int64_t>(value ^ 0x800u) - 0x800;
}

MemoryAccess plain(std::uint32_t word) {
  const unsigned base = field(word, 15, 5);
  const unsigned bytes = 1u << field(word, 12, 2);
  switch (field(word, 0, 7)) {
    case kLoad:
    case kFloatLoad:
      return {base, sign_extended_12(field(word, 20, 12)), bytes, false};
    case kStore:
    case kFloatStore:
      return {base, sign_extended_12(field(word, 25, 7) << 5 | field(word, 7, 5)), bytes, true};
    case kAtomic:
      return {base, 0, bytes, field(word, 27, 5) != kLoadReserved};
    default:
      return {};
  }
}

// C.LW and its like: funct3 tells size and direction, in both quadrants that have them.
MemoryAccess compressed(std::uint32_t word) {
  const std::uint32_t funct3 = field(word, 13, 3);
  const bool stack = field(word, 0, 2) == 2;
  if (field(word, 0, 2) == 1 || (funct3 & 3) == 0) return {};
  const bool is_store = (funct3 & 4) != 0;
  const bool is_word = (funct3 & 3) == 2;
  std::uint32_t offset = 0;
  if (!stack) {
    offset = field(word, 10, 3) << 3 |
             (is_word ? field(word, 6, 1) << 2 | field(word, 5, 1) << 6 : field(word, 5, 2) << 6);
  } else if (is_store) {
    offset = is_word ? field(word, 9, 4) << 2 | field(word, 7, 2) << 6
                     : field(word, 10, 3) << 3 | field(word, 7, 3) << 6;
  } else {
    offset = field(word, 12, 1) << 5 | (is_word ? field(word, 4, 3) << 2 | field(word, 2, 2) << 6
                                                : field(word, 5, 2) << 3 | field(word, 2, 3) << 6);
  }
  const unsigned base = stack ? kStackPointer : kFirstCompressedRegister + field(word, 7, 3);
  return {base, offset, is_word ? 4u : 8u, is_store};
}

}  // namespace

MemoryAccess memory_access(std::uint32_t instruction) {
  return (instruction & 3) == 3 ? plain(instruction) : compressed(instruction);
}

}  // namespace tandem::cpu
