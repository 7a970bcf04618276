// SPDX-License-Identifier: Apache-2.0
// Latent attention: keys and values of all heads are made of one latent per token. Their matrices
// are applied to the queries and to what attention gives, so that the KV cache keeps the latent
// and the positional key alone, and all heads attend to that as to one key.
#include "tandem/firmware/runtime/llama_passes.h"

namespace tandem::firmware {

using abi::Primitive;
using abi::PrimitiveOp;
using abi::RowMode;
using abi::TensorEntry;
using abi::TensorKind;
using abi::TensorRole;
using Accesses = ProgramWriter::Accesses;

// Returns the index of KV_APPEND. A row of kKey is the latent, then the positional key.
u16 LlamaPasses::latent_keys(u32 index, const Plane& plane) {
  const abi::ModelImage& shape = model_.shape();
  linear(TensorKind::kLatent, index, plane.role, Buffer::kNormed, Buffer::kKey, RowMode::kAll);
  latent_norm(index);
  rotate_from(Buffer::kKey, shape.latent_dim, index, 1, shape.rope_dim);

  Primitive append = on_latents(PrimitiveOp::kKvAppend, index, plane);
  append.n = shape.latent_dim + shape.rope_dim;
  append.input = activation(Buffer::kKey);
  append.input2 = activation(Buffer::kKey, shape.latent_dim);
  return writer_.add(append, Accesses().read(Buffer::kKey));
}

// A row of kQuery is the heads' parts without position, then those with.
void LlamaPasses::latent_attention(u32 index, const Plane& plane, u16 append) {
  const abi::ModelImage& shape = model_.shape();
  const u32 positional = shape.heads * (shape.head_dim - shape.rope_dim);
  linear(TensorKind::kQuery, index, plane.role, Buffer::kNormed, Buffer::kQuery, RowMode::kAll);
  rotate_from(Buffer::kQuery, positional, index, shape.heads, shape.rope_dim);
  each_head(TensorKind::kKeyExpansion, index, plane.role, Buffer::kQuery, Buffer::kLatentQuery);

  writer_.set_stage(abi::Stage::kAttention);
  Primitive attention = on_latents(PrimitiveOp::kAttention, index, plane);
  attention.mask = static_cast<u8>(abi::Mask::kCausal);
  attention.n = shape.heads * shape.latent_dim;
  attention.heads = static_cast<u16>(shape.heads);
  attention.scale = shape.attention_scale;
  attention.input = activation(Buffer::kLatentQuery);
  attention.input2 = activation(Buffer::kQuery, positional);
  attention.output = activation(Buffer::kLatentOutput);
  writer_.add(attention, Accesses()
                             .read(Buffer::kLatentQuery)
                             .read(Buffer::kQuery)
                             .write(Buffer::kLatentOutput)
                             .behind(append));

  writer_.set_stage(abi::Stage::kProjection);
  each_head(TensorKind::kValueExpansion, index, plane.role, Buffer::kLatentOutput,
            Buffer::kAttended);
}

void LlamaPasses::latent_norm(u32 index) {
  const TensorEntry* const gain = tensor(TensorKind::kLatentNorm, index, TensorRole::kFull);
  if (gain == nullptr) return;
  Primitive primitive = blank_primitive(PrimitiveOp::kNorm);
  primitive.kind = static_cast<u8>(abi::NormKind::kRms);
  primitive.layer = static_cast<u16>(index);
  primitive.n = model_.shape().latent_dim;
  primitive.epsilon = model_.shape().norm_epsilon;
  primitive.input = activation(Buffer::kKey);
  primitive.output = activation(Buffer::kKey);
  primitive.weight = weights(gain->stream, static_cast<abi::Format>(gain->format));
  writer_.add(primitive, Accesses().read(Buffer::kKey).write(Buffer::kKey));
}

// A matrix for each head, on the head's columns.
void LlamaPasses::each_head(TensorKind kind, u32 index, TensorRole role, Buffer from, Buffer to) {
  const TensorEntry* const entry = tensor(kind, index, role);
  if (entry == nullptr) return;
  Primitive primitive = blank_primitive(PrimitiveOp::kLinear);
  primitive.layer = static_cast<u16>(index);
  primitive.groups = model_.shape().heads;
  primitive.n = entry->rows / model_.shape().heads;
  primitive.k = entry->columns;
  primitive.input = activation(from);
  primitive.output = activation(to);
  bind_weight(primitive, *entry);
  writer_.add(primitive, Accesses().read(from).write(to));
}

// All heads share one key, of which the latent is the value.
Primitive LlamaPasses::on_latents(PrimitiveOp op, u32 index, const Plane& plane) const {
  const abi::ModelImage& shape = model_.shape();
  Primitive primitive = blank_primitive(op);
  primitive.layer = static_cast<u16>(index);
  primitive.kv_set = plane.kv_set;
  primitive.kv_heads = 1;
  primitive.head_dim = static_cast<u16>(shape.latent_dim + shape.rope_dim);
  primitive.value_dim = shape.latent_dim;
  return primitive;
}

}  // namespace tandem::firmware
