// SPDX-License-Identifier: Apache-2.0
// Sets of banks as bits of a word.
#pragma once
#include <cstdint>

namespace tandem::memory {

inline unsigned lowest_bit(std::uint64_t mask) {
  return static_cast<unsigned>(__builtin_ctzll(mask));
}

inline std::uint64_t bits(unsigned first, unsigned count) {
  const std::uint64_t ones = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  return ones << first;
}

}  // namespace tandem::memory
