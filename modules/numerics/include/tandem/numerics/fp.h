// SPDX-License-Identifier: Apache-2.0
// FP16 (IEEE 754 binary16) and BF16 patterns to and from float. Widening is exact, also for NaN
// payloads; narrowing rounds to nearest, ties to even. Subnormals are kept.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tandem::numerics {

constexpr std::uint16_t kFp16Sign = 0x8000;
constexpr std::uint16_t kFp16Magnitude = 0x7FFF;
constexpr std::uint16_t kFp16Infinity = 0x7C00;
constexpr std::uint16_t kFp16Max = 0x7BFF;
constexpr unsigned kFp16MantissaBits = 10;

constexpr bool fp16_is_finite(std::uint16_t h) {
  return (h & kFp16Magnitude) < kFp16Infinity;
}
constexpr bool fp16_is_nan(std::uint16_t h) {
  return (h & kFp16Magnitude) > kFp16Infinity;
}

inline std::uint32_t float_bits(float f) {
  std::uint32_t bits;
  std::memcpy(&bits, &f, sizeof bits);
  return bits;
}

inline float bits_float(std::uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}

// Selects with masks instead of branches, so that loops over it vectorise without special
// instructions. Subnormals go through their integer mantissa: no float subnormal (slow) is formed.
inline float fp16_to_float(std::uint16_t h) {
  const std::int32_t magnitude = h & 0x7FFF;
  const auto bits = static_cast<std::uint32_t>(magnitude);
  const std::uint32_t sign = (h & 0x8000u) << 16;
  const std::uint32_t is_subnormal = 0u - static_cast<std::uint32_t>(magnitude < 0x0400);
  const std::uint32_t is_special = 0u - static_cast<std::uint32_t>(magnitude >= 0x7C00);
  const std::uint32_t subnormal = float_bits(static_cast<float>(magnitude) * 0x1p-24f);
  const std::uint32_t normal = (bits << 13) + (112u << 23) + (is_special & (112u << 23));
  return bits_float((subnormal & is_subnormal) | (normal & ~is_subnormal) | sign);
}

inline std::uint16_t float_to_fp16(float f) {
  const std::uint32_t bits = float_bits(f);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) {
    const std::uint32_t payload = (magnitude >> 13) & 0x3FFu;
    return static_cast<std::uint16_t>(sign | 0x7C00u | (payload != 0 ? payload : 0x200u));
  }
  if (magnitude >= 0x47800000u) return sign | kFp16Infinity;  // 65536 and above
  std::uint32_t kept, rest, half;
  if (magnitude >= 0x38800000u) {  // 2^-14 and above: normal
    kept = (magnitude - (112u << 23)) >> 13;
    rest = magnitude & 0x1FFFu;
    half = 0x1000u;
  } else {
    const std::uint32_t shift = 126u - (magnitude >> 23);  // mantissa in units of 2^-24
    if (shift > 24u) return sign;                          // at most 2^-25 minus: rounds to zero
    const std::uint32_t mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
    kept = mantissa >> shift;
    rest = mantissa & ((1u << shift) - 1u);
    half = 1u << (shift - 1u);
  }
  const bool up = rest > half || (rest == half && (kept & 1u) != 0);
  return static_cast<std::uint16_t>(sign | (kept + (up ? 1u : 0u)));
}

inline float bf16_to_float(std::uint16_t b) {
  return bits_float(static_cast<std::uint32_t>(b) << 16);
}

inline std::uint16_t float_to_bf16(float f) {
  const std::uint32_t bits = float_bits(f);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) {
    const std::uint32_t high = bits >> 16;
    return static_cast<std::uint16_t>((high & 0x7Fu) != 0 ? high : high | 0x40u);
  }
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

// Arrays of n elements; source and destination must not overlap.
void fp16_to_float(const std::uint16_t* from, float* to, std::size_t n);
void float_to_fp16(const float* from, std::uint16_t* to, std::size_t n);
void bf16_to_float(const std::uint16_t* from, float* to, std::size_t n);
void float_to_bf16(const float* from, std::uint16_t* to, std::size_t n);

}  // namespace tandem::numerics
