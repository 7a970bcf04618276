// SPDX-License-Identifier: Apache-2.0
// The primitives of one layer. See llama_passes.cpp for how layers make a pass.
#include "tandem/firmware/runtime/llama_passes.h"

namespace tandem::firmware {

using abi::Format;
using abi::Operand;
using abi::Primitive;
using abi::PrimitiveOp;
using abi::RowMode;
using abi::TensorEntry;
using abi::TensorKind;
using abi::TensorRole;
using Accesses = ProgramWriter::Accesses;

namespace {

u32 timeline_label(TensorKind kind, u32 layer) {
  return layer << 8 | static_cast<u32>(kind);
}

}  // namespace

void LlamaPasses::layer(u32 index, const Plane& plane) {
  const u16 append = keys_and_values(index, plane);
  if (model_.is_latent()) {
    latent_attention(index, plane, append);
  } else {
    query_and_attention(index, plane, append);
  }
  project(index, plane);
  feed_forward(index, plane);
}

// Returns the index of KV_APPEND.
u16 LlamaPasses::keys_and_values(u32 index, const Plane& plane) {
  const abi::ModelImage& shape = model_.shape();
  writer_.set_stage(abi::Stage::kQkv);
  norm(TensorKind::kAttentionNorm, TensorKind::kAttentionNormBias, index, RowMode::kAll);
  if (model_.is_latent()) return latent_keys(index, plane);
  linear(TensorKind::kKey, index, plane.role, Buffer::kNormed, Buffer::kKey, RowMode::kAll);
  linear(TensorKind::kValue, index, plane.role, Buffer::kNormed, Buffer::kValue, RowMode::kAll);
  rotate(Buffer::kKey, index, shape.kv_heads);

  Primitive append = blank_primitive(PrimitiveOp::kKvAppend);
  append.layer = static_cast<u16>(index);
  append.kv_set = plane.kv_set;
  append.n = model_.kv_columns();
  append.kv_heads = static_cast<u16>(shape.kv_heads);
  append.head_dim = static_cast<u16>(shape.head_dim);
  append.input = activation(Buffer::kKey);
  append.input2 = activation(Buffer::kValue);
  return writer_.add(append, Accesses().read(Buffer::kKey).read(Buffer::kValue));
}

void LlamaPasses::query_and_attention(u32 index, const Plane& plane, u16 append) {
  const abi::ModelImage& shape = model_.shape();
  linear(TensorKind::kQuery, index, plane.role, Buffer::kNormed, Buffer::kQuery, RowMode::kAll);
  rotate(Buffer::kQuery, index, shape.heads);

  writer_.set_stage(abi::Stage::kAttention);
  Primitive attention = blank_primitive(PrimitiveOp::kAttention);
  attention.engine_mask = placement_.attention(engines_);
  attention.layer = static_cast<u16>(index);
  attention.kv_set = plane.kv_set;
  attention.mask = static_cast<u8>(abi::Mask::kCausal);
  attention.n = model_.query_columns();
  attention.heads = static_cast<u16>(shape.heads);
  attention.kv_heads = static_cast<u16>(shape.kv_heads);
  attention.head_dim = static_cast<u16>(shape.head_dim);
  attention.scale = shape.attention_scale;
  attention.input = activation(Buffer::kQuery);
  attention.output = activation(Buffer::kAttended);
  writer_.add(attention, Accesses().read(Buffer::kQuery).write(Buffer::kAttended).behind(append));
}

void LlamaPasses::project(u32 index, const Plane& plane) {
  writer_.set_stage(abi::Stage::kProjection);
  linear(TensorKind::kAttentionOutput, index, plane.role, Buffer::kAttended, Buffer::kProjected,
         RowMode::kAll);
  all_reduce(index, Buffer::kProjected);
  combine(abi::ElementwiseKind::kAdd, index, Buffer::kResidual, Buffer::kProjected);
}

void LlamaPasses::feed_forward(u32 index, const Plane& plane) {
  writer_.set_stage(abi::Stage::kFfn);
  norm(TensorKind::kFfnNorm, TensorKind::kFfnNormBias, index, RowMode::kAll);
  const abi::ModelImage& shape = model_.shape();
  const bool has_experts = shape.experts != 0 && index >= shape.first_expert_layer;
  const u16 routed = has_experts ? route(index) : ProgramWriter::kNone;
  const bool common = model_.find(TensorKind::kUp, index, plane.role) != nullptr;
  if (common || !has_experts) common_feed_forward(index, plane);
  if (has_experts) experts(index, plane, routed);
}

// What every row passes through: all of a dense layer, the shared experts of another.
void LlamaPasses::common_feed_forward(u32 index, const Plane& plane) {
  Buffer inner = Buffer::kUp;
  const bool gated = (model_.shape().flags & abi::kModelPlainFfn) == 0;
  if (gated) {
    inner = Buffer::kGate;
    linear(TensorKind::kGate, index, plane.role, Buffer::kNormed, Buffer::kGate, RowMode::kAll);
  }
  linear(TensorKind::kUp, index, plane.role, Buffer::kNormed, Buffer::kUp, RowMode::kAll);
  if (gated) {
    combine(abi::ElementwiseKind::kSiluMultiply, index, Buffer::kGate, Buffer::kUp);
  } else {
    gelu(index, Buffer::kUp);
  }
  linear(TensorKind::kDown, index, plane.role, inner, Buffer::kProjected, RowMode::kAll);
  all_reduce(index, Buffer::kProjected);
  combine(abi::ElementwiseKind::kAdd, index, Buffer::kResidual, Buffer::kProjected);
}

void LlamaPasses::embed() {
  gather();
  if (model_.shape().position_kind == static_cast<u32>(abi::PositionKind::kLearned)) {
    add_positions();
  }
}

void LlamaPasses::gather() {
  const TensorEntry* const entry = tensor(TensorKind::kEmbedding, 0, TensorRole::kFull);
  if (entry == nullptr) return;
  writer_.set_stage(abi::Stage::kOther);
  Primitive primitive = blank_primitive(PrimitiveOp::kGather);
  primitive.n = entry->columns;
  primitive.k = entry->rows;
  primitive.label = timeline_label(TensorKind::kEmbedding, 0);
  primitive.output = activation(Buffer::kResidual);
  bind_weight(primitive, *entry);
  writer_.add(primitive, Accesses().write(Buffer::kResidual));
}

void LlamaPasses::add_positions() {
  const TensorEntry* const entry = tensor(TensorKind::kPositionTable, 0, TensorRole::kFull);
  if (entry == nullptr) return;
  Primitive primitive = blank_primitive(PrimitiveOp::kPosition);
  primitive.kind = static_cast<u8>(abi::PositionKind::kLearned);
  primitive.n = entry->columns;
  primitive.k = entry->rows;
  primitive.label = timeline_label(TensorKind::kPositionTable, 0);
  primitive.input = activation(Buffer::kResidual);
  primitive.input2 = weights(entry->stream, Format::kFp16);
  primitive.output = activation(Buffer::kResidual);
  writer_.add(primitive, Accesses().read(Buffer::kResidual).write(Buffer::kResidual));
}

void LlamaPasses::norm(TensorKind gain, TensorKind bias, u32 layer, RowMode rows) {
  const TensorEntry* const entry = tensor(gain, layer, TensorRole::kFull);
  if (entry == nullptr) return;
  Primitive primitive = blank_primitive(PrimitiveOp::kNorm);
  primitive.kind = static_cast<u8>(model_.shape().norm_kind);
  primitive.row_mode = static_cast<u8>(rows);
  primitive.layer = static_cast<u16>(layer);
  primitive.n = model_.shape().dim;
  primitive.epsilon = model_.shape().norm_epsilon;
  primitive.label = timeline_label(gain, layer);
  primitive.input = activation(Buffer::kResidual);
  primitive.output = activation(Buffer::kNormed);
  primitive.weight = weights(entry->stream, static_cast<Format>(entry->format));
  const TensorEntry* const shift = model_.find(bias, layer, TensorRole::kFull);
  if (shift != nullptr) primitive.bias = weights(shift->stream, Format::kFp16);
  writer_.add(primitive, Accesses().read(Buffer::kResidual).write(Buffer::kNormed));
}

u16 LlamaPasses::linear(TensorKind kind, u32 layer, TensorRole role, Buffer from, Buffer to,
                        RowMode rows) {
  const TensorEntry* const entry = tensor(kind, layer, role);
  if (entry == nullptr) return ProgramWriter::kNone;
  Primitive primitive = blank_primitive(PrimitiveOp::kLinear);
  // A PIM command has one address for tables or scales: weights with both stay on the NPU.
  const bool has_both = entry->tables != 0 && entry->scales != 0;
  const TensorEntry* const bias = bias_of(kind, layer);
  primitive.engine_mask =
      has_both ? abi::kEngineNpu : placement_.linear(engines_, static_cast<Format>(entry->format));
  primitive.row_mode = static_cast<u8>(rows);
  primitive.layer = static_cast<u16>(layer);
  primitive.n = entry->rows;
  primitive.k = entry->columns;
  primitive.label = timeline_label(kind, layer);
  primitive.input = activation(from);
  primitive.output = activation(to);
  bind_weight(primitive, *entry);
  if (bias != nullptr) primitive.bias = weights(bias->stream, Format::kFp16);
  return writer_.add(primitive, Accesses().read(from).write(to));
}

void LlamaPasses::rotate(Buffer buffer, u32 layer, u32 heads) {
  rotate_from(buffer, 0, layer, heads, model_.shape().head_dim);
}

// Heads that begin at a column of the buffer.
void LlamaPasses::rotate_from(Buffer buffer, u32 column, u32 layer, u32 heads, u32 head_dim) {
  if (model_.shape().position_kind == static_cast<u32>(abi::PositionKind::kLearned)) return;
  const TensorEntry* const table = tensor(TensorKind::kInverseFrequency, 0, TensorRole::kFull);
  if (table == nullptr) return;
  Primitive primitive = blank_primitive(PrimitiveOp::kPosition);
  primitive.kind = static_cast<u8>(model_.shape().position_kind);
  primitive.layer = static_cast<u16>(layer);
  primitive.n = heads * head_dim;
  primitive.heads = static_cast<u16>(heads);
  primitive.head_dim = static_cast<u16>(head_dim);
  primitive.input = activation(buffer, column);
  primitive.input2 = weights(table->stream, Format::kFp32);
  primitive.output = activation(buffer, column);
  writer_.add(primitive, Accesses().read(buffer).write(buffer));
}

// into = f(into, other)
void LlamaPasses::combine(abi::ElementwiseKind kind, u32 layer, Buffer into, Buffer other) {
  Primitive primitive = blank_primitive(PrimitiveOp::kElementwise);
  primitive.kind = static_cast<u8>(kind);
  primitive.layer = static_cast<u16>(layer);
  primitive.n = layout_.columns_of(into);
  primitive.input = activation(into);
  primitive.input2 = activation(other);
  primitive.output = activation(into);
  writer_.add(primitive, Accesses().read(into).read(other).write(into));
}

void LlamaPasses::gelu(u32 layer, Buffer buffer) {
  Primitive primitive = blank_primitive(PrimitiveOp::kElementwise);
  primitive.kind = static_cast<u8>(abi::ElementwiseKind::kGelu);
  primitive.layer = static_cast<u16>(layer);
  primitive.n = layout_.columns_of(buffer);
  primitive.input = activation(buffer);
  primitive.output = activation(buffer);
  writer_.add(primitive, Accesses().read(buffer).write(buffer));
}

// nullptr if the matrix has none.
const TensorEntry* LlamaPasses::bias_of(TensorKind kind, u32 layer) const {
  switch (kind) {
    case TensorKind::kQuery:
      return model_.find(TensorKind::kQueryBias, layer, TensorRole::kFull);
    case TensorKind::kKey:
      return model_.find(TensorKind::kKeyBias, layer, TensorRole::kFull);
    case TensorKind::kValue:
      return model_.find(TensorKind::kValueBias, layer, TensorRole::kFull);
    case TensorKind::kAttentionOutput:
      return model_.find(TensorKind::kAttentionOutputBias, layer, TensorRole::kFull);
    case TensorKind::kGate:
      return model_.find(TensorKind::kGateBias, layer, TensorRole::kFull);
    case TensorKind::kUp:
      return model_.find(TensorKind::kUpBias, layer, TensorRole::kFull);
    case TensorKind::kDown:
      return model_.find(TensorKind::kDownBias, layer, TensorRole::kFull);
    default:
      return nullptr;
  }
}

const TensorEntry* LlamaPasses::tensor(TensorKind kind, u32 layer, TensorRole role) {
  const TensorEntry* const entry = model_.find(kind, layer, role);
  if (entry == nullptr) missing_ = true;
  return entry;
}

void LlamaPasses::bind_weight(Primitive& primitive, const TensorEntry& entry) const {
  const Format format = static_cast<Format>(entry.format);
  primitive.grouping = entry.grouping;
  primitive.scope = entry.scope;
  primitive.weight = weights(entry.stream, format);
  primitive.weight.layout = entry.layout;
  primitive.slice_columns = entry.slice_columns;
  primitive.slice_rows = entry.slice_rows;
  if (abi::is_bsfp_full(format)) primitive.remainder = weights(entry.remainder, format);
  if (entry.scales != 0) primitive.scales = weights(entry.scales, Format::kFp16);
  if (entry.tables != 0) primitive.tables = weights(entry.tables, format);
}

Operand LlamaPasses::activation(Buffer buffer, u32 column) const {
  Operand operand{};
  operand.offset = layout_.offset_of(buffer) + u64{column} * sizeof(u16);
  operand.stride = layout_.columns_of(buffer) * static_cast<u32>(sizeof(u16));
  operand.slot = kActivationSlot;
  operand.format = static_cast<u8>(Format::kFp16);
  operand.scale_slot = abi::kNoSlot;
  return operand;
}

Operand LlamaPasses::weights(u64 address, Format format) const {
  Operand operand{};
  operand.offset = address - model_.shape().weights_base;
  operand.slot = kWeightSlot;
  operand.format = static_cast<u8>(format);
  operand.scale_slot = abi::kNoSlot;
  return operand;
}

}  // namespace tandem::firmware
