// SPDX-License-Identifier: Apache-2.0
// What each primitive does, once it is issued. Time is reserved on an engine or spent on the bus;
// the arithmetic happens when that time is over. Here those that only move or wait.
#include <algorithm>

#include "as_fp16.h"
#include "join.h"
#include "tandem/npu/execution.h"
#include "tandem/numerics/decode.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

using abi::PrimitiveOp;
using abi::RowMode;
using abi::Status;

std::uint32_t Execution::input_row(const abi::Primitive& primitive,
                                   std::uint32_t output_row) const {
  if (static_cast<RowMode>(primitive.row_mode) != RowMode::kLast) return output_row;
  const RowRange& range = pass_.ranges[output_row];
  return range.first + range.count - 1;
}

void Execution::advance(std::uint16_t index) {
  State& state = states_[index];
  if (state.streams && !state.done) return take_columns(index);
  if (state.done || state.next_tile >= state.tiles.size()) return;
  if (!state.tiles[state.next_tile]->arrived) return;
  switch (static_cast<PrimitiveOp>(program_[index].op)) {
    case PrimitiveOp::kLinear:
      return state.on_pim ? finish_pim_linear(index) : advance_linear(index);
    case PrimitiveOp::kNorm:
    case PrimitiveOp::kPosition:
      return start_vector(index);
    default:
      return;
  }
}

// --- GATHER
// ---------------------------------------------------------------------------------------

void Execution::start_gather(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  State& state = states_[index];
  const PlaneAddresses planes = plane_addresses(primitive, parameters_);
  const numerics::SlicedTensor tensor = sliced_weight(primitive);
  const std::uint32_t slices = tensor.slices();
  state.rows.resize(pass_.rows.size() * slices);
  const auto joint = join([this, index] { gather_arrived(index); });
  for (std::size_t i = 0; i < state.rows.size(); ++i) {
    const auto slice = static_cast<std::uint32_t>(i % slices);
    const std::uint32_t token = pass_.rows[i / slices].token;
    if (token >= tensor.matrix.rows) return fail({Status::kBadBatch, index, token});
    WeightTile& tile = state.rows[i];
    tile.view.layout = tensor.slice();
    tile.view.tile = {token, 1, 0, tensor.columns_in(slice)};
    tile.first_column = tensor.first_column(slice);
    tile.wanted = !timing_only();
    gather_bytes_ += tile_bytes(tile.view.layout, tile.view.tile);
    stage_of(primitive).read_bytes += tile_bytes(tile.view.layout, tile.view.tile);
    ++joint->pending;
    // Later primitives wait for these rows, so they go before the weights.
    fetch_tile(core_.dma, Dma::kKv, tile, slice_addresses(tensor, slice, planes),
               then(index, [joint] { joint->done(); }), serial_);
  }
  joint->done();
}

void Execution::gather_arrived(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  State& state = states_[index];
  const std::size_t slices = state.rows.size() / pass_.rows.size();
  std::vector<float> values(primitive.n);
  for (std::size_t i = 0; i < state.rows.size() && !timing_only(); ++i) {
    const numerics::WeightView& view = state.rows[i].view;
    float* const to = values.data() + state.rows[i].first_column;
    numerics::decode_row(view, 0, 0, view.tile.cols, to);
    for (std::uint32_t column = 0; column < view.tile.cols; ++column) {
      if (numerics::has_scales(view.layout)) to[column] *= numerics::scale_at(view, 0, column);
    }
    if ((i + 1) % slices != 0) continue;
    const auto row = static_cast<std::uint32_t>(i / slices);
    numerics::float_to_fp16(values.data(), as_fp16(activation(primitive.output, row)), primitive.n);
  }
  core_.buffer_bytes += 2ull * primitive.n * pass_.rows.size();
  state.rows.clear();
  primitive_done(index);
}

// --- Moving and waiting
// ---------------------------------------------------------------------------

void Execution::start_copy(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const abi::Slot& from = parameters_.slots[primitive.input.slot];
  const abi::Slot& to = parameters_.slots[primitive.output.slot];
  copy(from.base + primitive.input.offset, to.base + primitive.output.offset, primitive.n, index,
       [this, index] { primitive_done(index); });
}

void Execution::copy(std::uint64_t from, std::uint64_t to, std::uint64_t bytes,
                     std::uint16_t primitive, std::function<void()> next) {
  constexpr std::uint64_t kPiece = 4096;
  if (bytes == 0) return at(common::now_ps(), std::move(next));
  const std::uint64_t piece = std::min(bytes, kPiece);
  const auto buffer = std::make_shared<std::vector<std::uint8_t>>(piece);
  core_.dma.read(
      Dma::kKv, from, buffer->data(), piece,
      then(primitive, [this, from, to, bytes, piece, primitive, buffer, next = std::move(next)] {
        core_.dma.write(Dma::kKv, to, buffer->data(), piece,
                        then(primitive, [this, from, to, bytes, piece, primitive, next] {
                          copy(from + piece, to + piece, bytes - piece, primitive, next);
                        }));
      }));
}

// Semaphores live in memory and anyone may write them, so a wait is a read every poll interval.
void Execution::wait_for(std::uint64_t semaphore, std::uint32_t value, std::uint16_t primitive,
                         const std::function<void()>& next) {
  const auto word = std::make_shared<std::uint32_t>(0);
  core_.dma.read(Dma::kControl, semaphore, word.get(), 4,
                 then(primitive, [this, word, semaphore, value, primitive, next] {
                   if (*word >= value) return next();
                   core_.turn.give_up(serial_);  // who signals may need it
                   at(common::now_ps() + core_.config.semaphore_poll_ps,
                      [this, semaphore, value, primitive, next] {
                        wait_for(semaphore, value, primitive, next);
                      });
                 }));
}

}  // namespace tandem::npu
