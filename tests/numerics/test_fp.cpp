// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <limits>

#include "test_support.h"

using namespace tandem;

TEST_CASE("every FP16 pattern widens to its exact value and back to itself") {
  std::vector<std::uint16_t> patterns(65536);
  for (unsigned p = 0; p < 65536; ++p) patterns[p] = static_cast<std::uint16_t>(p);
  std::vector<float> widened(65536);
  numerics::fp16_to_float(patterns.data(), widened.data(), widened.size());
  std::vector<std::uint16_t> back(65536);
  numerics::float_to_fp16(widened.data(), back.data(), back.size());
  unsigned wrong = 0;
  for (unsigned p = 0; p < 65536; ++p) {
    const double reference = test::reference_fp16(patterns[p]);
    const bool same_value =
        std::isnan(reference) ? std::isnan(widened[p]) : widened[p] == reference;
    const bool same_sign = std::signbit(widened[p]) == (p >= 0x8000);
    const bool same_scalar = numerics::float_bits(numerics::fp16_to_float(patterns[p])) ==
                             numerics::float_bits(widened[p]);
    if (!same_value || !same_sign || !same_scalar || back[p] != p) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("narrowing to FP16 rounds to nearest, ties to even") {
  unsigned wrong = 0;
  for (std::uint16_t p = 0; p < numerics::kFp16Max; ++p) {
    const auto next = static_cast<std::uint16_t>(p + 1);
    const auto even = (p & 1) == 0 ? p : next;
    // The midpoint of two neighbours has 12 significant bits: exact in float.
    const auto middle =
        static_cast<float>((test::reference_fp16(p) + test::reference_fp16(next)) / 2);
    if (numerics::float_to_fp16(middle) != even) ++wrong;
    if (numerics::float_to_fp16(std::nextafter(middle, 0.0f)) != p) ++wrong;
    if (numerics::float_to_fp16(std::nextafter(middle, 1e9f)) != next) ++wrong;
    if (numerics::float_to_fp16(-middle) != (even | 0x8000)) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(numerics::float_to_fp16(65519.996f) == numerics::kFp16Max);
  CHECK(numerics::float_to_fp16(65520.0f) == numerics::kFp16Infinity);
  CHECK(numerics::float_to_fp16(std::numeric_limits<float>::infinity()) == numerics::kFp16Infinity);
  CHECK(numerics::fp16_is_nan(numerics::float_to_fp16(std::numeric_limits<float>::quiet_NaN())));
  CHECK(numerics::float_to_fp16(std::numeric_limits<float>::denorm_min()) == 0);
}

TEST_CASE("BF16 is the upper half of a float, rounded to nearest even") {
  unsigned wrong = 0;
  for (unsigned p = 0; p < 65536; ++p) {
    const float widened = numerics::bf16_to_float(static_cast<std::uint16_t>(p));
    if (numerics::float_bits(widened) != p << 16) ++wrong;
    if (numerics::float_to_bf16(widened) != p) ++wrong;
    if (std::isnan(widened) || p == 0x7F7F || p == 0xFF7F || std::isinf(widened)) continue;
    const float middle = numerics::bits_float(p << 16 | 0x8000u);
    if (numerics::float_to_bf16(middle) != ((p & 1) == 0 ? p : p + 1)) ++wrong;
    if (numerics::float_to_bf16(numerics::bits_float((p << 16) + 0x7FFFu)) != p) ++wrong;
    if (numerics::float_to_bf16(numerics::bits_float((p << 16) + 0x8001u)) != p + 1) ++wrong;
  }
  CHECK(wrong == 0);
}
