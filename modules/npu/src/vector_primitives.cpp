// SPDX-License-Identifier: Apache-2.0
// NORM, POSITION with frequencies, ELEMENTWISE.
#include <cstring>

#include "as_fp16.h"
#include "tandem/npu/execution.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

using abi::PrimitiveOp;

std::uint64_t Execution::charge_vector(std::uint16_t index, VectorOperation operation,
                                       std::uint64_t rows, std::uint64_t n) {
  const std::uint64_t cycles = core_.vector.charge(operation, rows, n);
  core_.buffer_bytes += 4 * rows * n;
  stage_of(program_[index]).vector_ps += cycles * core_.vector.config().clock_period_ps;
  return cycles;
}

std::uint64_t Execution::reserve_vector(std::uint16_t index, std::uint64_t cycles) {
  return core_.vector_engine.reserve(cycles * core_.vector.config().clock_period_ps,
                                     core_.name_of(program_[index]), serial_);
}

void Execution::run_vector(std::uint16_t index, VectorOperation operation, std::uint64_t rows,
                           std::uint64_t n, std::function<void()> compute) {
  const std::uint64_t cycles = charge_vector(index, operation, rows, n);
  at(reserve_vector(index, cycles), [this, index, compute = std::move(compute)] {
    if (!timing_only()) compute();
    vector_done(index);
  });
}

void Execution::vector_done(std::uint16_t index) {
  for (WeightTile* tile : states_[index].tiles) {
    stage_of(program_[index]).read_bytes += tile->size_bytes;
    stream_.release(tile);
  }
  primitive_done(index);
}

Execution::VectorWork Execution::vector_work(std::uint16_t index) const {
  static constexpr VectorOperation kElementwise[] = {
      VectorOperation::kAdd, VectorOperation::kMultiply, VectorOperation::kSiluMultiply,
      VectorOperation::kGelu};
  const abi::Primitive& primitive = program_[index];
  const std::uint32_t rows = output_rows(primitive, pass_.shape());
  switch (static_cast<PrimitiveOp>(primitive.op)) {
    case PrimitiveOp::kNorm: {
      const bool rms = primitive.kind == static_cast<std::uint8_t>(abi::NormKind::kRms);
      return {rms ? VectorOperation::kRmsNorm : VectorOperation::kLayerNorm, rows, primitive.n};
    }
    case PrimitiveOp::kPosition:
      return {VectorOperation::kRotary, static_cast<std::uint32_t>(pass_.rows.size()),
              std::uint32_t{primitive.heads} * primitive.head_dim};
    default:
      return {kElementwise[primitive.kind], rows, primitive.n};
  }
}

// Of NORM, POSITION with frequencies, and ELEMENTWISE, when what it takes of the memory is there.
void Execution::start_vector(std::uint16_t index) {
  State& state = states_[index];
  for (const WeightTile* tile : state.tiles) {
    if (!tile->arrived) return;
  }
  state.next_tile = state.tiles.size();
  const VectorWork work = vector_work(index);
  run_vector(index, work.operation, work.rows, work.n, [this, index] { compute_vector(index); });
}

void Execution::compute_vector(std::uint16_t index) {
  switch (static_cast<PrimitiveOp>(program_[index].op)) {
    case PrimitiveOp::kNorm:
      return compute_norm(index);
    case PrimitiveOp::kPosition:
      return compute_position(index);
    default:
      return compute_elementwise(index);
  }
}

void Execution::compute_norm(std::uint16_t index) {
  const abi::Primitive& p = program_[index];
  const std::vector<WeightTile*>& tiles = states_[index].tiles;
  const std::uint16_t* const gain = as_fp16(tiles.front()->raw());
  const std::uint16_t* const bias = tiles.size() > 1 ? as_fp16(tiles.back()->raw()) : nullptr;
  const bool rms = p.kind == static_cast<std::uint8_t>(abi::NormKind::kRms);
  const float epsilon = numerics::bits_float(p.epsilon);
  const std::uint32_t rows = output_rows(p, pass_.shape());
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::uint16_t* x = as_fp16(activation(p.input, input_row(p, row)));
    std::uint16_t* y = as_fp16(activation(p.output, row));
    if (rms) {
      VectorUnit::rms_norm(x, gain, epsilon, p.n, y);
    } else {
      VectorUnit::layer_norm(x, gain, bias, epsilon, p.n, y);
    }
  }
}

void Execution::compute_position(std::uint16_t index) {
  const abi::Primitive& p = program_[index];
  std::vector<float> frequency(p.head_dim / 2u);
  std::memcpy(frequency.data(), states_[index].tiles.front()->raw(),
              frequency.size() * sizeof(float));
  const bool halves = p.kind == static_cast<std::uint8_t>(abi::PositionKind::kRotaryHalves);
  const auto rotate = halves ? &VectorUnit::rope_halves : &VectorUnit::rope_interleaved;
  for (std::uint32_t row = 0; row < pass_.rows.size(); ++row) {
    rotate(as_fp16(activation(p.input, row)), pass_.rows[row].position, frequency.data(), p.heads,
           p.head_dim, as_fp16(activation(p.output, row)));
  }
}

void Execution::compute_elementwise(std::uint16_t index) {
  const abi::Primitive& p = program_[index];
  const std::uint32_t rows = output_rows(p, pass_.shape());
  const auto kind = static_cast<abi::ElementwiseKind>(p.kind);
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::uint32_t from = input_row(p, row);
    const std::uint16_t* a = as_fp16(activation(p.input, from));
    std::uint16_t* y = as_fp16(activation(p.output, row));
    if (kind == abi::ElementwiseKind::kGelu) {
      VectorUnit::gelu(a, p.n, y);
      continue;
    }
    const std::uint16_t* b = as_fp16(activation(p.input2, from));
    if (kind == abi::ElementwiseKind::kAdd) VectorUnit::add(a, b, p.n, y);
    if (kind == abi::ElementwiseKind::kMultiply) VectorUnit::multiply(a, b, p.n, y);
    if (kind == abi::ElementwiseKind::kSiluMultiply) VectorUnit::silu_multiply(a, b, p.n, y);
  }
}

}  // namespace tandem::npu
