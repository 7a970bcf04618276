// SPDX-License-Identifier: Apache-2.0
// The four functions that compilers call without being asked to.
#include <cstddef>
#include <cstdint>

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

bool aligned(const void* a, const void* b) {
  return ((reinterpret_cast<std::uintptr_t>(a) | reinterpret_cast<std::uintptr_t>(b)) % kWord) == 0;
}

// May alias anything, unlike std::uint64_t.
using Word [[gnu::may_alias]] = std::uint64_t;

}  // namespace

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes) {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  if (aligned(to, from)) {
    for (; bytes >= kWord; bytes -= kWord, target += kWord, source += kWord) {
      *reinterpret_cast<Word*>(target) = *reinterpret_cast<const Word*>(source);
    }
  }
  for (; bytes > 0; --bytes) *target++ = *source++;
  return to;
}

void* memmove(void* to, const void* from, std::size_t bytes) {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  if (target <= source || target >= source + bytes) return memcpy(to, from, bytes);
  while (bytes > 0) {
    --bytes;
    target[bytes] = source[bytes];
  }
  return to;
}

void* memset(void* to, int value, std::size_t bytes) {
  auto* target = static_cast<unsigned char*>(to);
  const auto byte = static_cast<unsigned char>(value);
  if (aligned(to, to)) {
    const std::uint64_t word = byte * 0x0101'0101'0101'0101u;
    for (; bytes >= kWord; bytes -= kWord, target += kWord) {
      *reinterpret_cast<Word*>(target) = word;
    }
  }
  for (; bytes > 0; --bytes) *target++ = byte;
  return to;
}

int memcmp(const void* a, const void* b, std::size_t bytes) {
  const auto* left = static_cast<const unsigned char*>(a);
  const auto* right = static_cast<const unsigned char*>(b);
  for (; bytes > 0; --bytes, ++left, ++right) {
    if (*left != *right) return *left < *right ? -1 : 1;
  }
  return 0;
}
}
