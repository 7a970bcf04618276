// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "tandem/numerics/bsfp.h"
#include "test_support.h"

using namespace tandem;
using numerics::BsfpITable;
using numerics::Histogram;
using numerics::Levels;

namespace {

bool is_shift_add(std::uint16_t level) {
  const double value = test::reference_fp16(level);
  if (value == 0) return true;
  int exponent = 0;
  const double mantissa = 2 * std::frexp(value, &exponent);
  return mantissa == 1 || mantissa == 1.25 || mantissa == 1.5;
}

std::vector<std::uint16_t> shift_add_levels() {
  std::vector<std::uint16_t> levels;
  for (std::uint16_t level = 0; level < numerics::kFp16Infinity; ++level) {
    if (is_shift_add(level)) levels.push_back(level);
  }
  return levels;
}

// Error of magnitudes [first, end) around the best level, by trying every level of the set.
double interval_error(const Histogram& h, std::size_t first, std::size_t end, Levels levels,
                      const std::vector<std::uint16_t>& candidates) {
  double n = 0, sum = 0;
  for (std::size_t i = first; i < end; ++i) {
    n += h[i].count;
    sum += h[i].count * test::reference_fp16(h[i].magnitude);
  }
  const auto error_around = [&](double level) {
    double error = 0;
    for (std::size_t i = first; i < end; ++i) {
      const double off = test::reference_fp16(h[i].magnitude) - level;
      error += h[i].count * off * off;
    }
    return error;
  };
  if (levels == Levels::kAny) return error_around(sum / n);
  double least = std::numeric_limits<double>::infinity();
  for (const std::uint16_t level : candidates) {
    least = std::min(least, error_around(test::reference_fp16(level)));
  }
  return least;
}

// Least error over all cuts into at most 8 intervals: the plain quadratic recurrence.
double least_error(const Histogram& h, Levels levels) {
  const std::size_t n = h.size();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto candidates = shift_add_levels();
  std::vector<double> own(n * (n + 1), infinity);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j <= n && h[j - 1].magnitude - h[i].magnitude < 4096; ++j) {
      own[i * (n + 1) + j] = interval_error(h, i, j, levels, candidates);
    }
  }
  std::vector<double> before(n + 1, infinity);
  before[0] = 0;
  double least = infinity;
  for (int k = 0; k < 8; ++k) {
    std::vector<double> now(n + 1, infinity);
    for (std::size_t j = 1; j <= n; ++j) {
      for (std::size_t i = 0; i < j; ++i)
        now[j] = std::min(now[j], before[i] + own[i * (n + 1) + j]);
    }
    before = now;
    least = std::min(least, before[n]);
  }
  return least;
}

// Error of a table's intervals around their own means (kAny) or levels (kShiftAdd).
double error_of_table(const BsfpITable& table, const Histogram& h, Levels levels) {
  double error = 0;
  std::size_t first = 0;
  while (first < h.size()) {
    const auto code = numerics::encode(table, h[first].magnitude)->nibble;
    std::size_t end = first;
    while (end < h.size() && numerics::encode(table, h[end].magnitude)->nibble == code) ++end;
    if (levels == Levels::kAny) {
      error += interval_error(h, first, end, levels, {});
    } else {
      for (std::size_t i = first; i < end; ++i) {
        const double off =
            test::reference_fp16(h[i].magnitude) - test::reference_fp16(table.level[code]);
        error += h[i].count * off * off;
      }
    }
    first = end;
  }
  return error;
}

Histogram histogram_of(const std::vector<std::uint16_t>& weights) {
  return numerics::magnitude_histogram(weights.data(), weights.size());
}

}  // namespace

TEST_CASE("uniform BSFP-I cuts restore every possible magnitude with either sign") {
  const BsfpITable table = numerics::uniform_bsfp_i();
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

TEST_CASE("a BSFP-I fit restores every pattern that it covers, and covers all that occur") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const auto weights = seed % 2 == 0 ? test::random_patterns(50 + 40 * seed, seed, seed % 20, 30)
                                       : test::gaussian_weights(50 + 40 * seed, 0.02, seed);
    for (const Levels levels : {Levels::kAny, Levels::kShiftAdd}) {
      const auto fit = numerics::fit_bsfp_i(histogram_of(weights), levels);
      REQUIRE(fit);
      for (const std::uint16_t w : weights) REQUIRE(numerics::encode(*fit.table, w));
      unsigned wrong = 0;
      for (unsigned p = 0; p < 65536; ++p) {
        const auto element = numerics::encode(*fit.table, static_cast<std::uint16_t>(p));
        const bool covered =
            std::any_of(fit.table->start.begin(), fit.table->start.end(), [&](std::uint16_t start) {
              return (p & 0x7FFF) >= start && (p & 0x7FFF) - start < 4096;
            });
        if (element.has_value() != covered) ++wrong;
        if (element && numerics::restore(*fit.table, *element) != p) ++wrong;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("BSFP-I cuts have the least squared error") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    // Wide exponents make the span of 4,096 patterns bind; Gaussian weights do not.
    const auto weights = seed % 3 == 0   ? test::random_patterns(40, seed, 0, 30)
                         : seed % 3 == 1 ? test::random_patterns(60, seed, 8, 13)
                                         : test::gaussian_weights(60, 0.1, seed);
    const Histogram h = histogram_of(weights);
    for (const Levels levels : {Levels::kAny, Levels::kShiftAdd}) {
      const auto fit = numerics::fit_bsfp_i(h, levels);
      REQUIRE(fit);
      INFO("seed " << seed << " levels " << static_cast<int>(levels));
      CHECK(error_of_table(*fit.table, h, levels) ==
            Approx(least_error(h, levels)).epsilon(1e-9).margin(1e-18));
    }
  }
}

TEST_CASE("shift-add levels are sums of at most two powers of two, and the nearest") {
  const auto levels = shift_add_levels();
  for (const double value : {0.0, 1e-9, 0x1p-24, 1.4e-7, 3.1e-6, 0.017, 0.33, 1.0, 1.124, 1.126,
                             1.374, 1.376, 1.74, 1.76, 7.1, 40000.0, 60000.0, 65504.0}) {
    const std::uint16_t level = numerics::nearest_shift_add_level(value);
    CHECK(is_shift_add(level));
    const double distance = std::fabs(test::reference_fp16(level) - value);
    for (const std::uint16_t other : levels) {
      REQUIRE(distance <= std::fabs(test::reference_fp16(other) - value));
    }
  }
  CHECK(numerics::nearest_shift_add_level(1.125) == numerics::float_to_fp16(1.0f));
}

TEST_CASE("BSFP-I tables survive their bytes, impossible bytes are refused") {
  const auto weights = test::gaussian_weights(5000, 0.02, 1);
  const auto fit = numerics::fit_bsfp_i(histogram_of(weights), Levels::kAny);
  REQUIRE(fit);
  const auto again = numerics::parse_bsfp_i(numerics::to_bytes(*fit.table).data());
  REQUIRE(again);
  CHECK(again->start == fit.table->start);
  CHECK(again->level == fit.table->level);
  CHECK(numerics::parse_bsfp_i(numerics::to_bytes(numerics::uniform_bsfp_i()).data()));

  const auto refused = [](const BsfpITable& table) {
    return !numerics::parse_bsfp_i(numerics::to_bytes(table).data()).has_value();
  };
  BsfpITable wrong = *fit.table;
  std::swap(wrong.start[2], wrong.start[3]);
  CHECK(refused(wrong));
  wrong = *fit.table;
  wrong.level[4] = numerics::kFp16Infinity;
  CHECK(refused(wrong));
  wrong = *fit.table;
  wrong.start[5] = wrong.start[4];  // same start, another level
  CHECK(refused(wrong));
  wrong = *fit.table;
  wrong.start[1] = wrong.start[0];
  wrong.level[1] = wrong.level[0];  // repeated, but not at the end
  CHECK(refused(wrong));

  // Three distinct magnitudes: three intervals, the last one repeated.
  const auto few = numerics::fit_bsfp_i({{0, 4}, {0x3C00, 1}, {0x4000, 2}}, Levels::kAny);
  REQUIRE(few);
  CHECK(few.table->start ==
        std::array<std::uint16_t, 8>{0, 0x3C00, 0x4000, 0x4000, 0x4000, 0x4000, 0x4000, 0x4000});
  CHECK(few.table->level == few.table->start);
  CHECK_FALSE(refused(*few.table));
}
