// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/activation_layout.h"

namespace tandem::firmware {

namespace {

constexpr u64 kAlignment = 64;

void set_columns(const abi::ModelImage& model, ActivationLayout& layout) {
  const bool latent = model.latent_dim != 0;
  const u32 query = model.heads * model.head_dim;
  const u32 key = latent ? model.latent_dim + model.rope_dim : model.kv_heads * model.head_dim;
  const u32 latents = model.heads * model.latent_dim;
  const u32 columns[kBuffers] = {model.dim,
                                 model.dim,
                                 query,
                                 key,
                                 latent ? 0 : key,
                                 latent ? model.heads * model.v_head_dim : query,
                                 model.dim,
                                 model.hidden_dim,
                                 model.hidden_dim,
                                 model.vocabulary,
                                 model.experts,
                                 model.top_k,
                                 model.top_k * model.expert_dim,
                                 model.top_k * model.expert_dim,
                                 model.experts == 0 ? 0 : model.top_k * model.dim,
                                 latents,
                                 latents};
  for (u32 i = 0; i < kBuffers; ++i) layout.columns[i] = columns[i];
}

// Rows of a command that device and policy allow.
u32 most_rows(const ActivationLimits& limits) {
  return limits.batch_tokens == 0 ? limits.max_rows : smaller(limits.max_rows, limits.batch_tokens);
}

// Places the buffers one after another; true when they fit.
bool place(const ActivationLimits& limits, u32 rows, u32 logits_rows, ActivationLayout& layout) {
  u64 next = 0;
  for (u32 i = 0; i < kBuffers; ++i) {
    const bool logits = i == static_cast<u32>(Buffer::kLogits);
    layout.offset[i] = next;
    next +=
        align_up(u64{logits ? logits_rows : rows} * layout.columns[i] * sizeof(u16), kAlignment);
  }
  layout.rows = rows;
  layout.bytes = next;
  return next <= limits.bytes && rows <= most_rows(limits);
}

}  // namespace

bool plan_activations(const abi::ModelImage& model, const ActivationLimits& limits,
                      ActivationLayout& layout) {
  set_columns(model, layout);
  u32 sequences = limits.max_batch;
  // In a round every row may need logits.
  while (sequences > 0 && !place(limits, sequences * limits.rows_per_sequence,
                                 sequences * limits.rows_per_sequence, layout)) {
    --sequences;
  }
  if (sequences == 0) return false;
  layout.sequences = sequences;

  const u32 round_rows = sequences * limits.rows_per_sequence;
  const u32 chunk = larger(limits.prefill_chunk, limits.rows_per_sequence);
  u32 rows = smaller(most_rows(limits), sequences * chunk);
  while (!place(limits, rows, round_rows, layout)) --rows;
  layout.chunk = smaller(rows, limits.prefill_chunk);
  return true;
}

}  // namespace tandem::firmware
