// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <limits>

#include "tandem/numerics/random.h"
#include "tandem/numerics/sampling.h"
#include "test_support.h"

using namespace tandem;
using numerics::Purpose;
using numerics::RandomKey;

namespace {

constexpr std::uint32_t kDraws = 40000;

// Pearson's statistic of drawn counts against expected probabilities.
double chi_square(const std::vector<std::uint32_t>& counts, const std::vector<float>& p) {
  double statistic = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double expected = static_cast<double>(p[i]) * kDraws;
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return statistic;
}

// Exceeded with probability 1e-6 by chi-square with 4 degrees of freedom.
constexpr double kLimit4 = 33.4;

}  // namespace

TEST_CASE("softmax") {
  const std::vector<float> logits{1.0f, -2.0f, 1000.0f, 999.0f,
                                  -std::numeric_limits<float>::infinity()};
  std::vector<float> p(5);
  numerics::softmax(logits.data(), 5, p.data());
  CHECK(p[2] == Approx(1 / (1 + std::exp(-1.0))).epsilon(1e-6));
  CHECK(p[3] == Approx(1 / (1 + std::exp(1.0))).epsilon(1e-6));
  CHECK(p[0] == 0.0f);
  CHECK(p[4] == 0.0f);
}

TEST_CASE("argmax: lower index wins, NaN does not") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{nan, 1.0f, 3.0f, nan, 3.0f};
  CHECK(numerics::argmax(values.data(), 5) == 2);
  CHECK(numerics::argmax(values.data(), 1) == 0);
}

TEST_CASE("sampling follows the weights and never draws a zero") {
  const std::vector<float> p{0.1f, 0.0f, 0.25f, 0.05f, 0.6f, 0.0f};
  std::vector<std::uint32_t> counts(6);
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const float u = numerics::uniform({1, 0, i, Purpose::kTargetToken}, 0);
    ++counts[numerics::sample(p.data(), p.size(), u)];
  }
  CHECK(counts[1] == 0);
  CHECK(counts[5] == 0);
  CHECK(chi_square({counts[0], counts[2], counts[3], counts[4]}, {0.1f, 0.25f, 0.05f, 0.6f}) <
        kLimit4);
  const std::vector<float> tail{0.5f, 0.5f, 0.0f};
  CHECK(numerics::sample(tail.data(), 3, 1.0f - 0x1p-24f) == 1);
}

TEST_CASE("accept or resample keeps the target's distribution") {
  const std::vector<float> p{0.1f, 0.2f, 0.05f, 0.25f, 0.4f};
  const std::vector<float> q{0.4f, 0.1f, 0.3f, 0.15f, 0.05f};
  std::vector<std::uint32_t> counts(5);
  std::vector<float> rest(5);
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const auto draw = [i](Purpose purpose) { return numerics::uniform({3, 0, i, purpose}, 0); };
    std::size_t token = numerics::sample(q.data(), 5, draw(Purpose::kDraftToken));
    if (!numerics::accept(p[token], q[token], draw(Purpose::kAccept))) {
      REQUIRE(numerics::residual(p.data(), q.data(), 5, rest.data()) > 0);
      token = numerics::sample(rest.data(), 5, draw(Purpose::kResidual));
    }
    ++counts[token];
  }
  CHECK(chi_square(counts, p) < kLimit4);
  CHECK(numerics::residual(p.data(), p.data(), 5, rest.data()) == 0);
}

TEST_CASE("Gumbel argmax samples the softmax") {
  const std::vector<float> logits{0.3f, -1.0f, 2.0f, 0.0f, 1.0f};
  std::vector<float> p(5), noise(5);
  numerics::softmax(logits.data(), 5, p.data());
  std::vector<std::uint32_t> counts(5);
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    numerics::gumbel({9, 0, i, Purpose::kGumbel}, 5, noise.data());
    ++counts[numerics::gumbel_argmax(logits.data(), noise.data(), 5)];
  }
  CHECK(chi_square(counts, p) < kLimit4);
}
