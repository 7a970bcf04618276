// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/bsfp.h"

namespace tandem::numerics {
namespace {

void write_bsfp(std::uint8_t* plane, std::uint8_t* remainder, std::size_t i, BsfpElement e) {
  plane[i / 2] = static_cast<std::uint8_t>(plane[i / 2] | e.nibble << (4 * (i % 2)));
  const std::size_t byte = i / 2 * 3 + i % 2;
  const unsigned shifted = static_cast<unsigned>(e.remainder) << (4 * (i % 2));
  remainder[byte] = static_cast<std::uint8_t>(remainder[byte] | (shifted & 0xFFu));
  remainder[byte + 1] = static_cast<std::uint8_t>(remainder[byte + 1] | shifted >> 8);
}

std::string describe_uncovered(std::size_t index, std::uint16_t pattern) {
  return "element " + std::to_string(index) + " (FP16 pattern " + std::to_string(pattern) +
         ") is not covered by the table";
}

Fit<BsfpETable> fit(const Histogram& histogram, const BsfpETable*, Levels) {
  return fit_bsfp_e(histogram);
}
Fit<BsfpITable> fit(const Histogram& histogram, const BsfpITable*, Levels levels) {
  return fit_bsfp_i(histogram, levels);
}

template <class Table>
Packed<Table> make(const std::uint16_t* weights, std::size_t rows, std::size_t cols,
                   abi::TableScope scope, Levels levels) {
  const bool by_row = scope == abi::TableScope::kRow;
  const std::size_t tables = by_row ? rows : 1;
  const std::size_t elements = by_row ? cols : rows * cols;
  std::vector<Table> fitted;
  for (std::size_t t = 0; t < tables; ++t) {
    const Histogram histogram = magnitude_histogram(weights + t * elements, elements);
    auto result = fit(histogram, static_cast<const Table*>(nullptr), levels);
    if (!result) return {{}, result.reason + (by_row ? " in row " + std::to_string(t) : "")};
    fitted.push_back(*result.table);
  }
  auto packed = pack_bsfp(weights, rows, cols, std::move(fitted));
  if (!packed) return packed;
  if (const auto wrong = verify_restoration(*packed.tensor, weights)) {
    return {{}, "element " + std::to_string(*wrong) + " is not restored"};
  }
  return packed;
}

}  // namespace

std::optional<BsfpElement> encode(const BsfpETable& table, std::uint16_t fp16) {
  const unsigned exponent = (fp16 >> kFp16MantissaBits) & 31u;
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    for (unsigned r = 0; r < table.codes[c].count; ++r) {
      if (table.codes[c].exponents[r] != exponent) continue;
      return BsfpElement{static_cast<std::uint8_t>((fp16 >> 12 & 8u) | c),
                         static_cast<std::uint16_t>(r << 10 | (fp16 & 0x3FFu))};
    }
  }
  return std::nullopt;
}

std::optional<BsfpElement> encode(const BsfpITable& table, std::uint16_t fp16) {
  const unsigned magnitude = fp16 & kFp16Magnitude;
  if (magnitude < table.start[0]) return std::nullopt;
  unsigned code = 0;
  for (unsigned c = 1; c < abi::kBsfpCodes; ++c) {
    if (table.start[c] > table.start[code] && table.start[c] <= magnitude) code = c;
  }
  const unsigned remainder = magnitude - table.start[code];
  if (remainder >= kBsfpISpan) return std::nullopt;
  return BsfpElement{static_cast<std::uint8_t>((fp16 >> 12 & 8u) | code),
                     static_cast<std::uint16_t>(remainder)};
}

template <class Table>
std::vector<std::uint8_t> BsfpTensor<Table>::table_bytes() const {
  std::vector<std::uint8_t> bytes;
  for (const Table& table : tables) {
    const auto one = to_bytes(table);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

template <class Table>
Packed<Table> pack_bsfp(const std::uint16_t* weights, std::size_t rows, std::size_t cols,
                        std::vector<Table> tables) {
  if (tables.size() != 1 && tables.size() != rows) return {{}, "1 table or one per row expected"};
  BsfpTensor<Table> tensor{rows, cols, std::move(tables), {}, {}};
  tensor.plane.resize(bsfp_plane_bytes(rows * cols));
  tensor.remainder.resize(bsfp_remainder_bytes(rows * cols));
  for (std::size_t row = 0, i = 0; row < rows; ++row) {
    const Table& table = tensor.table_of_row(row);
    for (std::size_t col = 0; col < cols; ++col, ++i) {
      const auto element = encode(table, weights[i]);
      if (!element) return {{}, describe_uncovered(i, weights[i])};
      write_bsfp(tensor.plane.data(), tensor.remainder.data(), i, *element);
    }
  }
  return {std::move(tensor), {}};
}

Packed<BsfpETable> make_bsfp_e(const std::uint16_t* weights, std::size_t rows, std::size_t cols,
                               abi::TableScope scope) {
  return make<BsfpETable>(weights, rows, cols, scope, Levels::kAny);
}

Packed<BsfpITable> make_bsfp_i(const std::uint16_t* weights, std::size_t rows, std::size_t cols,
                               abi::TableScope scope, Levels levels) {
  return make<BsfpITable>(weights, rows, cols, scope, levels);
}

template <class Table>
std::vector<std::uint16_t> restore_all(const BsfpTensor<Table>& tensor) {
  std::vector<std::uint16_t> weights(tensor.rows * tensor.cols);
  for (std::size_t row = 0, i = 0; row < tensor.rows; ++row) {
    const Table& table = tensor.table_of_row(row);
    for (std::size_t col = 0; col < tensor.cols; ++col, ++i) {
      weights[i] = restore(table, read_bsfp(tensor.plane.data(), tensor.remainder.data(), i));
    }
  }
  return weights;
}

template <class Table>
std::optional<std::size_t> verify_restoration(const BsfpTensor<Table>& tensor,
                                              const std::uint16_t* weights) {
  const std::vector<std::uint16_t> restored = restore_all(tensor);
  for (std::size_t i = 0; i < restored.size(); ++i) {
    if (restored[i] != weights[i]) return i;
  }
  return std::nullopt;
}

template <class Table>
std::vector<float> draft_values(const BsfpTensor<Table>& tensor) {
  std::vector<float> values(tensor.rows * tensor.cols);
  for (std::size_t row = 0, i = 0; row < tensor.rows; ++row) {
    const Table& table = tensor.table_of_row(row);
    for (std::size_t col = 0; col < tensor.cols; ++col, ++i) {
      const unsigned nibble = tensor.plane[i / 2] >> (4 * (i % 2)) & 15u;
      const float magnitude = draft_magnitude(table, nibble & 7u);
      values[i] = (nibble & 8u) != 0 ? -magnitude : magnitude;
    }
  }
  return values;
}

template struct BsfpTensor<BsfpETable>;
template struct BsfpTensor<BsfpITable>;
template Packed<BsfpETable> pack_bsfp(const std::uint16_t*, std::size_t, std::size_t,
                                      std::vector<BsfpETable>);
template Packed<BsfpITable> pack_bsfp(const std::uint16_t*, std::size_t, std::size_t,
                                      std::vector<BsfpITable>);
template std::vector<std::uint16_t> restore_all(const BsfpETensor&);
template std::vector<std::uint16_t> restore_all(const BsfpITensor&);
template std::optional<std::size_t> verify_restoration(const BsfpETensor&, const std::uint16_t*);
template std::optional<std::size_t> verify_restoration(const BsfpITensor&, const std::uint16_t*);
template std::vector<float> draft_values(const BsfpETensor&);
template std::vector<float> draft_values(const BsfpITensor&);

}  // namespace tandem::numerics
