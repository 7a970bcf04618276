// SPDX-License-Identifier: Apache-2.0
// Bit-sharing floating point: the 16 bits of an FP16 weight as a 4-bit draft plane and a 12-bit
// remainder plane, each packed over a whole row-major tensor [rows][cols] without row padding.
//   plane      element i in nibble i % 2 (low first) of byte i / 2: {sign, code[2:0]}
//   remainder  little-endian bit stream, element i at bit 12 i
// A tensor has one table (scope tensor) or one per row (scope row).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/numerics/bsfp_e.h"
#include "tandem/numerics/bsfp_i.h"
#include "tandem/numerics/fp.h"

namespace tandem::numerics {

struct BsfpElement {
  std::uint8_t nibble;      // sign << 3 | code
  std::uint16_t remainder;  // 12 bits
};

// nullopt: the table does not cover this pattern.
std::optional<BsfpElement> encode(const BsfpETable& table, std::uint16_t fp16);
std::optional<BsfpElement> encode(const BsfpITable& table, std::uint16_t fp16);

inline std::uint16_t restore(const BsfpETable& table, BsfpElement e) {
  const unsigned exponent = table.codes[e.nibble & 7u].exponents[(e.remainder >> 10) & 3u];
  return static_cast<std::uint16_t>((e.nibble & 8u) << 12 | exponent << 10 |
                                    (e.remainder & 0x3FFu));
}

inline std::uint16_t restore(const BsfpITable& table, BsfpElement e) {
  const unsigned magnitude = (table.start[e.nibble & 7u] + e.remainder) & kFp16Magnitude;
  return static_cast<std::uint16_t>((e.nibble & 8u) << 12 | magnitude);
}

constexpr std::size_t bsfp_plane_bytes(std::size_t elements) {
  return (elements + 1) / 2;
}
constexpr std::size_t bsfp_remainder_bytes(std::size_t elements) {
  return (elements * 12 + 7) / 8;
}

inline BsfpElement read_bsfp(const std::uint8_t* plane, const std::uint8_t* remainder,
                             std::size_t i) {
  const std::size_t byte = i / 2 * 3 + i % 2;  // two remainders in three bytes
  const unsigned pair = remainder[byte] | static_cast<unsigned>(remainder[byte + 1]) << 8;
  return {static_cast<std::uint8_t>(plane[i / 2] >> (4 * (i % 2)) & 15u),
          static_cast<std::uint16_t>(pair >> (4 * (i % 2)) & 0xFFFu)};
}

template <class Table>
struct BsfpTensor {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::vector<Table> tables;  // 1 or `rows`
  std::vector<std::uint8_t> plane;
  std::vector<std::uint8_t> remainder;

  const Table& table_of_row(std::size_t row) const { return tables[tables.size() == 1 ? 0 : row]; }
  std::vector<std::uint8_t> table_bytes() const;  // as a tensor directory carries them
};
using BsfpETensor = BsfpTensor<BsfpETable>;
using BsfpITensor = BsfpTensor<BsfpITable>;

template <class Table>
struct Packed {
  std::optional<BsfpTensor<Table>> tensor;
  std::string reason;  // why there is none
  explicit operator bool() const { return tensor.has_value(); }
};

// Packs with the given tables (1 or `rows` of them); fails, naming the element, if a weight is not
// covered. BsfpETable and BsfpITable only.
template <class Table>
Packed<Table> pack_bsfp(const std::uint16_t* weights, std::size_t rows, std::size_t cols,
                        std::vector<Table> tables);

// Fits the tables of the scope, packs, and proves that every weight is restored.
Packed<BsfpETable> make_bsfp_e(const std::uint16_t* weights, std::size_t rows, std::size_t cols,
                               abi::TableScope scope);
Packed<BsfpITable> make_bsfp_i(const std::uint16_t* weights, std::size_t rows, std::size_t cols,
                               abi::TableScope scope, Levels levels);

template <class Table>
std::vector<std::uint16_t> restore_all(const BsfpTensor<Table>& tensor);

// The first element that is not restored bit for bit, or nullopt.
template <class Table>
std::optional<std::size_t> verify_restoration(const BsfpTensor<Table>& tensor,
                                              const std::uint16_t* weights);

// The draft values (+-draft magnitude, without group scale) of all elements, row major.
template <class Table>
std::vector<float> draft_values(const BsfpTensor<Table>& tensor);

}  // namespace tandem::numerics
