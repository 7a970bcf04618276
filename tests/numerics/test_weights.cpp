// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <stdexcept>

#include "tandem/numerics/decode.h"
#include "weight_cases.h"

using namespace tandem;
using abi::Format;
using abi::Grouping;
using abi::TableScope;
using numerics::Plane;
using numerics::TensorLayout;
using numerics::Tile;

TEST_CASE("plane sizes of whole tensors") {
  const TensorLayout draft{Format::kBsfpIDraft, Grouping::kGroup128, TableScope::kRow, 5, 171};
  CHECK(numerics::plane_bytes(draft, Plane::kStream) == (5 * 171 + 1) / 2);
  CHECK(numerics::plane_bytes(draft, Plane::kRemainder) == 0);
  CHECK(numerics::plane_bytes(draft, Plane::kScales) == 5 * 2 * 2);
  CHECK(numerics::plane_bytes(draft, Plane::kTables) == 5 * 30);
  const TensorLayout full{Format::kBsfpEFull, Grouping::kNone, TableScope::kTensor, 5, 171};
  CHECK(numerics::plane_bytes(full, Plane::kRemainder) == (5 * 171 * 12 + 7) / 8);
  CHECK(numerics::plane_bytes(full, Plane::kScales) == 0);
  CHECK(numerics::plane_bytes(full, Plane::kTables) == 32);
}

TEST_CASE("byte ranges of a tile whose rows begin within a byte") {
  const TensorLayout layout{Format::kBsfpIFull, Grouping::kNone, TableScope::kRow, 4, 171};
  const Tile tile{1, 2, 128, 43};  // first elements 299 and 470
  const auto stream = numerics::plane_range(layout, tile, Plane::kStream);
  CHECK(stream.offset == 149);
  CHECK(stream.bytes == 257 - 149);  // element 512 is the last: byte 256
  const auto row = numerics::row_range(layout, tile, Plane::kRemainder, 0);
  CHECK(row.offset == 299 * 12 / 8);
  CHECK(row.bytes == (342 * 12 + 7) / 8 - 299 * 12 / 8);
  CHECK(numerics::row_range(layout, tile, Plane::kTables, 1).offset == 60);
  CHECK_FALSE(numerics::is_contiguous(layout, tile, Plane::kStream));
  CHECK(numerics::is_contiguous(layout, tile, Plane::kTables));
  CHECK(numerics::is_contiguous(layout, {1, 2, 0, 171}, Plane::kStream));
  CHECK(numerics::is_contiguous(layout, {1, 1, 128, 43}, Plane::kStream));
}

TEST_CASE("a fetched tile decodes to the tensor's own values, from exactly its bytes") {
  for (const std::uint32_t cols : {1u, 64u, 171u, 300u}) {
    for (const auto& weights : test::weight_cases(7, cols, cols)) {
      for (std::uint32_t col0 = 0; col0 < cols; col0 += 128) {
        const Tile tile{2, 4, col0, std::min(128u, cols - col0)};
        for (const bool row_by_row : {false, true}) {
          INFO(weights.name << " cols " << cols << " col0 " << col0 << " rows " << row_by_row);
          const test::FetchedTile fetched(weights, tile, row_by_row);
          REQUIRE_NOTHROW(numerics::validate(fetched.view()));
          for (std::uint32_t row = 0; row < tile.rows; ++row) {
            std::vector<float> values(tile.cols);
            numerics::decode_row(fetched.view(), row, 0, tile.cols, values.data());
            const std::size_t first = (2 + row) * static_cast<std::size_t>(cols) + col0;
            for (std::uint32_t c = 0; c < tile.cols; ++c) {
              REQUIRE(values[c] == weights.values[first + c]);
            }
            const std::size_t scale = (2 + row) * ((cols + 127) / 128) + col0 / 128;
            REQUIRE(numerics::scale_at(fetched.view(), row, 0) == weights.scales[scale]);
          }
        }
      }
    }
  }
}

TEST_CASE("views that cannot be summed in canonical order are refused") {
  const auto cases = test::weight_cases(4, 300, 1);
  for (const auto& weights : cases) {
    const auto refused = [&](const Tile& tile) {
      CHECK_THROWS_AS(numerics::validate(weights.view(tile)), std::invalid_argument);
    };
    refused({0, 5, 0, 300});
    refused({0, 4, 128, 200});
    refused({0, 4, 64, 128});
    refused({0, 4, 0, 100});
    refused({0xFFFFFFFF, 2, 0, 300});
    auto view = weights.view({0, 4, 0, 300});
    CHECK_NOTHROW(numerics::validate(view));
    view.stream.data = nullptr;
    CHECK_THROWS_AS(numerics::validate(view), std::invalid_argument);
  }
}
