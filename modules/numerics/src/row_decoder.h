// SPDX-License-Identifier: Apache-2.0
// Decodes rows of a weight tile; what all rows share (code values, a tensor's table) is prepared
// once.
#pragma once
#include <cstdint>

#include "tandem/numerics/weights.h"

namespace tandem::numerics {

class RowDecoder {
 public:
  explicit RowDecoder(const WeightView& view);

  // Columns [col, col + n) of a row, counted within the tile, without scale.
  void decode(std::uint32_t row, std::uint32_t col, std::uint32_t n, float* values) const;

  float scale(std::uint32_t row, std::uint32_t col) const;

 private:
  // The value of each nibble of the 4-bit formats.
  struct NibbleValues {
    float value[16];
  };
  // The full BSFP formats: the pattern restored from a nibble and the upper two bits r of the
  // remainder, at [nibble << 2 | r]; its magnitude plus the lower ten bits is the weight's.
  struct Restorer {
    std::uint16_t base[64];
    std::uint16_t restore(unsigned nibble, unsigned remainder) const {
      const unsigned known = base[nibble << 2 | remainder >> 10];
      return static_cast<std::uint16_t>((known & 0x8000u) |
                                        ((known + (remainder & 0x3FFu)) & 0x7FFFu));
    }
  };

  NibbleValues nibble_values(std::uint32_t row) const;
  Restorer restorer(std::uint32_t row) const;
  void decode_nibbles(BitAddress at, std::uint32_t row, std::uint32_t n, float* values) const;
  void decode_full(std::uint32_t row, std::uint32_t col, std::uint32_t n, float* values) const;
  void restore_columns(const Restorer& restorer, std::uint32_t row, std::uint32_t col,
                       std::uint32_t n, float* values) const;
  static void restore_block(const Restorer& restorer, BitAddress nibbles, BitAddress rests,
                            std::uint32_t n, std::uint16_t* patterns);

  const WeightView& view_;
  bool by_row_;  // each row has a table of its own
  bool scaled_;
  NibbleValues shared_nibbles_{};
  Restorer shared_restorer_{};
};

}  // namespace tandem::numerics
