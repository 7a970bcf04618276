// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace tandem::npu {

inline const std::uint16_t* as_fp16(const std::uint8_t* bytes) {
  return reinterpret_cast<const std::uint16_t*>(bytes);
}
inline std::uint16_t* as_fp16(std::uint8_t* bytes) {
  return reinterpret_cast<std::uint16_t*>(bytes);
}

}  // namespace tandem::npu
