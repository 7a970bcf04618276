// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace tandem::platform {

// The 64-bit hash of Fowler, Noll and Vo, variant 1a: tells contents apart that differ by accident.
class Fnv1a {
 public:
  void add(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100'0000'01B3; }
  template <typename Iterator>
  void add(Iterator begin, Iterator end) {
    for (; begin != end; ++begin) add(static_cast<std::uint8_t>(*begin));
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF2'9CE4'8422'2325;
};

}  // namespace tandem::platform
