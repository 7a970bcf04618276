// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/firmware/runtime/model.h"
#include "tandem/firmware/runtime/policy.h"
#include "tandem/firmware/runtime/program_writer.h"

namespace tandem::firmware {

// Slots of the parameter block, the same in every command.
constexpr u8 kActivationSlot = 0;
constexpr u8 kWeightSlot = 1;
constexpr u32 kSlots = 2;

// The passes over the model that decoding is made of.
enum class Pass : u32 {
  kExtend = 0,       // takes tokens into the target's KV cache, no logits
  kNext = 1,         // and chooses the token after the last one of each sequence
  kVerify = 2,       // logits of all rows, acceptance
  kDraftExtend = 3,  // takes tokens into the draft's own KV cache
  kDraft = 4,        // one drafted token per sequence
  kPreVerify = 5,    // as kVerify, on the engines of the draft
};
constexpr u32 kPasses = 6;

// A pass is a run of programs: with granularity `layer` the layers, then what follows them.
struct PassPrograms {
  u64 body;        // shared memory, ProgramRef[body_count]
  u32 body_count;  // 0 with granularity `step`
  u32 reserved;
  ProgramRef tail;
};

// Builds the programs of a decoder-only model: Llama and its like, or GPT and its like with layer
// norms, biases, learned positions and plain feed-forward parts; each with experts, with latent
// attention. Which it is follows from the model's header and tensors.
class LlamaPasses {
 public:
  LlamaPasses(const Model& model, const ActivationLayout& layout, const Placement& placement,
              const DraftPolicy& draft, const Machine& machine, RangeAllocator& control);

  // Fills passes[kPasses]; draft passes only if the policy drafts. `contexts` is how many programs
  // the device keeps resident. Returns kOk, kNoSpace (shared memory), kBadProgram (a program longer
  // than `max_primitives`), kBadParameter (a tensor is missing) or kUnsupported.
  abi::Status build(abi::Granularity granularity, u32 contexts, u32 max_primitives,
                    PassPrograms* passes);

 private:
  struct Plane {
    abi::TensorRole role;
    abi::TensorRole classifier_role;
    u8 kv_set;
  };

  u32 primitives_per_layer() const;
  u32 primitives_after() const;
  bool npu_attends() const;
  bool is_shared() const { return model_.shape().devices > 1; }
  void build_steps(PassPrograms* passes);
  void build_layers(PassPrograms* passes);
  void assign_contexts(u32 contexts, PassPrograms* passes) const;
  abi::Status check(u32 max_primitives, const PassPrograms* passes) const;

  void extend(const Plane& plane, u32 first_layer);
  void body(const Plane& plane);
  void finish(const Plane& plane, Pass pass);
  u64 body_programs(const Plane& plane);

  void embed();
  void gather();
  void add_positions();
  void layer(u32 index, const Plane& plane);
  u16 keys_and_values(u32 index, const Plane& plane);
  void query_and_attention(u32 index, const Plane& plane, u16 append);
  void project(u32 index, const Plane& plane);
  // latent_layer.cpp
  u16 latent_keys(u32 index, const Plane& plane);
  void latent_attention(u32 index, const Plane& plane, u16 append);
  void latent_norm(u32 index);
  void each_head(abi::TensorKind kind, u32 index, abi::TensorRole role, Buffer from, Buffer to);
  abi::Primitive on_latents(abi::PrimitiveOp op, u32 index, const Plane& plane) const;
  void feed_forward(u32 index, const Plane& plane);
  void common_feed_forward(u32 index, const Plane& plane);
  u16 route(u32 index);
  void experts(u32 index, const Plane& plane, u16 route);
  void expert_linear(abi::TensorKind kind, u32 layer, abi::TensorRole role, Buffer from, Buffer to,
                     u16 route);

  void norm(abi::TensorKind gain, abi::TensorKind bias, u32 layer, abi::RowMode rows);
  u16 linear(abi::TensorKind kind, u32 layer, abi::TensorRole role, Buffer from, Buffer to,
             abi::RowMode rows);
  void rotate(Buffer buffer, u32 layer, u32 heads);
  void rotate_from(Buffer buffer, u32 column, u32 layer, u32 heads, u32 head_dim);
  void combine(abi::ElementwiseKind kind, u32 layer, Buffer into, Buffer other);
  void gelu(u32 layer, Buffer buffer);
  // collectives.cpp: nothing where one device has the whole model.
  void all_reduce(u32 layer, Buffer buffer);
  void all_gather(Buffer buffer, abi::RowMode rows);
  void exchange(abi::CollectiveOp op, u32 layer, Buffer buffer, abi::RowMode rows);
  void commit(const Plane& plane, u16 after);

  const abi::TensorEntry* tensor(abi::TensorKind kind, u32 layer, abi::TensorRole role);
  void bind_weight(abi::Primitive& primitive, const abi::TensorEntry& entry) const;
  const abi::TensorEntry* bias_of(abi::TensorKind kind, u32 layer) const;
  abi::Operand activation(Buffer buffer, u32 column = 0) const;
  abi::Operand weights(u64 address, abi::Format format) const;

  const Model& model_;
  const ActivationLayout& layout_;
  const Placement& placement_;
  const Machine& machine_;
  RangeAllocator& control_;
  ProgramWriter writer_;
  Plane target_;
  Plane draft_;
  bool drafts_;
  bool pre_verifies_;
  Engines engines_ = Engines::kTarget;  // of the pass that is being built
  bool missing_ = false;
};

}  // namespace tandem::firmware
