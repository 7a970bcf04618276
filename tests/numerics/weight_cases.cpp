// SPDX-License-Identifier: Apache-2.0
#include "weight_cases.h"

#include <cstring>
#include <random>

#include "tandem/numerics/bsfp.h"
#include "test_support.h"

namespace tandem::test {
namespace {

using abi::Format;
using abi::Grouping;
using abi::TableScope;
using numerics::Plane;
using Bytes = std::vector<std::uint8_t>;

Bytes& plane_of(WeightCase& weights, Plane plane) {
  return weights.planes[static_cast<unsigned>(plane)];
}

template <class T>
Bytes bytes_of(const std::vector<T>& items) {
  Bytes bytes(items.size() * sizeof(T));
  std::memcpy(bytes.data(), items.data(), bytes.size());
  return bytes;
}

// The number of the scale that element (row, chunk) uses.
std::size_t scale_index(Grouping grouping, std::size_t row, std::size_t chunk, std::size_t chunks) {
  if (grouping == Grouping::kGroup128) return row * chunks + chunk;
  return grouping == Grouping::kRow ? row : 0;
}

void add_scales(WeightCase& weights, unsigned seed) {
  const auto& layout = weights.layout;
  const std::size_t chunks = (layout.cols + 127) / 128;
  const bool scaled = layout.grouping != Grouping::kNone;
  const auto patterns = random_patterns(layout.rows * chunks, seed, 8, 18);
  std::size_t used = 0;
  for (std::size_t row = 0; row < layout.rows; ++row) {
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      const std::size_t index = scale_index(layout.grouping, row, chunk, chunks);
      used = std::max(used, index + 1);
      weights.scales.push_back(scaled ? static_cast<float>(reference_fp16(patterns[index])) : 1.0f);
    }
  }
  if (!scaled) return;
  plane_of(weights, Plane::kScales) =
      bytes_of(std::vector<std::uint16_t>(patterns.begin(), patterns.begin() + used));
}

float low_bit_reference(Format format, unsigned code) {
  const float e2m1[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  if (format == Format::kInt4) return static_cast<float>(code < 8 ? int(code) : int(code) - 16);
  if (format == Format::kInt8) return static_cast<float>(code < 128 ? int(code) : int(code) - 256);
  const float magnitude =
      format == Format::kE2m1 ? e2m1[code & 7] : std::ldexp(1.0f, static_cast<int>(code & 7) - 7);
  return (code & 8) != 0 ? -magnitude : magnitude;
}

WeightCase plain_case(Format format, std::uint32_t rows, std::uint32_t cols, unsigned seed) {
  WeightCase result{"plain " + std::to_string(static_cast<int>(format)),
                    {format, Grouping::kNone, TableScope::kTensor, rows, cols},
                    {},
                    {},
                    {}};
  const auto patterns = random_patterns(rows * cols, seed);
  for (const std::uint16_t p : patterns) {
    const auto bf16 = static_cast<std::uint16_t>(p & 0xBFFF);  // small enough for finite sums
    result.values.push_back(format == Format::kBf16 ? numerics::bf16_to_float(bf16)
                                                    : static_cast<float>(reference_fp16(p)));
    if (format == Format::kFp32) continue;
    const std::uint16_t stored = format == Format::kBf16 ? bf16 : p;
    plane_of(result, Plane::kStream).push_back(static_cast<std::uint8_t>(stored & 255));
    plane_of(result, Plane::kStream).push_back(static_cast<std::uint8_t>(stored >> 8));
  }
  if (format == Format::kFp32) plane_of(result, Plane::kStream) = bytes_of(result.values);
  add_scales(result, seed);
  return result;
}

WeightCase low_bit_case(Format format, Grouping grouping, std::uint32_t rows, std::uint32_t cols,
                        unsigned seed) {
  WeightCase result{"low-bit " + std::to_string(static_cast<int>(format)) + " grouping " +
                        std::to_string(static_cast<int>(grouping)),
                    {format, grouping, TableScope::kTensor, rows, cols},
                    {},
                    {},
                    {}};
  std::mt19937 engine(seed);
  Bytes& stream = plane_of(result, Plane::kStream);
  const unsigned bits = format == Format::kInt8 ? 8 : 4;
  stream.resize((static_cast<std::size_t>(rows) * cols * bits + 7) / 8);
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * cols; ++i) {
    const auto code = static_cast<unsigned>(engine() % (1u << bits));
    stream[i * bits / 8] = static_cast<std::uint8_t>(stream[i * bits / 8] | code << (i * bits % 8));
    result.values.push_back(low_bit_reference(format, code));
  }
  add_scales(result, seed);
  return result;
}

template <class Table>
WeightCase bsfp_case(Format format, Grouping grouping, const numerics::BsfpTensor<Table>& tensor,
                     const std::vector<std::uint16_t>& weights, unsigned seed) {
  const auto scope = tensor.tables.size() == 1 ? TableScope::kTensor : TableScope::kRow;
  WeightCase result{"bsfp " + std::to_string(static_cast<int>(format)) + " scope " +
                        std::to_string(static_cast<int>(scope)) + " grouping " +
                        std::to_string(static_cast<int>(grouping)),
                    {format, grouping, scope, static_cast<std::uint32_t>(tensor.rows),
                     static_cast<std::uint32_t>(tensor.cols)},
                    {},
                    {},
                    {}};
  plane_of(result, Plane::kStream) = tensor.plane;
  plane_of(result, Plane::kTables) = tensor.table_bytes();
  if (abi::is_bsfp_full(format)) {
    plane_of(result, Plane::kRemainder) = tensor.remainder;
    for (const std::uint16_t w : weights) {
      result.values.push_back(static_cast<float>(reference_fp16(w)));
    }
  } else {
    result.values = numerics::draft_values(tensor);
  }
  add_scales(result, seed);
  return result;
}

}  // namespace

numerics::WeightView WeightCase::view(const numerics::Tile& tile) const {
  return numerics::view_of(layout, tile, plane(Plane::kStream), plane(Plane::kRemainder),
                           plane(Plane::kScales), plane(Plane::kTables));
}

std::vector<WeightCase> weight_cases(std::uint32_t rows, std::uint32_t cols, unsigned seed) {
  std::vector<WeightCase> cases;
  for (const Format format : {Format::kFp32, Format::kFp16, Format::kBf16}) {
    cases.push_back(plain_case(format, rows, cols, seed));
  }
  const auto groupings = {Grouping::kNone, Grouping::kGroup128, Grouping::kRow, Grouping::kTensor};
  for (const Format format : {Format::kInt8, Format::kInt4, Format::kE2m1, Format::kE3m0}) {
    for (const Grouping grouping : groupings) {
      cases.push_back(low_bit_case(format, grouping, rows, cols, seed));
    }
  }
  const auto weights = random_patterns(static_cast<std::size_t>(rows) * cols, seed);
  for (const TableScope scope : {TableScope::kTensor, TableScope::kRow}) {
    const auto e = *numerics::make_bsfp_e(weights.data(), rows, cols, scope).tensor;
    const auto i =
        *numerics::make_bsfp_i(weights.data(), rows, cols, scope, numerics::Levels::kAny).tensor;
    for (const Grouping grouping : groupings) {
      cases.push_back(bsfp_case(Format::kBsfpEDraft, grouping, e, weights, seed));
      cases.push_back(bsfp_case(Format::kBsfpIDraft, grouping, i, weights, seed));
    }
    cases.push_back(bsfp_case(Format::kBsfpEFull, Grouping::kNone, e, weights, seed));
    cases.push_back(bsfp_case(Format::kBsfpIFull, Grouping::kNone, i, weights, seed));
  }
  return cases;
}

FetchedTile::FetchedTile(const WeightCase& weights, const numerics::Tile& tile, bool row_by_row)
    : view_{weights.layout, tile, {}, {}, {}, {}} {
  numerics::PlaneView* const views[] = {&view_.stream, &view_.remainder, &view_.scales,
                                        &view_.tables};
  for (unsigned p = 0; p < numerics::kPlaneCount; ++p) {
    const auto plane = static_cast<Plane>(p);
    if (weights.plane(plane) == nullptr) continue;
    const auto copy = [&](const numerics::ByteRange& range, std::size_t to) {
      bytes_[p].resize(to + range.bytes);
      std::memcpy(bytes_[p].data() + to, weights.plane(plane) + range.offset, range.bytes);
    };
    if (row_by_row) {
      views[p]->row_pitch = numerics::row_pitch_bytes(weights.layout, tile, plane);
      for (std::uint32_t row = 0; row < tile.rows; ++row) {
        copy(numerics::row_range(weights.layout, tile, plane, row),
             static_cast<std::size_t>(row) * views[p]->row_pitch);
      }
    } else {
      copy(numerics::plane_range(weights.layout, tile, plane), 0);
    }
    bytes_[p].shrink_to_fit();
    views[p]->data = bytes_[p].data();
  }
}

}  // namespace tandem::test
