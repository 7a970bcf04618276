// SPDX-License-Identifier: Apache-2.0
// Primitives that begin with columns of their input, while the array computes the others. Only
// time is spent so: what is computed is computed when a primitive is done, and none is done before
// those it depends on.
#include <algorithm>

#include "tandem/npu/attention_job.h"
#include "tandem/npu/execution.h"

namespace tandem::npu {

using abi::PrimitiveOp;
using abi::RowMode;

namespace {

PrimitiveOp op_of(const abi::Primitive& primitive) {
  return static_cast<PrimitiveOp>(primitive.op);
}

// Whether an element of the output needs nothing but the elements of its head, or its own.
bool is_by_columns(const abi::Primitive& primitive) {
  return op_of(primitive) == PrimitiveOp::kElementwise ||
         (op_of(primitive) == PrimitiveOp::kPosition && !is_learned_position(primitive));
}

bool same_place(const abi::Operand& a, const abi::Operand& b) {
  return a.slot == b.slot && a.offset == b.offset && a.stride == b.stride;
}

bool reads(const abi::Primitive& primitive, const abi::Operand& operand) {
  const bool two_inputs = op_of(primitive) == PrimitiveOp::kElementwise &&
                          primitive.kind != static_cast<std::uint8_t>(abi::ElementwiseKind::kGelu);
  return same_place(primitive.input, operand) ||
         (two_inputs && same_place(primitive.input2, operand));
}

std::uint32_t columns_of(const abi::Primitive& primitive) {
  const bool by_heads =
      op_of(primitive) == PrimitiveOp::kPosition || op_of(primitive) == PrimitiveOp::kAttention;
  return by_heads ? std::uint32_t{primitive.heads} * primitive.head_dim : primitive.n;
}

// Columns that are worked on together.
std::uint32_t column_multiple(const abi::Primitive& primitive) {
  if (op_of(primitive) == PrimitiveOp::kPosition) return primitive.head_dim;
  return op_of(primitive) == PrimitiveOp::kNorm ? abi::kChunk : 1;
}

}  // namespace

// Of slots that differ nothing is known.
bool Execution::overlap(const abi::Operand& a, std::uint64_t columns, const abi::Operand& b,
                        std::uint64_t other_columns) const {
  if (a.slot != b.slot) return true;
  const std::uint64_t last_row = pass_.rows.size() - 1;
  return a.offset < b.offset + last_row * b.stride + 2 * other_columns &&
         b.offset < a.offset + last_row * a.stride + 2 * columns;
}

// Whether `reader` may begin with columns of what `writer`, which is at work, computes. A norm and
// ATTENTION write when they have read all of it, so their output may lie where the writer reads.
bool Execution::streams(std::uint16_t writer, std::uint16_t reader) const {
  const abi::Primitive& from = program_[writer];
  const abi::Primitive& to = program_[reader];
  for (const abi::Primitive* primitive : {&from, &to}) {
    if (primitive->predicate_slot != abi::kNoSlot) return false;
    if (static_cast<RowMode>(primitive->row_mode) != RowMode::kAll) return false;
  }
  if (core_.config.serial || !reads(to, from.output) || columns_of(to) != columns_of(from)) {
    return false;
  }
  const bool from_array =
      op_of(from) == PrimitiveOp::kLinear && from.groups <= 1 && !states_[writer].on_pim;
  const bool from_columns = is_by_columns(from) && states_[writer].streams;
  if (is_by_columns(to)) {
    const bool in_place = same_place(to.output, from.output);
    return from_array && !overlap(to.output, columns_of(to), from.input, from.k) &&
           (in_place || !overlap(to.output, columns_of(to), from.output, columns_of(from)));
  }
  if (op_of(to) == PrimitiveOp::kNorm) return from_array || from_columns;
  // A command that takes turns gives the array to others when it comes to its ATTENTION.
  return op_of(to) == PrimitiveOp::kAttention && !states_[reader].on_pim &&
         (command_.flags & abi::kCommandTurns) == 0 && (from_array || from_columns);
}

// One predecessor is left.
void Execution::stream_from_last(std::uint16_t reader) {
  const abi::Primitive& primitive = program_[reader];
  for (std::size_t i = 0; i < primitive.predecessor_count; ++i) {
    const std::uint16_t writer = primitive.predecessors[i];
    if (states_[writer].done) continue;
    if (!states_[writer].issued || !streams(writer, reader)) return;
    states_[reader].streams = true;
    states_[reader].source = writer;
    return dispatch(reader);
  }
}

// The writer has been issued.
void Execution::stream_readers(std::uint16_t writer) {
  for (const std::uint16_t reader : program_.dependents(writer)) {
    if (states_[reader].waiting == 1 && !states_[reader].streams) stream_from_last(reader);
  }
}

// The first `columns` columns of the writer's output are there.
void Execution::announce(std::uint16_t writer, std::uint32_t columns) {
  std::uint32_t& ready = states_[writer].columns_ready;
  ready = std::max(ready, columns);
  for (const std::uint16_t reader : program_.dependents(writer)) {
    const State& state = states_[reader];
    if (state.streams && state.source == writer && state.issued && !state.done) {
      take_columns(reader);
    }
  }
}

bool Execution::is_streamed(std::uint16_t writer) const {
  const std::vector<std::uint16_t>& readers = program_.dependents(writer);
  return std::any_of(readers.begin(), readers.end(),
                     [&](std::uint16_t reader) { return streams(writer, reader); });
}

// A part of a tile has the array until `end_ps`. Its outputs leave a drain later; those of the last
// are told of when the LINEAR is done.
void Execution::announce_part(std::uint16_t index, const WeightTile& tile, std::uint64_t end_ps) {
  const numerics::Tile part = tile.part(program_[index].k);
  const Product& product = states_[index].product;
  if (part.col0 + part.cols != program_[index].k) return;
  const auto columns = static_cast<std::uint32_t>(
      part.row0 + std::uint64_t{part.rows} * product.done_bytes / tile.size_bytes);
  if (columns == program_[index].n) return;
  const std::uint64_t drained_ps =
      end_ps + product.timing.drain_cycles * core_.array.config().clock_period_ps;
  if (drained_ps <= common::now_ps()) return announce(index, columns);
  at(drained_ps, [this, index, columns] { announce(index, columns); });
}

// Goes on with the columns of the source that have come.
void Execution::take_columns(std::uint16_t index) {
  const Repeated repeated(core_, program_.times(index));
  State& state = states_[index];
  if (state.attention != nullptr) {
    return state.attention->queries_ready(states_[state.source].columns_ready);
  }
  if (state.rows_whole) return finish_norm(index);
  take_vector_columns(index);
}

void Execution::take_vector_columns(std::uint16_t index) {
  State& state = states_[index];
  const abi::Primitive& primitive = program_[index];
  const bool is_position = op_of(primitive) == PrimitiveOp::kPosition;
  if (is_position && !state.tiles.front()->arrived) return;
  const VectorWork work = vector_work(index);
  std::uint32_t ready = states_[state.source].columns_ready;
  if (ready != work.n) ready -= ready % column_multiple(primitive);
  const std::uint64_t all = core_.vector.column_cycles(work.operation, work.rows, work.n);
  const std::uint64_t cycles = all * ready / work.n - all * state.columns_taken / work.n;
  if (ready == state.columns_taken || (cycles == 0 && ready != work.n)) return;
  if (state.columns_taken == 0) charge_vector(index, work.operation, work.rows, work.n);
  state.columns_taken = ready;
  at(reserve_vector(index, cycles), [this, index, ready] { columns_done(index, ready); });
}

void Execution::columns_done(std::uint16_t index, std::uint32_t columns) {
  State& state = states_[index];
  if (op_of(program_[index]) == PrimitiveOp::kNorm) {
    if (columns != columns_of(program_[index])) return;
    state.rows_whole = true;
    return finish_norm(index);
  }
  announce(index, columns);
  if (columns != columns_of(program_[index])) return;
  if (!timing_only()) compute_vector(index);
  vector_done(index);
}

// What needs whole rows, and the gain.
void Execution::finish_norm(std::uint16_t index) {
  State& state = states_[index];
  const std::vector<WeightTile*>& tiles = state.tiles;
  if (state.next_tile == tiles.size() ||
      !std::all_of(tiles.begin(), tiles.end(),
                   [](const WeightTile* tile) { return tile->arrived; })) {
    return;
  }
  state.next_tile = tiles.size();
  const VectorWork work = vector_work(index);
  const std::uint64_t cycles = core_.vector.cycles(work.operation, work.rows, work.n) -
                               core_.vector.column_cycles(work.operation, work.rows, work.n);
  at(reserve_vector(index, cycles), [this, index] {
    if (!timing_only()) compute_vector(index);
    vector_done(index);
  });
}

}  // namespace tandem::npu
