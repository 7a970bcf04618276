// SPDX-License-Identifier: Apache-2.0
// What each primitive does, once it is issued. Time is reserved on an engine or spent on the bus;
// the arithmetic happens when that time is over.
#include <cstring>

#include "join.h"
#include "tandem/npu/execution.h"
#include "tandem/numerics/decode.h"
#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

using abi::PrimitiveOp;
using abi::RowMode;
using abi::Status;

namespace {

const std::uint16_t* as_fp16(const std::uint8_t* bytes) {
  return reinterpret_cast<const std::uint16_t*>(bytes);
}
std::uint16_t* as_fp16(std::uint8_t* bytes) {
  return reinterpret_cast<std::uint16_t*>(bytes);
}

}  // namespace

std::uint32_t Execution::input_row(const abi::Primitive& primitive,
                                   std::uint32_t output_row) const {
  if (static_cast<RowMode>(primitive.row_mode) != RowMode::kLast) return output_row;
  const RowRange& range = pass_.ranges[output_row];
  return range.first + range.count - 1;
}

void Execution::advance(std::uint16_t index) {
  State& state = states_[index];
  if (state.done || state.next_tile >= state.tiles.size()) return;
  if (!state.tiles[state.next_tile]->arrived) return;
  switch (static_cast<PrimitiveOp>(program_[index].op)) {
    case PrimitiveOp::kLinear:
      return state.on_pim ? finish_pim_linear(index) : advance_linear(index);
    case PrimitiveOp::kNorm:
      return start_norm(index);
    case PrimitiveOp::kPosition:
      return start_position(index);
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
  const numerics::TensorLayout layout = layout_of(primitive);
  state.rows.resize(pass_.rows.size());
  const auto joint = join([this, index] { gather_arrived(index); });
  for (std::size_t row = 0; row < pass_.rows.size(); ++row) {
    const std::uint32_t token = pass_.rows[row].token;
    if (token >= layout.rows) return fail({Status::kBadBatch, index, token});
    WeightTile& tile = state.rows[row];
    tile.view.layout = layout;
    tile.view.tile = {token, 1, 0, layout.cols};
    tile.wanted = !timing_only();
    gather_bytes_ += tile_bytes(layout, tile.view.tile);
    stage_of(primitive).read_bytes += tile_bytes(layout, tile.view.tile);
    ++joint->pending;
    // Later primitives wait for these rows, so they go before the weights.
    fetch_tile(core_.dma, Dma::kKv, tile, planes, then(index, [joint] { joint->done(); }), serial_);
  }
  joint->done();
}

void Execution::gather_arrived(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  State& state = states_[index];
  std::vector<float> values(primitive.n);
  for (std::uint32_t row = 0; row < state.rows.size() && !timing_only(); ++row) {
    const numerics::WeightView& view = state.rows[row].view;
    numerics::decode_row(view, 0, 0, primitive.n, values.data());
    for (std::uint32_t i = 0; i < primitive.n; ++i) {
      if (numerics::has_scales(view.layout)) values[i] *= numerics::scale_at(view, 0, i);
    }
    numerics::float_to_fp16(values.data(), as_fp16(activation(primitive.output, row)), primitive.n);
  }
  core_.buffer_bytes += 2ull * primitive.n * state.rows.size();
  state.rows.clear();
  primitive_done(index);
}

// --- LINEAR
// ---------------------------------------------------------------------------------------

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
  const numerics::Tile& part = tile.view.tile;
  const std::uint32_t m = rows_of(index, part);
  const pe_array::TileTiming timing = core_.array.tile_timing(format, part.rows, part.cols, m);
  // Each expert is a matrix of its own; groups follow each other as the tiles of one matrix do.
  const std::uint32_t matrix_rows = output_columns(primitive);
  const bool first = part.row0 % matrix_rows == 0 && part.col0 == 0;
  const bool last =
      (part.row0 + part.rows) % matrix_rows == 0 && part.col0 + part.cols == primitive.k;
  std::uint64_t cycles = timing.occupancy_cycles;
  if (first) cycles += timing.fill_cycles;
  if (last) cycles += timing.drain_cycles;
  core_.array.record(format, part.rows, part.cols, m, cycles);
  cycles += core_.array.reconfigure_cycles(format);  // counted by the array itself
  core_.buffer_bytes += 2 * tile.size_bytes;
  state.engine_busy = true;
  at(reserve_matrix(index, tile, cycles), [this, index] { linear_tile_done(index); });
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

// A tile that flows through the buffer has been multiplied as it arrived, but for what came last:
// as much as a tile of functional execution.
std::uint64_t Execution::reserve_matrix(std::uint16_t index, const WeightTile& tile,
                                        std::uint64_t cycles) {
  const std::uint64_t duration_ps = cycles * core_.array.config().clock_period_ps;
  stage_of(program_[index]).matrix_ps += duration_ps;
  const observe::Timeline::Name name = core_.name_of(program_[index]);
  if (core_.config.bulk_bytes == 0) {
    return core_.matrix_engine.reserve(duration_ps, name, serial_);
  }
  const std::uint64_t piece = std::min(tile.size_bytes, core_.config.weight_tile_bytes);
  const std::uint64_t last_ps =
      static_cast<std::uint64_t>(static_cast<double>(duration_ps) * static_cast<double>(piece) /
                                 static_cast<double>(tile.size_bytes));
  const std::uint64_t begin_ps = std::max(states_[index].begin_ps, tile.flow_ps);
  return core_.matrix_engine.reserve_flow(begin_ps, common::now_ps() + last_ps, duration_ps, name,
                                          serial_);
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
  const numerics::Tile& part = tile.view.tile;
  const std::uint32_t columns = output_columns(primitive);
  const auto m = static_cast<std::uint32_t>(state.sums.size() / columns);
  const std::size_t group = part.row0 / primitive.n;
  numerics::accumulate(tile.view, state.inputs.data() + group * primitive.k + part.col0,
                       input_columns(primitive), m, state.sums.data() + part.row0, columns);
}

void Execution::finish_linear(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  if (!timing_only()) store_outputs(index);
  core_.buffer_bytes += 2ull * output_rows(primitive, pass_.shape()) * choices_of(primitive) *
                        output_columns(primitive);
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

// --- Vector unit
// ----------------------------------------------------------------------------------

void Execution::run_vector(std::uint16_t index, VectorOperation operation, std::uint64_t rows,
                           std::uint64_t n, std::function<void()> compute) {
  const std::uint64_t cycles = core_.vector.charge(operation, rows, n);
  core_.buffer_bytes += 4 * rows * n;
  stage_of(program_[index]).vector_ps += cycles * core_.vector.config().clock_period_ps;
  const std::uint64_t end_ps = core_.vector_engine.reserve(
      cycles * core_.vector.config().clock_period_ps, core_.name_of(program_[index]), serial_);
  at(end_ps, [this, index, compute = std::move(compute)] {
    if (!timing_only()) compute();
    for (WeightTile* tile : states_[index].tiles) {
      stage_of(program_[index]).read_bytes += tile->size_bytes;
      stream_.release(tile);
    }
    primitive_done(index);
  });
}

void Execution::start_norm(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint32_t rows = output_rows(primitive, pass_.shape());
  const bool rms = primitive.kind == static_cast<std::uint8_t>(abi::NormKind::kRms);
  State& state = states_[index];
  WeightTile* const gain = state.tiles.front();
  WeightTile* const bias = state.tiles.size() > 1 ? state.tiles.back() : nullptr;
  if (bias != nullptr && (!gain->arrived || !bias->arrived)) return;
  state.next_tile = state.tiles.size();
  run_vector(index, rms ? VectorOperation::kRmsNorm : VectorOperation::kLayerNorm, rows,
             primitive.n, [this, index, rows, rms, gain, bias] {
               const abi::Primitive& p = program_[index];
               const float epsilon = numerics::bits_float(p.epsilon);
               for (std::uint32_t row = 0; row < rows; ++row) {
                 const std::uint16_t* x = as_fp16(activation(p.input, input_row(p, row)));
                 std::uint16_t* y = as_fp16(activation(p.output, row));
                 if (rms) {
                   VectorUnit::rms_norm(x, as_fp16(gain->raw()), epsilon, p.n, y);
                 } else {
                   VectorUnit::layer_norm(x, as_fp16(gain->raw()),
                                          bias == nullptr ? nullptr : as_fp16(bias->raw()), epsilon,
                                          p.n, y);
                 }
               }
             });
}

void Execution::start_position(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  WeightTile* table = states_[index].tiles[states_[index].next_tile++];
  const std::uint32_t columns = std::uint32_t{primitive.heads} * primitive.head_dim;
  run_vector(index, VectorOperation::kRotary, pass_.rows.size(), columns, [this, index, table] {
    const abi::Primitive& p = program_[index];
    std::vector<float> frequency(p.head_dim / 2u);
    std::memcpy(frequency.data(), table->raw(), frequency.size() * sizeof(float));
    const bool halves = p.kind == static_cast<std::uint8_t>(abi::PositionKind::kRotaryHalves);
    const auto rotate = halves ? &VectorUnit::rope_halves : &VectorUnit::rope_interleaved;
    for (std::uint32_t row = 0; row < pass_.rows.size(); ++row) {
      rotate(as_fp16(activation(p.input, row)), pass_.rows[row].position, frequency.data(), p.heads,
             p.head_dim, as_fp16(activation(p.output, row)));
    }
  });
}

void Execution::start_elementwise(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint32_t rows = output_rows(primitive, pass_.shape());
  static constexpr VectorOperation kOperations[] = {
      VectorOperation::kAdd, VectorOperation::kMultiply, VectorOperation::kSiluMultiply,
      VectorOperation::kGelu};
  run_vector(index, kOperations[primitive.kind], rows, primitive.n, [this, index, rows] {
    const abi::Primitive& p = program_[index];
    for (std::uint32_t row = 0; row < rows; ++row) {
      const std::uint32_t from = input_row(p, row);
      const std::uint16_t* a = as_fp16(activation(p.input, from));
      std::uint16_t* y = as_fp16(activation(p.output, row));
      const auto kind = static_cast<abi::ElementwiseKind>(p.kind);
      if (kind == abi::ElementwiseKind::kGelu) {
        VectorUnit::gelu(a, p.n, y);
        continue;
      }
      const std::uint16_t* b = as_fp16(activation(p.input2, from));
      if (kind == abi::ElementwiseKind::kAdd) VectorUnit::add(a, b, p.n, y);
      if (kind == abi::ElementwiseKind::kMultiply) VectorUnit::multiply(a, b, p.n, y);
      if (kind == abi::ElementwiseKind::kSiluMultiply) VectorUnit::silu_multiply(a, b, p.n, y);
    }
  });
}

// --- Sampling
// -------------------------------------------------------------------------------------

SamplingParameters Execution::sampling_of(const Sequence& sequence) const {
  SamplingParameters sampling;
  sampling.rule = static_cast<abi::Sampling>(parameters_.sampling);
  if (sampling.rule != abi::Sampling::kGreedy) {
    sampling.temperature = numerics::bits_float(parameters_.temperature);
  }
  sampling.seed = parameters_.seed;
  sampling.rng_key = sequence.entry.rng_key;
  sampling.request_id = sequence.entry.request_id;
  return sampling;
}

void Execution::start_sample(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint64_t cycles =
      core_.sampler.sample_cycles(static_cast<abi::Sampling>(parameters_.sampling), primitive.n,
                                  static_cast<std::uint32_t>(pass_.ranges.size()));
  const std::uint64_t end_ps = core_.sampler_engine.reserve(
      cycles * core_.sampler.config().clock_period_ps, core_.name_of(primitive), serial_);
  if (timing_only() && core_.oracle == nullptr) return fail({Status::kNoEngine, index, 0});
  at(end_ps, [this, index] {
    const auto joint = join([this, index] { primitive_done(index); });
    const auto part = [this, index, joint] {
      ++joint->pending;
      return then(index, [joint] { joint->done(); });
    };
    for (std::size_t entry = 0; entry < pass_.ranges.size() && !fault_; ++entry) {
      sample(program_[index], pass_.ranges[entry], entry, part);
      if (fault_) fault_.primitive = index;
    }
    if (fault_) return fail(fault_);
    joint->done();
  });
}

void Execution::sample(const abi::Primitive& primitive, const RowRange& range, std::size_t entry,
                       const std::function<Dma::Done()>& part) {
  Sequence& sequence = sequences_[range.sequence];
  abi::DraftBlock& draft = sequence.draft;
  const bool compact = static_cast<RowMode>(primitive.row_mode) == RowMode::kEntries;
  const auto row = compact ? static_cast<std::uint32_t>(entry) : range.first + range.count - 1;
  std::vector<float> q;
  const bool keep_q = parameters_.sampling == static_cast<std::uint32_t>(abi::Sampling::kStandard);
  if (keep_q) {
    q.resize(primitive.n);
    const std::uint64_t row_bytes = 4ull * primitive.n;
    if (draft.distributions == 0 || draft.count >= draft.distribution_capacity ||
        draft.distribution_stride < row_bytes) {
      fault_ = {Status::kBadBatch, 0, draft.distributions};
      return;
    }
  }
  const std::uint32_t position = pass_.rows[range.first + range.count - 1].position + 1;
  const SampleResult result =
      timing_only()
          ? core_.sampler.sample(*core_.oracle, sequence.entry.request_id, position - draft.count,
                                 draft.count)
          : core_.sampler.sample(as_fp16(activation(primitive.input, row)), primitive.n,
                                 sampling_of(sequence), position, keep_q ? q.data() : nullptr);
  if (result.is_nan) {
    fault_ = {Status::kNotANumber, 0, sequence.entry.request_id};
    return;
  }
  if (keep_q) {
    core_.dma.write(Dma::kKv,
                    draft.distributions + std::uint64_t{draft.count} * draft.distribution_stride,
                    timing_only() ? nullptr : q.data(), 4 * q.size(), part());
  }
  if (result.token == TokenOracle::kNoToken) {
    fault_ = {Status::kBadBatch, 0, sequence.entry.request_id};
    return;
  }
  if (core_.choices != nullptr) {
    core_.choices->drafted(sequence.entry.request_id, position - draft.count, draft.count,
                           result.token, result.confidence);
  }
  draft.tokens[draft.count] = result.token;
  draft.confidences[draft.count] = numerics::float_bits(result.confidence);
  ++draft.count;
  if (result.confidence < numerics::bits_float(parameters_.stop_below)) draft.stopped_early = 1;
}

void Execution::start_accept(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  if (timing_only() && core_.oracle == nullptr) return fail({Status::kNoEngine, index, 0});
  const bool standard =
      parameters_.sampling == static_cast<std::uint32_t>(abi::Sampling::kStandard);
  const auto distributions = std::make_shared<std::vector<std::vector<float>>>(sequences_.size());
  const auto joint = join([this, index, distributions] {
    std::uint32_t rows = 0;
    for (const RowRange& range : pass_.ranges) {
      rows += sequences_[range.sequence].draft.count + 1;
    }
    const std::uint64_t cycles = core_.sampler.accept_cycles(
        static_cast<abi::Sampling>(parameters_.sampling), program_[index].n, rows);
    const std::uint64_t end_ps = core_.sampler_engine.reserve(
        cycles * core_.sampler.config().clock_period_ps, core_.name_of(program_[index]), serial_);
    at(end_ps, [this, index, distributions] { accept(index, distributions); });
  });
  for (std::size_t i = 0; standard && i < sequences_.size(); ++i) {
    const abi::DraftBlock& draft = sequences_[i].draft;
    std::vector<float>& q = (*distributions)[i];
    if (!timing_only()) q.resize(std::size_t{draft.count} * primitive.n);
    if (draft.count > draft.distribution_capacity) {
      return fail({Status::kBadBatch, index, draft.count});
    }
    for (std::uint32_t d = 0; d < draft.count; ++d) {
      ++joint->pending;
      core_.dma.read(Dma::kKv, draft.distributions + std::uint64_t{d} * draft.distribution_stride,
                     timing_only() ? nullptr : q.data() + std::size_t{d} * primitive.n,
                     4ull * primitive.n, then(index, [joint] { joint->done(); }));
    }
  }
  joint->done();
}

void Execution::accept(std::uint16_t index,
                       const std::shared_ptr<std::vector<std::vector<float>>>& distributions) {
  const abi::Primitive& primitive = program_[index];
  const bool compact = static_cast<RowMode>(primitive.row_mode) == RowMode::kEntries;
  for (std::size_t entry = 0; entry < pass_.ranges.size(); ++entry) {
    const RowRange& range = pass_.ranges[entry];
    Sequence& sequence = sequences_[range.sequence];
    if (compact && sequence.draft.count != 0) {
      return fail({Status::kBadOperand, index, sequence.draft.count});
    }
    if (sequence.entry.remaining_tokens == 0 && sequence.draft.count == 0) continue;
    const std::uint32_t last_pending = range.first + sequence.entry.pending_count - 1;
    AcceptInput input;
    const std::uint32_t row = compact ? static_cast<std::uint32_t>(entry) : last_pending;
    if (!timing_only()) input.logits = as_fp16(activation(primitive.input, row));
    input.logits_stride = primitive.input.stride / 2;
    input.vocabulary = primitive.n;
    input.drafted = sequence.draft.tokens;
    input.drafted_count = sequence.draft.count;
    const std::vector<float>& q = (*distributions)[range.sequence];
    input.distributions = q.empty() ? nullptr : q.data();
    input.distribution_stride = primitive.n;
    input.position = pass_.rows[last_pending].position + 1;
    input.remaining_tokens = sequence.entry.remaining_tokens;
    input.stop_ids = sequence.entry.stop_ids;
    input.stop_count = sequence.entry.stop_count;
    const SamplingParameters sampling = sampling_of(sequence);
    const Status status =
        timing_only() ? Sampler::check(sampling) : Sampler::check(input, sampling);
    if (status != Status::kOk) return fail({status, index, sequence.entry.request_id});
    const AcceptResult result =
        timing_only() ? core_.sampler.accept(input, *core_.oracle, sequence.entry.request_id)
                      : core_.sampler.accept(input, sampling);
    if (result.is_nan) return fail({Status::kNotANumber, index, sequence.entry.request_id});
    if (result.verify.next_token == TokenOracle::kNoToken) {
      return fail({Status::kBadBatch, index, sequence.entry.request_id});
    }
    sequence.result = result.verify;
    sequence.accepted = true;
    if (core_.choices != nullptr) {
      core_.choices->accepted(sequence.entry.request_id, input.position, input.drafted,
                              result.verify.accepted, result.verify.next_token);
    }
  }
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
