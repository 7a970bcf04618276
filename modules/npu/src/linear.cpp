// SPDX-License-Identifier: Apache-2.0
// LINEAR on the array, tile by tile.
#include <algorithm>

#include "as_fp16.h"
#include "tandem/npu/execution.h"
#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

void Execution::advance_linear(std::uint16_t index) {
  State& state = states_[index];
  if (state.engine_busy) return;
  const abi::Primitive& primitive = program_[index];
  if (state.next_tile == 0) load_inputs(index, output_rows(primitive, pass_.shape()));
  const WeightTile& tile = *state.tiles[state.next_tile];
  stage_of(primitive).read_bytes += tile.size_bytes;
  const bool is_bias = tile.view.layout.rows == 0;
  if (is_bias) {
    if (!timing_only()) take_bias(index);
    stream_.release(state.tiles[state.next_tile++]);
    return advance(index);
  }
  const auto format = static_cast<abi::Format>(primitive.weight.format);
  const numerics::Tile part = tile.part(primitive.k);
  const std::uint32_t m = rows_of(index, part);
  const pe_array::TileTiming timing = core_.array.tile_timing(format, part.rows, part.cols, m);
  // Each expert is a matrix of its own; groups follow each other as the tiles of one matrix do.
  const std::uint32_t matrix_rows = output_columns(primitive);
  const bool first = part.row0 % matrix_rows == 0 && part.col0 == 0;
  const bool last =
      (part.row0 + part.rows) % matrix_rows == 0 && part.col0 + part.cols == primitive.k;
  core_.array.record(format, part.rows, part.cols, m,
                     timing.occupancy_cycles + (first ? timing.fill_cycles : 0) +
                         (last ? timing.drain_cycles : 0));
  core_.buffer_bytes += 2 * tile.size_bytes;
  state.engine_busy = true;
  state.product = {timing, first ? timing.fill_cycles : 0, last ? timing.drain_cycles : 0,
                   core_.array.reconfigure_cycles(format), is_streamed(index)};
  multiply_next(index);
}

// Of a LINEAR; its first tile.
void Execution::take_bias(std::uint16_t index) {
  State& state = states_[index];
  state.bias.resize(program_[index].n);
  numerics::fp16_to_float(as_fp16(state.tiles.front()->raw()), state.bias.data(),
                          state.bias.size());
}

void Execution::load_inputs(std::uint16_t index, std::uint32_t m) {
  State& state = states_[index];
  const abi::Primitive& primitive = program_[index];
  const std::uint32_t columns = input_columns(primitive);
  core_.buffer_bytes += 2ull * m * choices_of(primitive) * columns;
  if (timing_only()) return;
  state.sums.assign(std::size_t{m} * output_columns(primitive), 0.0f);
  state.inputs.resize(std::size_t{m} * columns);
  for (std::uint32_t row = 0; row < m; ++row) {
    numerics::fp16_to_float(as_fp16(activation(primitive.input, input_row(primitive, row))),
                            state.inputs.data() + std::size_t{row} * columns, columns);
  }
}

// The tile in the array, as much as is reserved at once: all of it, or in bulk, where others begin
// with its outputs, a part after the other. The last is as large as a tile of functional execution,
// because what follows it counts.
void Execution::multiply_next(std::uint16_t index) {
  State& state = states_[index];
  const WeightTile& tile = *state.tiles[state.next_tile];
  Product& product = state.product;
  while (true) {
    const std::uint64_t end_bytes = part_end(tile, product);
    const std::uint64_t end_ps = reserve_matrix(index, tile, end_bytes);
    product.done_bytes = end_bytes;
    ++product.part;
    if (product.streamed) announce_part(index, tile, end_ps);
    if (end_bytes == tile.size_bytes) return at(end_ps, [this, index] { linear_tile_done(index); });
    if (end_ps > common::now_ps()) return at(end_ps, [this, index] { multiply_next(index); });
  }
}

std::uint64_t Execution::part_end(const WeightTile& tile, const Product& product) const {
  constexpr std::uint64_t kParts = 8;
  const std::uint64_t size = tile.size_bytes;
  if (core_.config.bulk_bytes == 0 || !product.streamed) return size;
  const std::uint64_t last = size - std::min(size, core_.config.weight_tile_bytes);
  const std::uint64_t parts = std::min<std::uint64_t>(kParts, pass_.rows.size());
  if (product.done_bytes >= last) return size;
  return std::min(last, std::max<std::uint64_t>(1, size * (product.part + 1) / parts));
}

// A tile that flows through the buffer has been multiplied as it arrived, but for what came last:
// as much as a tile of functional execution.
std::uint64_t Execution::reserve_matrix(std::uint16_t index, const WeightTile& tile,
                                        std::uint64_t end_bytes) {
  const Product& product = states_[index].product;
  const std::uint64_t size = tile.size_bytes;
  const std::uint64_t occupancy = product.timing.occupancy_cycles;
  std::uint64_t cycles = occupancy * end_bytes / size - occupancy * product.done_bytes / size;
  if (product.done_bytes == 0) cycles += product.reconfigure_cycles + product.fill_cycles;
  if (end_bytes == size) cycles += product.drain_cycles;
  const std::uint64_t duration_ps = cycles * core_.array.config().clock_period_ps;
  stage_of(program_[index]).matrix_ps += duration_ps;
  const observe::Timeline::Name name = core_.name_of(program_[index]);
  if (core_.config.bulk_bytes == 0) {
    return core_.matrix_engine.reserve(duration_ps, name, serial_);
  }
  const std::uint64_t begin_ps = std::max(states_[index].begin_ps, tile.flow_ps);
  std::uint64_t not_before_ps = begin_ps;
  if (end_bytes == size) {
    const std::uint64_t piece = std::min(size, core_.config.weight_tile_bytes);
    const std::uint64_t all_ps =
        (occupancy + product.reconfigure_cycles + product.fill_cycles + product.drain_cycles) *
        core_.array.config().clock_period_ps;
    not_before_ps = common::now_ps() + static_cast<std::uint64_t>(static_cast<double>(all_ps) *
                                                                  static_cast<double>(piece) /
                                                                  static_cast<double>(size));
  }
  return core_.matrix_engine.reserve_flow(begin_ps, not_before_ps, duration_ps, name, serial_);
}

void Execution::linear_tile_done(std::uint16_t index) {
  State& state = states_[index];
  WeightTile* tile = state.tiles[state.next_tile];
  if (!timing_only()) multiply_tile(index, *tile);
  state.engine_busy = false;
  ++state.next_tile;
  stream_.release(tile);
  if (state.next_tile == state.tiles.size()) return finish_linear(index);
  advance(index);
}

void Execution::multiply_tile(std::uint16_t index, const WeightTile& tile) {
  State& state = states_[index];
  const abi::Primitive& primitive = program_[index];
  const numerics::Tile part = tile.part(primitive.k);
  const std::uint32_t columns = output_columns(primitive);
  const auto m = static_cast<std::uint32_t>(state.sums.size() / columns);
  const std::size_t group = part.row0 / primitive.n;
  numerics::WeightView view = tile.view;
  view.tile.cols = part.cols;
  numerics::accumulate(view, state.inputs.data() + group * primitive.k + part.col0,
                       input_columns(primitive), m, state.sums.data() + part.row0, columns);
}

void Execution::finish_linear(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  if (!timing_only()) store_outputs(index);
  core_.buffer_bytes += 2ull * output_rows(primitive, pass_.shape()) * choices_of(primitive) *
                        output_columns(primitive);
  announce(index, output_columns(primitive));
  primitive_done(index);
}

void Execution::store_outputs(std::uint16_t index) {
  State& state = states_[index];
  const abi::Primitive& primitive = program_[index];
  const std::uint32_t columns = output_columns(primitive);
  const auto m = static_cast<std::uint32_t>(state.sums.size() / columns);
  for (std::size_t i = 0; i < state.sums.size() && !state.bias.empty(); ++i) {
    state.sums[i] += state.bias[i % primitive.n];
  }
  for (std::uint32_t row = 0; row < m; ++row) {
    numerics::float_to_fp16(state.sums.data() + std::size_t{row} * columns,
                            as_fp16(activation(primitive.output, row)), columns);
  }
  state.sums.clear();
}

}  // namespace tandem::npu
