// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "tandem/numerics/dot.h"
#include "test_support.h"
#include "weight_cases.h"

using namespace tandem;
using abi::Format;
using numerics::Tile;

namespace {

// The definition, one output at a time.
std::vector<float> naive(const test::WeightCase& weights, const std::vector<std::uint16_t>& x,
                         std::uint32_t m) {
  const std::uint32_t n = weights.layout.rows;
  const std::uint32_t k = weights.layout.cols;
  const std::uint32_t chunks = (k + 127) / 128;
  std::vector<float> y(m * n);
  for (std::uint32_t i = 0; i < m; ++i) {
    for (std::uint32_t row = 0; row < n; ++row) {
      float total = 0;
      for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) {
        float sum = 0;
        for (std::uint32_t col = 128 * chunk; col < std::min(k, 128 * (chunk + 1)); ++col) {
          const auto activation = static_cast<float>(test::reference_fp16(x[i * k + col]));
          const float product = weights.values[row * k + col] * activation;
          sum = sum + product;
        }
        const float scaled = sum * weights.scales[row * chunks + chunk];
        total = total + scaled;
      }
      y[i * n + row] = total;
    }
  }
  return y;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float p, float q) {
    return numerics::float_bits(p) == numerics::float_bits(q);
  });
}

}  // namespace

TEST_CASE("results equal the definition bit for bit, for every format and shape") {
  struct Shape {
    std::uint32_t m, n, k;
  };
  for (const Shape s : {Shape{1, 1, 1}, Shape{1, 16, 128}, Shape{2, 5, 129}, Shape{5, 33, 171},
                        Shape{17, 20, 300}, Shape{1, 7, 640}}) {
    const auto x = test::random_patterns(s.m * s.k, s.k + s.m);
    for (const auto& weights : test::weight_cases(s.n, s.k, s.n + s.k)) {
      INFO(weights.name << " m " << s.m << " n " << s.n << " k " << s.k);
      std::vector<float> sums(s.m * s.n);
      numerics::accumulate(weights.view({0, s.n, 0, s.k}), x.data(), s.k, s.m, sums.data(), s.n);
      REQUIRE(same_bits(sums, naive(weights, x, s.m)));
    }
  }
}

TEST_CASE("tiling changes nothing, whether tiles are fetched whole or row by row") {
  constexpr std::uint32_t kM = 3, kN = 21, kK = 435;
  const auto x = test::random_patterns(kM * kK, 8);
  for (const auto& weights : test::weight_cases(kN, kK, 9)) {
    const auto expected = naive(weights, x, kM);
    for (const std::uint32_t tile_rows : {1u, 4u, 16u, 21u}) {
      for (const std::uint32_t tile_cols : {128u, 256u}) {
        for (const bool row_by_row : {false, true}) {
          INFO(weights.name << " tile " << tile_rows << " x " << tile_cols);
          numerics::CanonicalGemm gemm;
          gemm.begin(kM, kN);
          for (std::uint32_t col = 0; col < kK; col += tile_cols) {
            for (std::uint32_t row = 0; row < kN; row += tile_rows) {
              const Tile tile{row, std::min(tile_rows, kN - row), col,
                              std::min(tile_cols, kK - col)};
              const test::FetchedTile fetched(weights, tile, row_by_row);
              gemm.accumulate(fetched.view(), x.data(), kK);
            }
          }
          std::vector<float> sums(kM * kN);
          gemm.finish(Format::kFp32, sums.data());
          REQUIRE(same_bits(sums, expected));
        }
      }
    }
  }
}

TEST_CASE("float activations give what FP16 ones give") {
  const auto x = test::random_patterns(2 * 200, 1);
  std::vector<float> wide(x.size());
  numerics::fp16_to_float(x.data(), wide.data(), x.size());
  const auto weights = test::weight_cases(9, 200, 2).front();
  std::vector<float> a(18), b(18);
  numerics::accumulate(weights.view({0, 9, 0, 200}), x.data(), 200, 2, a.data(), 9);
  numerics::accumulate(weights.view({0, 9, 0, 200}), wide.data(), 200, 2, b.data(), 9);
  CHECK(same_bits(a, b));
}

TEST_CASE("the order of summation is the canonical one, not another") {
  // 1 + 128 times 2^-24 in ascending order loses every small term; any pairwise order keeps some.
  std::vector<std::uint16_t> weights(129, 0x0001);  // 2^-24
  weights[0] = 0x3C00;
  const std::vector<std::uint16_t> ones(129, 0x3C00);
  // Chunk 1 holds one element, and 1 + 2^-24 ties to even: 1.
  CHECK(numerics::dot(weights.data(), 1, ones.data(), 1, 129) == 1.0f);
  // With the large term in a chunk of its own at the end, the first chunk sums to 2^-17 exactly.
  std::swap(weights[0], weights[128]);
  CHECK(numerics::dot(weights.data(), 1, ones.data(), 1, 129) == 1.0f + 0x1p-17f);
}

TEST_CASE("sums are rounded once to the storage format") {
  const std::vector<float> sums{1.0f + 0x1p-11f, 1.0f + 0x1p-11f + 0x1p-20f, -65520.0f};
  std::vector<std::uint16_t> out(3);
  numerics::round_to_storage(sums.data(), 3, Format::kFp16, out.data());
  CHECK(out == std::vector<std::uint16_t>{0x3C00, 0x3C01, 0xFC00});
  numerics::round_to_storage(sums.data(), 3, Format::kBf16, out.data());
  CHECK(out == std::vector<std::uint16_t>{0x3F80, 0x3F80, 0xC780});
  CHECK_THROWS_AS(numerics::round_to_storage(sums.data(), 3, Format::kInt8, out.data()),
                  std::invalid_argument);
}

TEST_CASE("columns out of order, gaps and foreign rows are refused") {
  const auto weights = test::weight_cases(8, 300, 3).front();
  const auto x = test::random_patterns(300, 1);
  numerics::CanonicalGemm gemm;
  gemm.begin(1, 8);
  CHECK_THROWS_AS(gemm.accumulate(weights.view({0, 8, 128, 128}), x.data(), 300),
                  std::invalid_argument);
  CHECK_NOTHROW(gemm.accumulate(weights.view({0, 8, 0, 128}), x.data(), 300));
  CHECK_THROWS_AS(gemm.accumulate(weights.view({4, 1, 0, 128}), x.data(), 300),
                  std::invalid_argument);
  gemm.begin(1, 4);
  CHECK_THROWS_AS(gemm.accumulate(weights.view({0, 8, 0, 300}), x.data(), 300),
                  std::invalid_argument);
}

TEST_CASE("attention products follow the same order, with strides") {
  constexpr std::uint32_t kRows = 301, kDim = 150, kStride = 160;
  const auto keys = test::random_patterns(kRows * kStride, 4, 0, 16);
  const auto q = test::random_patterns(kDim, 5, 0, 16);
  std::vector<float> wide(kDim);
  numerics::fp16_to_float(q.data(), wide.data(), kDim);
  std::vector<float> scores(kRows);
  numerics::dot_rows(wide.data(), keys.data(), kStride, kRows, kDim, scores.data());
  for (std::uint32_t t = 0; t < kRows; ++t) {
    const float alone = numerics::dot(q.data(), 1, keys.data() + t * kStride, 1, kDim);
    REQUIRE(numerics::float_bits(scores[t]) == numerics::float_bits(alone));
  }

  // P.V: column c is the dot product of p with a strided column of V.
  std::vector<std::uint16_t> p(kRows);
  numerics::float_to_fp16(scores.data(), p.data(), kRows);
  numerics::WeightedRowSum sum;
  for (int again = 0; again < 2; ++again) {
    sum.begin(kDim);
    for (std::uint32_t t = 0; t < kRows; ++t) {
      sum.add(numerics::fp16_to_float(p[t]), keys.data() + t * kStride);
    }
    const auto& out = sum.finish();
    for (std::uint32_t c = 0; c < kDim; ++c) {
      const float alone = numerics::dot(p.data(), 1, keys.data() + c, kStride, kRows);
      REQUIRE(numerics::float_bits(out[c]) == numerics::float_bits(alone));
    }
  }
}
