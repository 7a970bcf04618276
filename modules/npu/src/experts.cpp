// SPDX-License-Identifier: Apache-2.0
// Layers with experts, where tensors are not computed: the oracle chooses, the weights of every
// expert that a row of the pass was sent to are streamed once, and the rows that chose it are
// multiplied with them.
#include <algorithm>

#include "tandem/npu/execution.h"

namespace tandem::npu {

using abi::Status;

// How many rows of the pass were sent to each expert.
const std::vector<std::uint32_t>& Execution::rows_by_expert(std::uint16_t route) {
  std::vector<std::uint32_t>& counts = choices_[route];
  if (!counts.empty()) return counts;
  const abi::Primitive& primitive = program_[route];
  counts.assign(primitive.n, 0);
  if (core_.oracle == nullptr) {
    if (!fault_) fault_ = {Status::kNoEngine, route, 0};
    return counts;
  }
  std::vector<std::uint32_t> chosen;
  for (const Row& row : pass_.rows) {
    core_.oracle->experts(sequences_[row.sequence].entry.request_id, row.position, primitive.layer,
                          primitive.n, primitive.top_k, chosen);
    const bool fits = chosen.size() == primitive.top_k &&
                      std::all_of(chosen.begin(), chosen.end(),
                                  [&](std::uint32_t expert) { return expert < primitive.n; });
    if (!fits) {
      if (!fault_) fault_ = {Status::kBadBatch, route, sequences_[row.sequence].entry.request_id};
      return counts;
    }
    for (const std::uint32_t expert : chosen) ++counts[expert];
  }
  return counts;
}

// The tiles wait in the stream until ROUTE is done: before that nobody could ask for them.
void Execution::push_experts(std::uint16_t index, std::vector<WeightTile*>& tiles) {
  const abi::Primitive& primitive = program_[index];
  const std::uint16_t route = program_.route_of(index);
  const std::vector<std::uint32_t>& rows = rows_by_expert(route);
  const PlaneAddresses planes = plane_addresses(primitive, parameters_);
  numerics::TensorLayout layout = layout_of(primitive);
  const std::vector<numerics::Tile>& parts = tiles_of(index, {layout});
  if (parts.empty() && !fault_) {
    fault_ = {Status::kNoSpace, index, tile_bytes(layout, {0, 1, 0, primitive.k})};
  }
  layout.rows = primitive.groups * primitive.n;
  for (std::uint32_t expert = 0; expert < primitive.groups; ++expert) {
    if (rows[expert] == 0) continue;
    for (numerics::Tile part : parts) {
      part.row0 += expert * primitive.n;
      tiles.push_back(stream_.push(index, layout, part, planes));
      WeightStream::hold(*tiles.back(), !states_[route].done);
    }
  }
}

std::uint32_t Execution::rows_of(std::uint16_t index, const numerics::Tile& part) {
  const abi::Primitive& primitive = program_[index];
  if (!is_over_experts(primitive)) return output_rows(primitive, pass_.shape());
  return rows_by_expert(program_.route_of(index))[part.row0 / primitive.n];
}

// Softmax over the scores, then the largest one top_k times.
void Execution::start_route(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint64_t rows = pass_.rows.size();
  const std::uint64_t cycles =
      core_.vector.charge(VectorOperation::kSoftmax, rows, primitive.n) +
      core_.vector.charge(VectorOperation::kMaximum, rows * primitive.top_k, primitive.n);
  core_.buffer_bytes += 2 * rows * (primitive.n + primitive.top_k);
  stage_of(primitive).vector_ps += cycles * core_.vector.config().clock_period_ps;
  const std::uint64_t end_ps = core_.vector_engine.reserve(
      cycles * core_.vector.config().clock_period_ps, core_.name_of(primitive), serial_);
  at(end_ps, [this, index] {
    for (std::uint16_t i = 0; i < program_.size(); ++i) {
      if (program_.route_of(i) != index || i == index) continue;
      for (WeightTile* tile : states_[i].tiles) WeightStream::hold(*tile, false);
    }
    stream_.pump();
    primitive_done(index);
  });
}

// Each expert's output times its weight, and their sum.
void Execution::start_combine(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint64_t rows = pass_.rows.size();
  const std::uint64_t columns = std::uint64_t{primitive.top_k} * primitive.n;
  const std::uint64_t cycles = core_.vector.charge(VectorOperation::kMultiply, rows, columns) +
                               core_.vector.charge(VectorOperation::kAdd, rows, columns);
  core_.buffer_bytes += 2 * rows * (columns + primitive.n);
  stage_of(primitive).vector_ps += cycles * core_.vector.config().clock_period_ps;
  const std::uint64_t end_ps = core_.vector_engine.reserve(
      cycles * core_.vector.config().clock_period_ps, core_.name_of(primitive), serial_);
  at(end_ps, [this, index] { primitive_done(index); });
}

}  // namespace tandem::npu
