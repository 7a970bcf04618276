// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/math.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace tandem::numerics {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kRoundToInteger = 0x1.8p52;  // x + this - this rounds |x| < 2^51 to an integer

double bits_double(std::uint64_t bits) {
  double d;
  std::memcpy(&d, &bits, sizeof d);
  return d;
}

std::uint64_t double_bits(double d) {
  std::uint64_t bits;
  std::memcpy(&bits, &d, sizeof bits);
  return bits;
}

// exp for |x| <= 700, relative error below 1e-11: 2^k times the Taylor series on |r| <= ln(2)/2.
inline double exp_core(double x) {
  constexpr double kLog2E = 0x1.71547652b82fep0;
  constexpr double kLn2High = 0x1.62e42fefa3p-1;  // 41 bits: k times it is exact
  constexpr double kLn2Low = 0x1.3de6af278ece6p-42;
  const double shifted = x * kLog2E + kRoundToInteger;
  const double k = shifted - kRoundToInteger;
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double p = 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  // The low bits of `shifted` hold k; moved to the exponent field they scale by 2^k.
  return bits_double(double_bits(p) + (double_bits(shifted) << 52));
}

// exp of any float or NaN; below -150 the float result is zero, above 100 infinity.
inline float exp_inline(float x) {
  const double clamped = x < -150.0f ? -150.0 : (x > 100.0f ? 100.0 : static_cast<double>(x));
  return static_cast<float>(exp_core(clamped));
}

double clamp(double x, double limit) {
  return x < -limit ? -limit : (x > limit ? limit : x);
}

// log of a positive finite double: exponent times ln 2 plus 2 atanh((m-1)/(m+1)), m in
// [sqrt(1/2), sqrt(2)). Relative error below 1e-13.
double log_core(double x) {
  constexpr std::uint64_t kSqrtHalf = 0x3FE6A09E667F3BCDu;
  const std::uint64_t bits = double_bits(x);
  const auto exponent = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
  const double m = bits_double(bits - (static_cast<std::uint64_t>(exponent) << 52));
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double p = 1.0 / 19;
  p = p * z + 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  p = p * z + 1.0;
  return static_cast<double>(exponent) * 0x1.62e42fefa39efp-1 + 2.0 * s * p;
}

struct Reduced {
  double r;  // in [-pi/4, pi/4]
  unsigned quadrant;
};

// x - k pi/2 for |x| <= 2^24, with pi/2 in three parts so that the first two products are exact.
Reduced reduce(double x) {
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
  constexpr double kHigh = 0x1.921fb54p0;
  constexpr double kMiddle = 0x1.10b461p-30;
  constexpr double kLow = 0x1.a62633145c06ep-58;
  const double k = (x * kTwoOverPi + kRoundToInteger) - kRoundToInteger;
  const double r = ((x - k * kHigh) - k * kMiddle) - k * kLow;
  return {r, static_cast<unsigned>(static_cast<std::int64_t>(k) & 3)};
}

double sin_core(double r) {
  const double z = r * r;
  double p = 1.0 / 6227020800.0;
  p = p * z - 1.0 / 39916800;
  p = p * z + 1.0 / 362880;
  p = p * z - 1.0 / 5040;
  p = p * z + 1.0 / 120;
  p = p * z - 1.0 / 6;
  return r + r * z * p;
}

double cos_core(double r) {
  const double z = r * r;
  double p = -1.0 / 87178291200.0;
  p = p * z + 1.0 / 479001600;
  p = p * z - 1.0 / 3628800;
  p = p * z + 1.0 / 40320;
  p = p * z - 1.0 / 720;
  p = p * z + 1.0 / 24;
  p = p * z - 0.5;
  return 1.0 + z * p;
}

double sin_of_quadrant(const Reduced& a, unsigned quadrant) {
  const double value = (quadrant & 1) != 0 ? cos_core(a.r) : sin_core(a.r);
  return (quadrant & 2) != 0 ? -value : value;
}

bool in_circular_domain(float x) {
  return x >= -0x1p24f && x <= 0x1p24f;
}

}  // namespace

float exp(float x) {
  return exp_inline(x);
}

void exp(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = exp_inline(x[i]);
}

float log(float x) {
  if (x == 0.0f) return -kInfinity;
  if (!(x > 0.0f)) return kNan;
  if (x == kInfinity) return x;
  return static_cast<float>(log_core(x));
}

float rsqrt(float x) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x)));
}

float sin(float x) {
  if (!in_circular_domain(x)) return kNan;
  if (x == 0.0f) return x;
  const Reduced a = reduce(x);
  return static_cast<float>(sin_of_quadrant(a, a.quadrant));
}

float cos(float x) {
  if (!in_circular_domain(x)) return kNan;
  const Reduced a = reduce(x);
  return static_cast<float>(sin_of_quadrant(a, a.quadrant + 1));
}

float pow(float base, float exponent) {
  if (!(base > 0.0f) || base == kInfinity) return kNan;
  return static_cast<float>(exp_core(clamp(exponent * log_core(base), 200.0)));
}

float silu(float x) {
  const double wide = x;
  return static_cast<float>(wide / (1.0 + exp_core(clamp(-wide, 300.0))));
}

float gelu_tanh(float x) {
  constexpr double kTwoSqrtTwoOverPi = 0x1.9884533d43651p0;
  const double wide = x;
  const double u = kTwoSqrtTwoOverPi * (wide + 0.044715 * wide * wide * wide);
  return static_cast<float>(wide / (1.0 + exp_core(clamp(-u, 300.0))));
}

}  // namespace tandem::numerics
