// SPDX-License-Identifier: Apache-2.0
// Which engine runs a primitive that several may run.
#include <algorithm>

#include "tandem/npu/execution.h"

namespace tandem::npu {

using abi::KvLayout;
using abi::Opcode;
using abi::PrimitiveOp;
using abi::Status;

namespace {

constexpr abi::Format kKvFormat = abi::Format::kFp16;

std::uint64_t at_least_1(std::uint64_t value) {
  return std::max<std::uint64_t>(1, value);
}

}  // namespace

// Decided once per command, so that tiles fetched ahead fit the passes to come; for DRAFT by the
// shape of its later passes, a row per sequence.
void Execution::place() {
  PassShape shape = pass_.shape();
  if (opcode() == Opcode::kDraft) shape.rows = shape.sequences;
  on_pim_.assign(program_.size(), false);
  for (std::uint16_t i = 0; i < program_.size(); ++i) {
    const abi::Primitive& primitive = program_[i];
    if ((primitive.engine_mask & abi::kEnginePim) == 0 || !core_.config.pim_bound) continue;
    const bool npu_can = (primitive.engine_mask & abi::kEngineNpu) != 0;
    const Fault fault = why_not_on_pim(primitive);
    if (fault && !npu_can && !fault_) fault_ = {fault.status, i, fault.value};
    on_pim_[i] = !fault && (!npu_can || pim_is_faster(primitive, shape));
  }
}

Fault Execution::why_not_on_pim(const abi::Primitive& primitive) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  const auto has = [&](abi::Format format) {
    return (pim.formats >> static_cast<unsigned>(format) & 1u) != 0;
  };
  const auto no_space = [&](std::uint64_t vector_bytes, std::uint64_t result_bytes) {
    const bool fits = vector_bytes <= pim.vector_bytes && result_bytes <= pim.result_bytes;
    return fits ? Fault{} : Fault{Status::kNoSpace, kNoPrimitive, vector_bytes};
  };
  if (static_cast<PrimitiveOp>(primitive.op) == PrimitiveOp::kLinear) {
    const numerics::TensorLayout layout = layout_of(primitive);
    const bool tables_and_scales = numerics::has_tables(layout) && numerics::has_scales(layout) &&
                                   primitive.scales.slot != abi::kNoSlot;
    if (primitive.groups > 1 || !has(layout.format) || tables_and_scales) {
      return {Status::kNoEngine, kNoPrimitive, primitive.weight.format};
    }
    return fits_pim_windows(primitive) ? Fault{}
                                       : Fault{Status::kNoSpace, kNoPrimitive, 2ull * primitive.k};
  }
  if (!has(abi::Format::kFp16) || primitive.mask != 0) {
    return {Status::kNoEngine, kNoPrimitive, primitive.mask};
  }
  const std::uint64_t drafted = opcode() == Opcode::kDraft ? parameters_.max_draft : 0;
  std::uint64_t scores = 0;
  for (const RowRange& range : pass_.ranges) {
    const Sequence& sequence = sequences_[range.sequence];
    const abi::KvSet& kv = sequence.entry.kv[primitive.kv_set];
    if (!geometry_of(primitive, kv).element_major() || kv.page_tokens % abi::kChunk != 0) {
      return {Status::kNoEngine, kNoPrimitive, kv.layout};
    }
    const std::uint64_t length =
        std::uint64_t{sequence.kv_length[primitive.kv_set]} + range.count + drafted;
    const std::uint64_t vectors = std::uint64_t{range.count} * primitive.heads / primitive.kv_heads;
    const std::uint64_t longest = 2 * vectors * std::max<std::uint64_t>(length, primitive.head_dim);
    if (vectors > 0xFFFF) return {Status::kNoSpace, kNoPrimitive, vectors};
    const Fault fault = no_space(longest, longest);
    if (fault) return fault;
    scores += length * range.count * primitive.heads;  // all sequences at once
    if (scores > kMaxScores && !timing_only()) return {Status::kNoSpace, kNoPrimitive, scores};
  }
  return {};
}

bool Execution::pim_is_faster(const abi::Primitive& primitive, const PassShape& shape) const {
  if (static_cast<PrimitiveOp>(primitive.op) != PrimitiveOp::kLinear) {
    return pim_attends_faster(primitive, shape);
  }
  const std::uint32_t m = output_rows(primitive, shape);
  return pim_linear_ps(primitive, m) < npu_linear_ps(primitive, m);
}

// The expected times of both: bytes over the memory port's rate, against multiplications at the
// banks' rate, the traffic of vectors and results, and what jobs have been seen to cost besides.
bool Execution::pim_attends_faster(const abi::Primitive& primitive, const PassShape& shape) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  const AttentionLoad load = attention_load(primitive, shape);
  // Scores and outputs, a head for each channel, fewer where they do not fit the windows.
  const std::uint64_t window = at_least_1(std::min(pim.vector_bytes, pim.result_bytes));
  const std::uint64_t channels = at_least_1(pim.channels);
  const std::uint64_t jobs =
      2 * ((std::uint64_t{shape.sequences} * primitive.kv_heads + channels - 1) / channels) +
      2 * load.moved_elements / window;
  std::uint64_t idle_factor = 1;  // channels by those that have something to do, on the PIM
  std::uint64_t read_factor = 1;  // and when the NPU reads
  if (load.one_channel_each) {
    const std::uint64_t sequence_bytes = at_least_1(2 * load.weights / shape.sequences);
    const std::uint64_t buffered = core_.config.kv_buffer_bytes / sequence_bytes;
    idle_factor = at_least_1(channels / shape.sequences);
    read_factor = std::max(idle_factor, channels / at_least_1(buffered));
  }
  if (load.heads_apart) {
    // Heads whose scores the windows hold, each in its own channels.
    const std::uint64_t scores = at_least_1(
        load.vectors * load.weights / (std::uint64_t{primitive.kv_heads} * primitive.head_dim));
    const std::uint64_t heads = at_least_1(window * shape.sequences / scores);
    const std::uint64_t of_head = at_least_1(channels / primitive.kv_heads);
    idle_factor = at_least_1(channels / (heads * of_head));
  }
  const std::uint64_t rate = at_least_1(core_.config.memory_bytes_per_us);
  const std::uint64_t npu_ps =
      load.weights * read_factor * abi::stream_bits(kKvFormat) / 8 * 1'000'000 / rate;
  const std::uint64_t pim_ps =
      core_.pim.multiply_ps(kKvFormat, load.weights, load.vectors) * idle_factor +
      load.moved_elements * 2 * 1'000'000 / rate + jobs * core_.pim.overhead_ps();
  return pim_ps < npu_ps;
}

Execution::AttentionLoad Execution::attention_load(const abi::Primitive& primitive,
                                                   const PassShape& shape) const {
  AttentionLoad load;
  for (const RowRange& range : pass_.ranges) {
    const Sequence& sequence = sequences_[range.sequence];
    const std::uint64_t length = sequence.kv_length[primitive.kv_set] + range.count;
    load.weights += 2 * length * primitive.kv_heads * primitive.head_dim;
    load.moved_elements += 2 * length * shape.rows / shape.sequences * primitive.heads;
    const auto layout = static_cast<KvLayout>(sequence.entry.kv[primitive.kv_set].layout);
    load.one_channel_each = load.one_channel_each && layout == KvLayout::kBankRows;
    load.heads_apart = load.heads_apart && layout == KvLayout::kHeadSplit;
  }
  load.vectors = std::uint64_t{shape.rows} * primitive.heads / primitive.kv_heads / shape.sequences;
  return load;
}

}  // namespace tandem::npu
