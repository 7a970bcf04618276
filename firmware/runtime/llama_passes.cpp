// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/llama_passes.h"

namespace tandem::firmware {

using abi::RowMode;
using abi::Status;
using abi::TensorKind;
using abi::TensorRole;

namespace {

constexpr u32 kDensePrimitives = 16;  // of a layer
constexpr u32 kExpertPrimitives = 8;  // more of a layer with experts
constexpr u32 kLatentPrimitives = 2;  // more of a layer with latent attention
constexpr u32 kLayerExchanges = 3;    // more of a layer that devices share
constexpr u32 kPrimitivesBefore = 2;  // gather, learned positions
constexpr u32 kPrimitivesAfter = 4;   // final norm, classifier, choice, commit

}  // namespace

LlamaPasses::LlamaPasses(const Model& model, const ActivationLayout& layout,
                         const Placement& placement, const DraftPolicy& draft,
                         const Machine& machine, RangeAllocator& control)
    : model_(model),
      layout_(layout),
      placement_(placement),
      machine_(machine),
      control_(control),
      writer_(machine, control),
      target_{TensorRole::kFull, TensorRole::kFull, 0},
      draft_{TensorRole::kDraft, draft.classifier_role(), draft.kv_set()},
      drafts_(draft.longest_draft() > 0),
      pre_verifies_(draft.pre_verifies()) {}

u32 LlamaPasses::primitives_per_layer() const {
  return kDensePrimitives + (model_.shape().experts != 0 ? kExpertPrimitives : 0) +
         (model_.is_latent() ? kLatentPrimitives : 0) + (is_shared() ? kLayerExchanges : 0);
}

u32 LlamaPasses::primitives_after() const {
  return kPrimitivesAfter + (is_shared() ? 1u : 0u);
}

Status LlamaPasses::build(abi::Granularity granularity, u32 contexts, u32 max_primitives,
                          PassPrograms* passes) {
  if (granularity == abi::Granularity::kLayer) {
    build_layers(passes);
  } else {
    build_steps(passes);
  }
  assign_contexts(contexts, passes);
  return check(max_primitives, passes);
}

void LlamaPasses::build_steps(PassPrograms* passes) {
  const u32 length =
      model_.shape().layers * primitives_per_layer() + kPrimitivesBefore + primitives_after();
  for (u32 i = 0; i < kPasses; ++i) {
    const Pass pass = static_cast<Pass>(i);
    const bool drafting = pass == Pass::kDraft || pass == Pass::kDraftExtend;
    if ((drafting && !drafts_) || (pass == Pass::kPreVerify && !pre_verifies_)) continue;
    const Plane& plane = drafting ? draft_ : target_;
    engines_ = drafting || pass == Pass::kPreVerify ? Engines::kDraft : Engines::kTarget;
    writer_.begin(length);
    embed();
    if (pass == Pass::kExtend || pass == Pass::kDraftExtend) {
      extend(plane, 0);
    } else {
      body(plane);
      finish(plane, pass);
    }
    passes[i].tail = writer_.end();
  }
}

void LlamaPasses::build_layers(PassPrograms* passes) {
  const u32 last = model_.shape().layers - 1;
  const u64 bodies[2] = {body_programs(target_), drafts_ ? body_programs(draft_) : 0};
  for (u32 i = 0; i < kPasses; ++i) {
    const Pass pass = static_cast<Pass>(i);
    const bool drafting = pass == Pass::kDraft || pass == Pass::kDraftExtend;
    if ((drafting && !drafts_) || pass == Pass::kPreVerify) continue;
    const Plane& plane = drafting ? draft_ : target_;
    engines_ = drafting ? Engines::kDraft : Engines::kTarget;
    const bool headless = pass == Pass::kExtend || pass == Pass::kDraftExtend;
    passes[i].body = bodies[drafting];
    passes[i].body_count = headless ? last : last + 1;
    writer_.begin(kPrimitivesBefore + primitives_per_layer() + primitives_after());
    if (headless) {
      if (last == 0) embed();
      extend(plane, last);
    } else {
      finish(plane, pass);
    }
    passes[i].tail = writer_.end();
  }
}

// One program per layer; the first one gathers the embeddings as well.
u64 LlamaPasses::body_programs(const Plane& plane) {
  const u32 layers = model_.shape().layers;
  const u64 address = control_.take(u64{layers} * sizeof(ProgramRef));
  if (address == 0) return 0;
  engines_ = &plane == &draft_ ? Engines::kDraft : Engines::kTarget;
  ProgramRef* const programs = machine_.shared<ProgramRef>(address);
  for (u32 i = 0; i < layers; ++i) {
    writer_.begin(kPrimitivesBefore + primitives_per_layer());
    if (i == 0) embed();
    layer(i, plane);
    programs[i] = writer_.end();
  }
  return address;
}

// With granularity `step` each pass has a context of its own as far as there are enough; the layers
// of a body take turns.
void LlamaPasses::assign_contexts(u32 contexts, PassPrograms* passes) const {
  for (u32 i = 0; i < kPasses; ++i) {
    passes[i].tail.context = (i + passes[i].body_count) % contexts;
    if (passes[i].body == 0) continue;
    ProgramRef* const body = machine_.shared<ProgramRef>(passes[i].body);
    for (u32 j = 0; j < passes[i].body_count; ++j) body[j].context = j % contexts;
  }
}

bool LlamaPasses::npu_attends() const {
  return (placement_.attention(Engines::kTarget) & abi::kEngineNpu) != 0 &&
         (placement_.attention(Engines::kDraft) & abi::kEngineNpu) != 0;
}

Status LlamaPasses::check(u32 max_primitives, const PassPrograms* passes) const {
  if (missing_) return Status::kBadParameter;
  if (model_.is_latent() && !npu_attends()) return Status::kUnsupported;
  if (control_.failed()) return Status::kNoSpace;
  if (writer_.failed()) return Status::kBadProgram;
  for (u32 i = 0; i < kPasses; ++i) {
    if (passes[i].tail.primitives > max_primitives) return Status::kBadProgram;
    if (passes[i].body_count > 0 && kPrimitivesBefore + primitives_per_layer() > max_primitives) {
      return Status::kBadProgram;
    }
  }
  return Status::kOk;
}

void LlamaPasses::body(const Plane& plane) {
  for (u32 i = 0; i < model_.shape().layers; ++i) layer(i, plane);
}

// Nothing reads the last layer's output when no logits are wanted: its keys and values are enough.
void LlamaPasses::extend(const Plane& plane, u32 first_layer) {
  const u32 last = model_.shape().layers - 1;
  for (u32 i = first_layer; i < last; ++i) layer(i, plane);
  // The other layers' KV_APPENDs come before this one through the residual stream.
  commit(plane, keys_and_values(last, plane));
}

void LlamaPasses::finish(const Plane& plane, Pass pass) {
  const bool all_rows = pass == Pass::kVerify || pass == Pass::kPreVerify;
  const RowMode rows = all_rows ? RowMode::kAll : RowMode::kEntries;
  writer_.set_stage(abi::Stage::kOther);
  norm(TensorKind::kFinalNorm, TensorKind::kFinalNormBias, 0,
       all_rows ? RowMode::kAll : RowMode::kLast);
  writer_.set_stage(abi::Stage::kClassifier);
  linear(TensorKind::kClassifier, 0, plane.classifier_role, Buffer::kNormed, Buffer::kLogits, rows);
  all_gather(Buffer::kLogits, rows);

  writer_.set_stage(abi::Stage::kOther);
  const bool drafting = pass == Pass::kDraft;
  abi::Primitive choice =
      blank_primitive(drafting ? abi::PrimitiveOp::kSample : abi::PrimitiveOp::kAccept);
  choice.row_mode = static_cast<u8>(rows);
  choice.n = model_.shape().vocabulary;
  choice.input = activation(Buffer::kLogits);
  const u16 index = writer_.add(choice, ProgramWriter::Accesses().read(Buffer::kLogits));
  // ACCEPT comes after all KV_APPENDs through the logits.
  if (!drafting) commit(plane, index);
}

void LlamaPasses::commit(const Plane& plane, u16 after) {
  writer_.set_stage(abi::Stage::kOther);
  abi::Primitive primitive = blank_primitive(abi::PrimitiveOp::kKvCommit);
  primitive.kv_set = plane.kv_set;
  writer_.add(primitive, ProgramWriter::Accesses().behind(after));
}

}  // namespace tandem::firmware
