// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "tandem/numerics/math.h"
#include "test_support.h"

using namespace tandem;

namespace {

// |got - exact| in units of the last place that a float of the exact value has.
double error_in_units(float got, long double exact) {
  if (static_cast<float>(exact) == got) {
    if (exact == 0 || std::isinf(got)) return 0;
  }
  int exponent = 0;
  std::frexp(static_cast<double>(exact), &exponent);
  const long double unit = std::ldexp(1.0L, std::max(exponent - 24, -149));
  return static_cast<double>(std::fabs((static_cast<long double>(got) - exact) / unit));
}

template <class Function, class Reference>
double worst_error(double low, double high, Function function, Reference reference) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> draw(low, high);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto x = static_cast<float>(draw(engine));
    const long double exact = reference(static_cast<long double>(x));
    worst = std::max(worst, error_in_units(function(x), exact));
  }
  return worst;
}

long double exact_gelu(long double x) {
  const long double u = std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x);
  return x / (1 + std::exp(-2 * u));
}

}  // namespace

TEST_CASE("elementary functions are within their stated error of long double libm") {
  constexpr double kStated = 0.501;
  const auto expl_ = [](long double x) { return std::exp(x); };
  CHECK(worst_error(
            -104, 88.7, [](float x) { return numerics::exp(x); }, expl_) <= kStated);
  CHECK(worst_error(
            -1, 1, [](float x) { return numerics::exp(x); }, expl_) <= kStated);
  const auto logl_ = [](long double x) { return std::log(x); };
  CHECK(worst_error(
            1e-6, 2, [](float x) { return numerics::log(x); }, logl_) <= kStated);
  CHECK(worst_error(
            0.99, 1.01, [](float x) { return numerics::log(x); }, logl_) <= kStated);
  CHECK(worst_error(
            1, 3e38, [](float x) { return numerics::log(x); }, logl_) <= kStated);
  const auto rsqrt_ = [](long double x) { return 1 / std::sqrt(x); };
  CHECK(worst_error(
            1e-9, 100, [](float x) { return numerics::rsqrt(x); }, rsqrt_) <= kStated);
  const auto silu_ = [](long double x) { return x / (1 + std::exp(-x)); };
  CHECK(worst_error(
            -80, 80, [](float x) { return numerics::silu(x); }, silu_) <= kStated);
  CHECK(worst_error(
            -8, 8, [](float x) { return numerics::silu(x); }, silu_) <= kStated);
  CHECK(worst_error(
            -8, 8, [](float x) { return numerics::gelu_tanh(x); }, exact_gelu) <= 2);
  for (const float base : {10000.0f, 500000.0f, 0.37f}) {
    const auto power = [&](float x) { return numerics::pow(base, x); };
    const auto exact = [&](long double x) { return std::pow(static_cast<long double>(base), x); };
    CHECK(worst_error(-4, 4, power, exact) <= kStated);
  }
}

TEST_CASE("sine and cosine hold over positions of a long context") {
  const auto sinl_ = [](long double x) { return std::sin(x); };
  const auto cosl_ = [](long double x) { return std::cos(x); };
  for (const double limit : {1.0, 10.0, 1e4, 0x1p24}) {
    CHECK(worst_error(
              -limit, limit, [](float x) { return numerics::sin(x); }, sinl_) <= 0.51);
    CHECK(worst_error(
              -limit, limit, [](float x) { return numerics::cos(x); }, cosl_) <= 0.51);
  }
  CHECK(std::isnan(numerics::sin(0x1p25f)));
  CHECK(std::isnan(numerics::cos(std::numeric_limits<float>::infinity())));
}

TEST_CASE("special arguments") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(numerics::exp(0.0f) == 1.0f);
  CHECK(numerics::exp(-kInfinity) == 0.0f);
  CHECK(numerics::exp(kInfinity) == kInfinity);
  CHECK(numerics::exp(89.0f) == kInfinity);
  CHECK(numerics::exp(-104.0f) == 0.0f);
  CHECK(numerics::exp(-103.0f) > 0.0f);  // subnormal
  CHECK(std::isnan(numerics::exp(nan)));
  CHECK(numerics::log(1.0f) == 0.0f);
  CHECK(numerics::log(0.0f) == -kInfinity);
  CHECK(numerics::log(kInfinity) == kInfinity);
  CHECK(std::isnan(numerics::log(-1.0f)));
  CHECK(numerics::log(1e-45f) == Approx(std::log(1e-45f)));  // subnormal argument
  CHECK(numerics::silu(0.0f) == 0.0f);
  CHECK(numerics::silu(-1000.0f) == 0.0f);
  CHECK(numerics::gelu_tanh(1000.0f) == 1000.0f);
  CHECK(numerics::rsqrt(4.0f) == 0.5f);
  CHECK(numerics::pow(2.0f, 10.0f) == 1024.0f);
  CHECK(std::isnan(numerics::pow(-2.0f, 2.0f)));
}

TEST_CASE("array exp gives the bits of scalar exp, in place too") {
  std::mt19937 engine(3);
  std::uniform_real_distribution<float> draw(-110, 95);
  std::vector<float> x(1003);
  for (float& value : x) value = draw(engine);
  std::vector<float> y = x;
  numerics::exp(y.data(), y.data(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(y[i] == numerics::exp(x[i]));
}
