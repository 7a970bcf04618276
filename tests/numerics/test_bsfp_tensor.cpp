// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "stories_model.h"
#include "tandem/numerics/bsfp.h"
#include "test_support.h"

using namespace tandem;
using abi::TableScope;
using numerics::Levels;

TEST_CASE("planes are packed over the tensor without row padding") {
  // One code owns exponents 12..15; so r = exponent - 12.
  numerics::BsfpETable table;
  table.codes[5] = {4, {12, 13, 14, 15}, 14};
  const std::vector<std::uint16_t> weights{0x3001, 0xB402, 0x3BFF};  // exponents 12, 13, 14
  const auto packed = numerics::pack_bsfp(weights.data(), 3, 1, std::vector{table});
  REQUIRE(packed);
  CHECK(packed.tensor->plane == std::vector<std::uint8_t>{0xD5, 0x05});
  // Remainders 0x001, 0x402, 0xBFF.
  CHECK(packed.tensor->remainder == std::vector<std::uint8_t>{0x01, 0x20, 0x40, 0xFF, 0x0B});
}

TEST_CASE("a weight that the table does not cover fails the packing by name") {
  numerics::BsfpITable table;
  table.start.fill(0x3000);
  const std::vector<std::uint16_t> weights{0x3000, 0x2FFF};
  const auto packed = numerics::pack_bsfp(weights.data(), 1, 2, std::vector{table});
  CHECK_FALSE(packed);
  CHECK(packed.reason == "element 1 (FP16 pattern 12287) is not covered by the table");
  const std::vector<std::uint16_t> beyond{0x4000};
  CHECK_FALSE(numerics::pack_bsfp(beyond.data(), 1, 1, std::vector{table}));
}

TEST_CASE("every tensor of stories260K is restored bit for bit by both tables") {
  for (const auto& tensor : test::stories_tensors()) {
    INFO(tensor.name);
    const auto* weights = tensor.weights.data();
    for (const TableScope scope : {TableScope::kTensor, TableScope::kRow}) {
      const auto e = numerics::make_bsfp_e(weights, tensor.rows, tensor.cols, scope);
      REQUIRE(e);
      CHECK(numerics::restore_all(*e.tensor) == tensor.weights);
      CHECK(e.tensor->plane.size() == tensor.weights.size() / 2);
      CHECK(e.tensor->remainder.size() == tensor.weights.size() * 3 / 2);
      for (const Levels levels : {Levels::kAny, Levels::kShiftAdd}) {
        const auto i = numerics::make_bsfp_i(weights, tensor.rows, tensor.cols, scope, levels);
        REQUIRE(i);
        CHECK(numerics::restore_all(*i.tensor) == tensor.weights);
        const std::size_t tables = scope == TableScope::kRow ? tensor.rows : 1;
        CHECK(i.tensor->table_bytes().size() == tables * abi::kBsfpITableBytes);
      }
    }
  }
}

TEST_CASE("verification names the first element that is not restored") {
  const auto weights = test::gaussian_weights(7 * 33, 0.02, 4);
  auto packed = numerics::make_bsfp_i(weights.data(), 7, 33, TableScope::kRow, Levels::kAny);
  REQUIRE(packed);
  CHECK_FALSE(numerics::verify_restoration(*packed.tensor, weights.data()));
  auto damaged = *packed.tensor;
  damaged.remainder[3 * 50 + 1] ^= 0x10;  // element 101 of the bit stream
  CHECK(numerics::verify_restoration(damaged, weights.data()) == 101u);
  damaged = *packed.tensor;
  damaged.plane[20] ^= 0x08;  // sign of element 40
  CHECK(numerics::verify_restoration(damaged, weights.data()) == 40u);
  damaged = *packed.tensor;
  ++damaged.tables[6].start[0];
  const auto wrong = numerics::verify_restoration(damaged, weights.data());
  REQUIRE(wrong);
  CHECK(*wrong >= 6u * 33);
}

TEST_CASE("signed zeros, subnormals and all exponents at once") {
  const auto weights = test::random_patterns(4001, 77);
  for (const TableScope scope : {TableScope::kTensor, TableScope::kRow}) {
    CHECK(numerics::make_bsfp_e(weights.data(), 1, 4001, scope));
    CHECK(numerics::make_bsfp_i(weights.data(), 4001, 1, scope, Levels::kShiftAdd));
  }
  const std::vector<std::uint16_t> zeros{0x0000, 0x8000, 0x0000};
  const auto e = numerics::make_bsfp_e(zeros.data(), 1, 3, TableScope::kTensor);
  const auto i = numerics::make_bsfp_i(zeros.data(), 1, 3, TableScope::kTensor, Levels::kAny);
  REQUIRE(e);
  REQUIRE(i);
  CHECK(numerics::restore_all(*e.tensor) == zeros);
  CHECK(numerics::restore_all(*i.tensor) == zeros);
  CHECK(numerics::draft_values(*i.tensor) == std::vector<float>{0.0f, -0.0f, 0.0f});
}

TEST_CASE("draft quality on Gaussian weights lies where the formats' design puts it") {
  for (const double sigma : {0.01, 0.02, 0.04}) {
    const auto weights = test::gaussian_weights(200000, sigma, 11);
    const auto e = numerics::make_bsfp_e(weights.data(), 400, 500, TableScope::kTensor);
    REQUIRE(e);
    CHECK(test::sqnr_db(weights, numerics::draft_values(*e.tensor)) == Approx(14.2).margin(0.1));
    for (const Levels levels : {Levels::kAny, Levels::kShiftAdd}) {
      const auto i = numerics::make_bsfp_i(weights.data(), 400, 500, TableScope::kTensor, levels);
      REQUIRE(i);
      const double db = test::sqnr_db(weights, numerics::draft_values(*i.tensor));
      INFO("sigma " << sigma << " shift-add " << (levels == Levels::kShiftAdd));
      CHECK(db >= 18.2);
      CHECK(db <= 19.45);
    }
  }
}
