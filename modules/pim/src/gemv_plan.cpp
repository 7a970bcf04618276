// SPDX-License-Identifier: Apache-2.0
#include "gemv_plan.h"

#include <algorithm>

namespace tandem::pim {
namespace {

std::uint64_t ceil_divide(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

// The units keep a scale or table of the whole tensor from FIRST to LAST.
bool reads_side(const abi::PimCommand& command, const WeightBytes& weights) {
  if (weights.side_bytes == 0) return false;
  const bool of_tensor = abi::is_bsfp(weights.layout.format)
                             ? weights.layout.table_scope == abi::TableScope::kTensor
                             : weights.layout.grouping == abi::Grouping::kTensor;
  return !of_tensor || (command.flags & abi::kPimFirst) != 0;
}

}  // namespace

GemvPlan::GemvPlan(const PimCommandSet& set, const memory::AddressMapping& mapping)
    : set_(set),
      mapping_(mapping),
      column_bytes_(set.config().column_bytes),
      operations_(mapping.channels()) {}

const std::vector<ChannelPlan>& GemvPlan::compile(const abi::PimCommand& command,
                                                  const WeightBytes& weights) {
  format_ = weights.layout.format;
  for (Operations& operations : operations_) operations.clear();
  // Where a tile brings its vectors itself, rows are not cut.
  const std::uint64_t held = set_.vector_bytes() / 2;
  const std::uint32_t segment = set_.sums_over_rows()
                                    ? command.columns
                                    : static_cast<std::uint32_t>(std::min<std::uint64_t>(
                                          command.columns, std::max<std::uint64_t>(1, held)));
  std::uint32_t together = set_.vectors_per_row(2ull * segment);
  if (set_.sums_over_rows()) {
    // Every dot product of a row needs an accumulator of its own.
    const std::uint64_t row_columns = set_.geometry().row_bytes / column_bytes_;
    const std::uint64_t runs = row_columns / columns_of_run(weights, {0, segment, 1});
    together = static_cast<std::uint32_t>(
        std::max<std::uint64_t>(1, together / std::max<std::uint64_t>(1, runs)));
  }
  for (std::uint32_t done = 0; done < command.vectors;) {
    Pass next;
    next.vectors = std::min<std::uint32_t>(together, command.vectors - done);
    std::size_t index = 0;
    for (next.first = 0; next.first < command.columns; next.first += segment) {
      next.columns = std::min(segment, command.columns - next.first);
      if (index == segments_.size()) segments_.emplace_back();
      // All vectors meet the same weights.
      if (done == 0) locate(command, weights, next, segments_[index]);
      run(segments_[index++], next);
    }
    done += next.vectors;
  }

  plans_.clear();
  for (unsigned i = 0; i < operations_.size(); ++i) {
    if (operations_[i].empty()) continue;
    ChannelPlan& plan = plans_.emplace_back();
    plan.channel = i;
    set_.enter(plan.operations);
    plan.operations.insert(plan.operations.end(), operations_[i].begin(), operations_[i].end());
    set_.leave(plan.operations);
    plan.counts = count(set_, plan.operations);
  }
  return plans_;
}

void GemvPlan::locate(const abi::PimCommand& command, const WeightBytes& weights, const Pass& pass,
                      Segment& segment) {
  segment.rows.resize(mapping_.channels());
  for (std::vector<Row>& rows : segment.rows) rows.clear();
  // Scales and tables are read from their rows like weights, by the first pass.
  if (reads_side(command, weights) && pass.first == 0) {
    visit_range(weights.side, weights.side_bytes, segment);
  }
  visit_weights(command, weights, pass, segment);
  // Segments of a command are dot products side by side, each a run of its own.
  const std::uint64_t dot = ceil_divide(pass.columns, command.segments == 0 ? 1 : command.segments);
  segment.run_columns =
      std::min<std::uint64_t>({columns_of_run(weights, pass), set_.run_columns(format_),
                               ceil_divide(dot, set_.elements_per_column(format_))});
}

void GemvPlan::run(const Segment& segment, const Pass& pass) {
  const std::uint64_t row_columns = ceil_divide(pass.columns, set_.elements_per_column(format_));
  for (unsigned i = 0; i < segment.rows.size(); ++i) {
    if (segment.rows[i].empty()) continue;
    set_.load_vectors(2ull * pass.columns * pass.vectors, operations_[i]);
    tiles(segment.rows[i], pass, segment.run_columns, row_columns, operations_[i]);
  }
}

void GemvPlan::visit_weights(const abi::PimCommand& command, const WeightBytes& weights,
                             const Pass& pass, Segment& segment) const {
  if (pass.columns == command.columns && weights.contiguous()) {
    return visit_range(weights.stream, weights.stream_bytes, segment);
  }
  const std::uint64_t bits = abi::stream_bits(format_);
  for (std::uint64_t row = 0; row < command.rows; ++row) {
    const std::uint64_t first = weights.first_bit + (weights.row_begin(row) + pass.first) * bits;
    const std::uint64_t end = ceil_divide(first + pass.columns * bits, 8);
    visit_range(weights.stream + first / 8, end - first / 8, segment);
  }
}

void GemvPlan::visit_range(std::uint64_t address, std::uint64_t bytes, Segment& segment) const {
  mapping_.for_each_run(address, bytes, [this, &segment](const memory::Run& run) {
    const std::uint64_t columns =
        ceil_divide(run.column_byte % column_bytes_ + run.bytes, column_bytes_);
    row_of(segment.rows[run.channel], run.row).add(run.bank, static_cast<std::uint32_t>(columns));
  });
}

// Ranges ascend but for scales and wide strides: mostly it is the last one, or a new one.
GemvPlan::Row& GemvPlan::row_of(std::vector<Row>& rows, std::uint32_t number) {
  auto place = rows.end();
  if (!rows.empty() && rows.back().number >= number) {
    place = std::lower_bound(rows.begin(), rows.end(), number,
                             [](const Row& row, std::uint32_t n) { return row.number < n; });
    if (place->number == number) return *place;
  }
  place = rows.emplace(place);
  place->number = number;
  return *place;
}

// How much of a row one row of the weights takes, at most: what the first one takes.
std::uint64_t GemvPlan::columns_of_run(const WeightBytes& weights, const Pass& pass) const {
  const std::uint64_t bits = abi::stream_bits(format_);
  const std::uint64_t first = weights.first_bit + pass.first * bits;
  const std::uint64_t end = ceil_divide(first + pass.columns * bits, 8);
  std::uint64_t most = 1;
  mapping_.for_each_run(
      weights.stream + first / 8, end - first / 8, [this, &most](const memory::Run& run) {
        most =
            std::max(most, ceil_divide(run.column_byte % column_bytes_ + run.bytes, column_bytes_));
      });
  return most;
}

void GemvPlan::tiles(const std::vector<Row>& rows, const Pass& pass, std::uint64_t run_columns,
                     std::uint64_t row_columns, Operations& out) const {
  std::uint64_t columns = 0;  // of the tiles so far
  std::uint64_t read = 0;     // accumulators, where sums go on over rows
  for (const Row& row : rows) {
    const std::uint64_t most = row.most();
    Tile tile;
    tile.row = row.number;
    tile.format = format_;
    tile.vectors = pass.vectors;
    tile.bank_mask = row.bank_mask;
    tile.columns = static_cast<std::uint32_t>(most);
    tile.runs = static_cast<std::uint32_t>(ceil_divide(most, run_columns));
    tile.results = tile.runs * tile.vectors;
    if (set_.sums_over_rows()) {
      columns += most;
      const bool last = &row == &rows.back();
      const std::uint64_t finished =
          last ? ceil_divide(columns, row_columns) : columns / row_columns;
      tile.results = static_cast<std::uint32_t>((finished - read) * tile.vectors);
      read = finished;
    }
    set_.tile(tile, out);
  }
}

}  // namespace tandem::pim
