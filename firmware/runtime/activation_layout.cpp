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

// The most of 0 .. `limit` that fits: what is more than something that does not fit does not
// either.
template <typename Fits>
u32 most_that_fits(u32 limit, Fits fits) {
  u32 most = 0;
  for (u32 beyond = limit + 1; beyond - most > 1;) {
    const u32 middle = most + (beyond - most) / 2;
    (fits(middle) ? most : beyond) = middle;
  }
  return most;
}

}  // namespace

bool plan_activations(const abi::ModelImage& model, const ActivationLimits& limits,
                      ActivationLayout& layout) {
  set_columns(model, layout);
  // In a round every row may need logits.
  const u32 sequences = most_that_fits(limits.max_batch, [&](u32 count) {
    const u32 rows = count * limits.rows_per_sequence;
    return place(limits, rows, rows, layout);
  });
  if (sequences == 0) return false;
  layout.sequences = sequences;

  const u32 round_rows = sequences * limits.rows_per_sequence;
  const u32 chunk = larger(limits.prefill_chunk, limits.rows_per_sequence);
  const u32 rows = most_that_fits(smaller(most_rows(limits), sequences * chunk), [&](u32 count) {
    return place(limits, count, round_rows, layout);
  });
  place(limits, rows, round_rows, layout);
  layout.chunk = smaller(rows, limits.prefill_chunk);
  return true;
}

}  // namespace tandem::firmware
