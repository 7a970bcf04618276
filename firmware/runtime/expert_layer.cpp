// SPDX-License-Identifier: Apache-2.0
// The feed-forward part of a layer with experts.
#include "tandem/firmware/runtime/llama_passes.h"

namespace tandem::firmware {

using abi::Primitive;
using abi::PrimitiveOp;
using abi::RowMode;
using abi::TensorEntry;
using abi::TensorKind;
using abi::TensorRole;
using Accesses = ProgramWriter::Accesses;

namespace {

constexpr u8 kExpertList = 0;

}  // namespace

// Drafts choose with the full router too. Returns the index of ROUTE.
u16 LlamaPasses::route(u32 index) {
  linear(TensorKind::kRouter, index, TensorRole::kFull, Buffer::kNormed, Buffer::kExpertScores,
         RowMode::kAll);
  Primitive primitive = blank_primitive(PrimitiveOp::kRoute);
  primitive.layer = static_cast<u16>(index);
  primitive.n = model_.shape().experts;
  primitive.top_k = static_cast<u16>(model_.shape().top_k);
  primitive.index_slot = kExpertList;
  primitive.input = activation(Buffer::kExpertScores);
  primitive.output = activation(Buffer::kExpertWeights);
  return writer_.add(primitive,
                     Accesses().read(Buffer::kExpertScores).write(Buffer::kExpertWeights));
}

void LlamaPasses::experts(u32 index, const Plane& plane, u16 route) {
  Buffer inner = Buffer::kExpertUp;
  const bool gated = (model_.shape().flags & abi::kModelPlainFfn) == 0;
  if (gated) {
    inner = Buffer::kExpertGate;
    expert_linear(TensorKind::kExpertGate, index, plane.role, Buffer::kNormed, Buffer::kExpertGate,
                  route);
  }
  expert_linear(TensorKind::kExpertUp, index, plane.role, Buffer::kNormed, Buffer::kExpertUp,
                route);
  if (gated) {
    combine(abi::ElementwiseKind::kSiluMultiply, index, Buffer::kExpertGate, Buffer::kExpertUp);
  } else {
    gelu(index, Buffer::kExpertUp);
  }
  expert_linear(TensorKind::kExpertDown, index, plane.role, inner, Buffer::kExpertOutput, route);

  Primitive primitive = blank_primitive(PrimitiveOp::kCombine);
  primitive.layer = static_cast<u16>(index);
  primitive.n = model_.shape().dim;
  primitive.top_k = static_cast<u16>(model_.shape().top_k);
  primitive.input = activation(Buffer::kExpertOutput);
  primitive.input2 = activation(Buffer::kExpertWeights);
  primitive.output = activation(Buffer::kProjected);
  writer_.add(primitive, Accesses()
                             .read(Buffer::kExpertOutput)
                             .read(Buffer::kExpertWeights)
                             .write(Buffer::kProjected));
  all_reduce(index, Buffer::kProjected);
  combine(abi::ElementwiseKind::kAdd, index, Buffer::kResidual, Buffer::kProjected);
}

void LlamaPasses::expert_linear(TensorKind kind, u32 layer, TensorRole role, Buffer from, Buffer to,
                                u16 route) {
  const TensorEntry* const entry = tensor(kind, layer, role);
  if (entry == nullptr) return;
  const bool per_choice = from != Buffer::kNormed;
  Primitive primitive = blank_primitive(PrimitiveOp::kLinear);
  primitive.kind =
      static_cast<u8>(per_choice ? abi::ExpertInput::kPerChoice : abi::ExpertInput::kShared);
  primitive.layer = static_cast<u16>(layer);
  primitive.groups = model_.shape().experts;
  primitive.top_k = static_cast<u16>(model_.shape().top_k);
  primitive.index_slot = kExpertList;
  primitive.n = entry->rows / model_.shape().experts;
  primitive.k = entry->columns;
  primitive.input = activation(from);
  primitive.output = activation(to);
  bind_weight(primitive, *entry);
  writer_.add(primitive, Accesses().read(from).write(to).behind(route));
}

}  // namespace tandem::firmware
