// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/matrix_plan.h"

#include <algorithm>

namespace tandem::pim {
namespace {

std::uint64_t ceil_divide(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

std::uint64_t lowest(std::uint64_t count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// Units with one of the banks.
std::uint64_t units(std::uint64_t banks, unsigned banks_per_unit) {
  std::uint64_t count = 0;
  for (; banks != 0; banks = banks_per_unit >= 64 ? 0 : banks >> banks_per_unit) {
    if ((banks & lowest(banks_per_unit)) != 0) ++count;
  }
  return count;
}

class MatrixPlan {
 public:
  MatrixPlan(const PimCommandSet& set, const MatrixShape& shape, Operations& out)
      : set_(set), shape_(shape), out_(out), banks_(set.geometry().banks()) {
    const std::uint64_t per_column = set.elements_per_column(shape.format);
    row_columns_ = set.geometry().row_bytes / set.config().column_bytes;
    segment_ = std::min({shape.columns, set.vector_bytes() / 2, row_columns_ * per_column});
    segment_ = std::max(segment_, std::min(shape.columns, per_column));
    segments_ = ceil_divide(shape.columns, segment_);
    const std::uint64_t columns = ceil_divide(segment_, per_column);
    rows_per_tile_ = std::max<std::uint64_t>(1, row_columns_ / columns);
    const std::uint64_t bank_rows = ceil_divide(shape.rows, banks_);
    rows_per_tile_ = std::min(rows_per_tile_, bank_rows);
    tiles_ = ceil_divide(bank_rows, rows_per_tile_);
    vectors_ = set.vectors_per_row(2 * segment_);
    if (set.sums_over_rows()) {
      vectors_ = std::max<std::uint64_t>(1, vectors_ / rows_per_tile_);
    }
  }

  void emit() {
    set_.enter(out_);
    for (std::uint64_t done = 0; done < shape_.vectors; done += vectors_) {
      pass(static_cast<std::uint32_t>(std::min(vectors_, shape_.vectors - done)));
    }
    set_.leave(out_);
  }

 private:
  std::uint64_t elements(std::uint64_t segment) const {
    return std::min(segment_, shape_.columns - segment * segment_);
  }

  void pass(std::uint32_t vectors) {
    if (set_.sums_over_rows()) {
      for (std::uint64_t i = 0; i < tiles_; ++i) {
        for (std::uint64_t s = 0; s < segments_; ++s) tile(i, s, vectors, s + 1 == segments_);
      }
      return;
    }
    for (std::uint64_t s = 0; s < segments_; ++s) {
      set_.load_vectors(2 * elements(s) * vectors, out_);
      for (std::uint64_t i = 0; i < tiles_; ++i) tile(i, s, vectors, true);
    }
  }

  void tile(std::uint64_t index, std::uint64_t segment, std::uint32_t vectors, bool results) {
    const std::uint64_t first = index * rows_per_tile_ * banks_;  // weight row
    const std::uint64_t rows = std::min(shape_.rows - first, rows_per_tile_ * banks_);
    const std::uint64_t dot = shape_.dot_elements == 0 ? segment_ : shape_.dot_elements;
    const std::uint64_t columns =
        ceil_divide(elements(segment), set_.elements_per_column(shape_.format));
    const std::uint64_t dots = std::max(ceil_divide(elements(segment), dot),
                                        ceil_divide(columns, set_.run_columns(shape_.format)));
    const std::uint64_t bank_rows = ceil_divide(rows, banks_);
    Tile tile;
    tile.row = shape_.first_row + static_cast<std::uint32_t>(segment * tiles_ + index);
    tile.bank_mask = rows >= banks_ ? 0 : lowest(rows);
    tile.columns = static_cast<std::uint32_t>(columns * bank_rows);
    tile.runs = static_cast<std::uint32_t>(dots * bank_rows);
    tile.vectors = vectors;
    tile.format = shape_.format;
    tile.results = results ? tile.runs * vectors : 0;
    set_.tile(tile, out_);
  }

  const PimCommandSet& set_;
  const MatrixShape& shape_;
  Operations& out_;
  std::uint64_t banks_;
  std::uint64_t row_columns_;
  std::uint64_t segment_;  // elements of the vector that the channel holds at once
  std::uint64_t segments_;
  std::uint64_t rows_per_tile_;  // weight rows of every bank in one DRAM row
  std::uint64_t tiles_;          // per segment
  std::uint64_t vectors_;        // per pass
};

}  // namespace

void PlanCounts::add(const PlanCounts& other, std::uint64_t times) {
  activations += times * other.activations;
  columns += times * other.columns;
  buffer_writes += times * other.buffer_writes;
  buffer_loads += times * other.buffer_loads;
  result_reads += times * other.result_reads;
}

PlanCounts count(const PimCommandSet& set, const Operations& operations) {
  using Kind = BankOperation::Kind;
  const std::uint64_t all = lowest(set.geometry().banks());
  PlanCounts counts;
  std::uint64_t open_row = memory::BankTiming::kNoRow;
  std::uint64_t open_banks = 0;
  for (const BankOperation& operation : operations) {
    const std::uint64_t banks = operation.bank_mask == 0 ? all : operation.bank_mask & all;
    switch (operation.kind) {
      case Kind::kHeader:
        if (operation.row != open_row) open_banks = 0;
        open_row = operation.row;
        counts.activations += static_cast<std::uint64_t>(__builtin_popcountll(banks & ~open_banks));
        open_banks |= banks;
        break;
      case Kind::kCompute:
      case Kind::kComputeRead:
        counts.columns += units(banks, set.config().banks_per_unit) * operation.count;
        if (operation.kind == Kind::kComputeRead) ++counts.result_reads;
        break;
      case Kind::kBufferWrite:
        ++counts.buffer_writes;
        break;
      case Kind::kBufferLoad:
        counts.buffer_loads += operation.count;
        break;
      case Kind::kResultRead:
        counts.result_reads += operation.count;
        break;
      case Kind::kMode:
        open_row = memory::BankTiming::kNoRow;
        break;
    }
  }
  return counts;
}

void plan_matrix(const PimCommandSet& set, const MatrixShape& shape, Operations& out) {
  if (shape.rows == 0 || shape.columns == 0 || shape.vectors == 0) return;
  MatrixPlan(set, shape, out).emit();
}

}  // namespace tandem::pim
