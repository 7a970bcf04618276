// SPDX-License-Identifier: Apache-2.0
// The few helpers that firmware needs from a standard library that it does not have.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tandem::firmware {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

template <typename T>
constexpr T smaller(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
constexpr T larger(T a, T b) {
  return a < b ? b : a;
}

constexpr u64 divide_up(u64 value, u64 divisor) {
  return (value + divisor - 1) / divisor;
}
// `alignment` is a power of two.
constexpr u64 align_up(u64 value, u64 alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}
constexpr u32 low_word(u64 value) {
  return static_cast<u32>(value);
}
constexpr u32 high_word(u64 value) {
  return static_cast<u32>(value >> 32);
}

inline void fill_zero(void* memory, u64 bytes) {
  __builtin_memset(memory, 0, bytes);
}
inline void copy_bytes(void* to, const void* from, u64 bytes) {
  __builtin_memcpy(to, from, bytes);
}

}  // namespace tandem::firmware
