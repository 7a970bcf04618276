// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <limits>

#include "tandem/numerics/bsfp.h"
#include "test_support.h"

using namespace tandem;
using numerics::BsfpETable;

namespace {

numerics::Histogram histogram_of(const std::vector<std::uint16_t>& weights) {
  return numerics::magnitude_histogram(weights.data(), weights.size());
}

// Squared error of drafting every weight with the best draft exponent for its set of exponents.
double error_of_exponents(const std::vector<std::uint16_t>& weights, unsigned low, unsigned high) {
  double least = std::numeric_limits<double>::infinity();
  for (int e = 0; e < 32; ++e) {
    double error = 0;
    for (const std::uint16_t w : weights) {
      const unsigned exponent = (w >> 10) & 31u;
      if (exponent < low || exponent > high) continue;
      const double off = std::fabs(test::reference_fp16(w)) - std::ldexp(4.0 / 3, e - 15);
      error += off * off;
    }
    least = std::min(least, error);
  }
  return least;
}

// The least error over all contiguous partitions, by trying every one.
double least_error(const std::vector<std::uint16_t>& weights) {
  std::vector<unsigned> exponents;
  for (const auto& entry : histogram_of(weights)) {
    const unsigned e = entry.magnitude >> 10;
    if (exponents.empty() || exponents.back() != e) exponents.push_back(e);
  }
  const std::function<double(std::size_t, int)> best = [&](std::size_t first, int codes) {
    if (first == exponents.size()) return 0.0;
    double least = std::numeric_limits<double>::infinity();
    if (codes == 0) return least;
    for (std::size_t n = 1; n <= 4 && first + n <= exponents.size(); ++n) {
      const double own = error_of_exponents(weights, exponents[first], exponents[first + n - 1]);
      least = std::min(least, own + best(first + n, codes - 1));
    }
    return least;
  };
  return best(0, 8);
}

double error_of_table(const BsfpETable& table, const std::vector<std::uint16_t>& weights) {
  double error = 0;
  for (const std::uint16_t w : weights) {
    const auto element = numerics::encode(table, w);
    REQUIRE(element);
    const double off =
        std::fabs(test::reference_fp16(w)) - numerics::draft_magnitude(table, element->nibble & 7u);
    error += off * off;
  }
  return error;
}

}  // namespace

TEST_CASE("the full-range BSFP-E table restores all 65,536 FP16 patterns") {
  const BsfpETable table = numerics::full_range_bsfp_e();
  unsigned wrong = 0;
  for (unsigned p = 0; p < 65536; ++p) {
    const auto element = numerics::encode(table, static_cast<std::uint16_t>(p));
    if (!element || element->nibble > 15 || element->remainder > 0xFFF ||
        numerics::restore(table, *element) != p) {
      ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a BSFP-E fit restores every pattern of the exponents that it covers") {
  for (unsigned lowest = 0; lowest <= 30; ++lowest) {
    for (const unsigned highest : {lowest, std::min(lowest + 5, 30u), 30u}) {
      const auto weights = test::random_patterns(500, lowest, lowest, highest);
      const auto fit = numerics::fit_bsfp_e(histogram_of(weights));
      REQUIRE(fit);
      std::uint32_t owned = 0;
      for (const auto& code : fit.table->codes) {
        for (unsigned r = 0; r < code.count; ++r) owned |= 1u << code.exponents[r];
      }
      for (const std::uint16_t w : weights) REQUIRE((owned >> (w >> 10 & 31) & 1u) != 0);
      unsigned wrong = 0;
      for (unsigned p = 0; p < 65536; ++p) {
        const auto element = numerics::encode(*fit.table, static_cast<std::uint16_t>(p));
        const bool covered = (owned >> (p >> 10 & 31) & 1u) != 0;
        if (element.has_value() != covered) ++wrong;
        if (element && numerics::restore(*fit.table, *element) != p) ++wrong;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("a BSFP-E fit has the least squared error of all contiguous partitions") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const unsigned lowest = seed % 4;
    const auto weights = test::random_patterns(60, seed, lowest, lowest + 8 + seed % 3);
    const auto fit = numerics::fit_bsfp_e(histogram_of(weights));
    REQUIRE(fit);
    CHECK(error_of_table(*fit.table, weights) == Approx(least_error(weights)).epsilon(1e-6));
  }
}

TEST_CASE("equal BSFP-E partitions go to the lower cut") {
  // Nine exponents, eight codes: one pair must share a code. All weights of the two lowest pairs
  // scaled so that sharing costs the same: exponents 1..9 with a single weight 2^(e-15) x 4/3 each
  // would cost four times more per step, so weights come in numbers of 4^(9-e).
  std::vector<std::uint16_t> weights;
  for (unsigned e = 5; e <= 13; ++e) {
    const unsigned copies = 1u << (2 * (13 - e));
    weights.insert(weights.end(), copies, static_cast<std::uint16_t>(e << 10 | 0x200));
  }
  const auto fit = numerics::fit_bsfp_e(histogram_of(weights));
  REQUIRE(fit);
  // The last code begins as low as it can: it owns the pair.
  for (unsigned c = 0; c < 7; ++c) CHECK(fit.table->codes[c].count == 1);
  CHECK(fit.table->codes[7].count == 2);
}

TEST_CASE("weights without a draft value are refused with the reason") {
  std::vector<std::uint16_t> weights{0x3C00, 0x7C01};
  CHECK(numerics::fit_bsfp_e(histogram_of(weights)).reason == "NaN among the weights");
  CHECK(numerics::fit_bsfp_i(histogram_of(weights), numerics::Levels::kAny).reason ==
        "NaN among the weights");
  weights[1] = 0xFC00;
  CHECK(numerics::fit_bsfp_e(histogram_of(weights)).reason == "infinity among the weights");
  CHECK_FALSE(numerics::fit_bsfp_e({}));
  CHECK_FALSE(numerics::fit_bsfp_i({}, numerics::Levels::kAny));
}

TEST_CASE("BSFP-E tables survive their bytes, impossible bytes are refused") {
  const auto weights = test::random_patterns(300, 5, 3, 14);
  const auto fit = numerics::fit_bsfp_e(histogram_of(weights));
  REQUIRE(fit);
  const auto bytes = numerics::to_bytes(*fit.table);
  const auto again = numerics::parse_bsfp_e(bytes.data());
  REQUIRE(again);
  CHECK(numerics::to_bytes(*again) == bytes);
  CHECK(numerics::parse_bsfp_e(numerics::to_bytes(numerics::full_range_bsfp_e()).data()));

  const auto refused = [&](unsigned byte, unsigned value) {
    auto wrong = bytes;
    wrong[byte] = static_cast<std::uint8_t>(value);
    return !numerics::parse_bsfp_e(wrong.data()).has_value();
  };
  CHECK(refused(3, bytes[3] | 0x80));                     // unused bit
  CHECK(refused(3, (bytes[3] & 1) | 5 << 1));             // count 5
  CHECK(refused(4, (bytes[4] & ~31) | (bytes[0] & 31)));  // owned twice
  CHECK_FALSE(refused(0, bytes[0]));
  const std::array<std::uint8_t, 32> zeros{};
  CHECK_FALSE(numerics::parse_bsfp_e(zeros.data()));  // no exponent at all
}
