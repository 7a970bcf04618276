// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/dot.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "row_decoder.h"
#include "tandem/numerics/fp.h"

namespace tandem::numerics {
namespace {

constexpr std::uint32_t kLanes = 16;     // outputs computed side by side
constexpr std::uint32_t kMaxBatch = 16;  // activation rows that share one decoded block

// Four floats as one value, in the vector extension that GCC and Clang share: each lane computes
// just what a scalar would.
typedef float Vector __attribute__((vector_size(16)));
constexpr std::uint32_t kVectors = kLanes / 4;

// Weights of up to kLanes rows of one chunk, four rows interleaved: output 4 v + lane, element k.
struct Block {
  alignas(16) float weights[kVectors][abi::kChunk][4];
  float scales[kLanes];
};

void interleave(const float (*rows)[abi::kChunk], std::uint32_t n, float (*out)[4]) {
  for (std::uint32_t k = 0; k < n; ++k) {
    for (std::uint32_t lane = 0; lane < 4; ++lane) out[k][lane] = rows[lane][k];
  }
}

void load_block(const RowDecoder& decoder, std::uint32_t row, std::uint32_t rows, std::uint32_t col,
                std::uint32_t n, Block& block) {
  float values[4][abi::kChunk];
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    if (lane < rows) {
      decoder.decode(row + lane, col, n, values[lane % 4]);
      block.scales[lane] = decoder.scale(row + lane, col);
    } else {
      std::fill_n(values[lane % 4], n, 0.0f);
    }
    if (lane % 4 == 3) interleave(values, n, block.weights[lane / 4]);
  }
}

// The chunk's sums for kRows rows of activations at a time, kept in registers.
template <std::uint32_t kRows>
void add_chunk(const Block& block, const float (*x)[abi::kChunk], std::uint32_t n,
               std::uint32_t outputs, float* sums, std::size_t sums_stride) {
  Vector chunk[kRows][kVectors] = {};
  for (std::uint32_t k = 0; k < n; ++k) {
    Vector weights[kVectors];
    for (std::uint32_t v = 0; v < kVectors; ++v) {
      std::memcpy(&weights[v], block.weights[v][k], sizeof weights[v]);
    }
    for (std::uint32_t i = 0; i < kRows; ++i) {
      for (std::uint32_t v = 0; v < kVectors; ++v) chunk[i][v] += weights[v] * x[i][k];
    }
  }
  for (std::uint32_t i = 0; i < kRows; ++i) {
    float lanes[kLanes];
    std::memcpy(lanes, chunk[i], sizeof lanes);
    for (std::uint32_t lane = 0; lane < outputs; ++lane) {
      sums[i * sums_stride + lane] += lanes[lane] * block.scales[lane];
    }
  }
}

void widen(const float* from, std::uint32_t n, float* to) {
  std::memcpy(to, from, n * sizeof(float));
}
void widen(const std::uint16_t* from, std::uint32_t n, float* to) {
  fp16_to_float(from, to, n);
}

template <class X>
void accumulate_batch(const WeightView& tile, const X* x, std::size_t x_stride, std::uint32_t m,
                      float* sums, std::size_t sums_stride) {
  float activations[kMaxBatch][abi::kChunk];
  const RowDecoder decoder(tile);
  Block block;
  for (std::uint32_t col = 0; col < tile.tile.cols; col += abi::kChunk) {
    const std::uint32_t n = std::min(abi::kChunk, tile.tile.cols - col);
    for (std::uint32_t i = 0; i < m; ++i) widen(x + i * x_stride + col, n, activations[i]);
    for (std::uint32_t row = 0; row < tile.tile.rows; row += kLanes) {
      const std::uint32_t rows = std::min(kLanes, tile.tile.rows - row);
      load_block(decoder, row, rows, col, n, block);
      std::uint32_t i = 0;
      for (; i + 2 <= m; i += 2) {
        add_chunk<2>(block, activations + i, n, rows, sums + i * sums_stride + row, sums_stride);
      }
      if (i < m) add_chunk<1>(block, activations + i, n, rows, sums + i * sums_stride + row, 0);
    }
  }
}

template <class X>
void accumulate_all(const WeightView& tile, const X* x, std::size_t x_stride, std::uint32_t m,
                    float* sums, std::size_t sums_stride) {
  for (std::uint32_t i = 0; i < m; i += kMaxBatch) {
    accumulate_batch(tile, x + i * x_stride, x_stride, std::min(kMaxBatch, m - i),
                     sums + i * sums_stride, sums_stride);
  }
}

}  // namespace

void accumulate(const WeightView& tile, const float* x, std::size_t x_stride, std::uint32_t m,
                float* sums, std::size_t sums_stride) {
  accumulate_all(tile, x, x_stride, m, sums, sums_stride);
}

void accumulate(const WeightView& tile, const std::uint16_t* x_fp16, std::size_t x_stride,
                std::uint32_t m, float* sums, std::size_t sums_stride) {
  accumulate_all(tile, x_fp16, x_stride, m, sums, sums_stride);
}

void round_to_storage(const float* sums, std::size_t n, abi::Format format, void* out) {
  switch (format) {
    case abi::Format::kFp16:
      float_to_fp16(sums, static_cast<std::uint16_t*>(out), n);
      return;
    case abi::Format::kBf16:
      float_to_bf16(sums, static_cast<std::uint16_t*>(out), n);
      return;
    case abi::Format::kFp32:
      std::memcpy(out, sums, n * sizeof(float));
      return;
    default:
      throw std::invalid_argument("round_to_storage: not a storage format of outputs");
  }
}

void CanonicalGemm::begin(std::uint32_t m, std::uint32_t n) {
  m_ = m;
  n_ = n;
  sums_.assign(static_cast<std::size_t>(m) * n, 0.0f);
  next_col_.assign(n, 0);
}

void CanonicalGemm::accumulate(const WeightView& tile, const std::uint16_t* x_fp16,
                               std::size_t x_stride) {
  validate(tile);
  const Tile& t = tile.tile;
  if (t.row0 + t.rows > n_) throw std::invalid_argument("CanonicalGemm: rows beyond n");
  for (std::uint32_t row = t.row0; row < t.row0 + t.rows; ++row) {
    if (next_col_[row] != t.col0) {
      throw std::invalid_argument("CanonicalGemm: columns out of order");
    }
    next_col_[row] = t.col0 + t.cols;
  }
  numerics::accumulate(tile, x_fp16 + t.col0, x_stride, m_, sums_.data() + t.row0, n_);
}

void CanonicalGemm::finish(abi::Format format, void* out) const {
  round_to_storage(sums_.data(), sums_.size(), format, out);
}

float dot(const std::uint16_t* a_fp16, std::size_t a_stride, const std::uint16_t* b_fp16,
          std::size_t b_stride, std::size_t n) {
  float total = 0.0f;
  for (std::size_t begin = 0; begin < n; begin += abi::kChunk) {
    const std::size_t end = std::min<std::size_t>(n, begin + abi::kChunk);
    float chunk = 0.0f;
    for (std::size_t i = begin; i < end; ++i) {
      chunk += fp16_to_float(a_fp16[i * a_stride]) * fp16_to_float(b_fp16[i * b_stride]);
    }
    total += chunk;
  }
  return total;
}

void dot_rows(const float* q, const std::uint16_t* rows_fp16, std::size_t row_stride,
              std::uint32_t row_count, std::uint32_t n, float* out) {
  WeightView view;
  view.layout.rows = view.tile.rows = row_count;
  view.layout.cols = view.tile.cols = n;
  view.stream = {reinterpret_cast<const std::uint8_t*>(rows_fp16),
                 static_cast<std::uint32_t>(row_stride * sizeof(std::uint16_t))};
  std::fill_n(out, row_count, 0.0f);
  accumulate(view, q, n, 1, out, row_count);
}

void WeightedRowSum::begin(std::uint32_t columns) {
  rows_in_chunk_ = 0;
  chunk_.assign(columns, 0.0f);
  total_.assign(columns, 0.0f);
}

void WeightedRowSum::add(float p, const std::uint16_t* row_fp16, std::size_t column_stride) {
  for (std::size_t c = 0; c < chunk_.size(); ++c) {
    chunk_[c] += p * fp16_to_float(row_fp16[c * column_stride]);
  }
  if (++rows_in_chunk_ == abi::kChunk) close_chunk();
}

const std::vector<float>& WeightedRowSum::finish() {
  if (rows_in_chunk_ != 0) close_chunk();
  return total_;
}

void WeightedRowSum::close_chunk() {
  for (std::size_t c = 0; c < chunk_.size(); ++c) {
    total_[c] += chunk_[c];
    chunk_[c] = 0.0f;
  }
  rows_in_chunk_ = 0;
}

}  // namespace tandem::numerics
