// SPDX-License-Identifier: Apache-2.0
// The canonical dot product, the one order of summation that every engine keeps:
//   - the logical index is cut into chunks of 128;
//   - within a chunk the FP32 products weight x activation (the weight's value without scale) are
//     added in ascending order, from +0;
//   - the chunk sum is multiplied by its group scale, if there is one;
//   - chunk sums are added in ascending order, from +0, in FP32;
//   - the total is rounded once to the storage format.
// So placement, tiling and batching never change a result.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tandem/abi/formats.h"
#include "tandem/numerics/weights.h"

namespace tandem::numerics {

// Adds a tile's contribution to partial sums: for i < m and r < tile.rows
//   sums[i * sums_stride + r] += chunks of row r of the tile . x[i * x_stride + 0 .. tile.cols)
// x begins at the tile's first column. Tiles of the same rows must come in ascending columns, and
// sums start at +0. Strides count elements. Does not check the view (see validate()).
void accumulate(const WeightView& tile, const float* x, std::size_t x_stride, std::uint32_t m,
                float* sums, std::size_t sums_stride);
void accumulate(const WeightView& tile, const std::uint16_t* x_fp16, std::size_t x_stride,
                std::uint32_t m, float* sums, std::size_t sums_stride);

// Rounds n sums once to kFp16 or kBf16, or copies them as kFp32; `out` has n elements of it.
// Throws std::invalid_argument for another format.
void round_to_storage(const float* sums, std::size_t n, abi::Format format, void* out);

// y[m][n] = x[m][k] . W[n][k]^T by tiles, with the partial sums inside.
class CanonicalGemm {
 public:
  void begin(std::uint32_t m, std::uint32_t n);

  // x is [m][x_stride] FP16 from logical column 0 of the tensor. Throws std::invalid_argument for a
  // view that validate() refuses, rows beyond n, or columns that do not follow those before.
  void accumulate(const WeightView& tile, const std::uint16_t* x_fp16, std::size_t x_stride);

  const float* sums() const { return sums_.data(); }  // [m][n]

  // out: [m][n] elements of the format.
  void finish(abi::Format format, void* out) const;

 private:
  std::uint32_t m_ = 0;
  std::uint32_t n_ = 0;
  std::vector<float> sums_;
  std::vector<std::uint32_t> next_col_;  // per row of W
};

// a[i * a_stride] . b[i * b_stride] over i < n, FP16 in, FP32 out (not yet rounded).
float dot(const std::uint16_t* a_fp16, std::size_t a_stride, const std::uint16_t* b_fp16,
          std::size_t b_stride, std::size_t n);

// out[r] = q . rows[r * row_stride + 0 .. n) for r < row_count, as Q.K^T needs it.
void dot_rows(const float* q, const std::uint16_t* rows_fp16, std::size_t row_stride,
              std::uint32_t row_count, std::uint32_t n, float* out);

// sum over t of p[t] x row[t], as P.V needs it: t is the logical index, rows come one by one in
// ascending t from wherever they are stored.
class WeightedRowSum {
 public:
  void begin(std::uint32_t columns);
  void add(float p, const std::uint16_t* row_fp16, std::size_t column_stride = 1);
  const std::vector<float>& finish();  // [columns], not yet rounded; begin() starts the next sum

 private:
  void close_chunk();
  std::uint32_t rows_in_chunk_ = 0;
  std::vector<float> chunk_, total_;
};

}  // namespace tandem::numerics
