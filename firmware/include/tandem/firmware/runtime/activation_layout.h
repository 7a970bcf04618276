// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/model_image.h"
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

// Buffers of a pass in the NPU's local activation buffer, FP16, one row per token position.
enum class Buffer : u8 {
  kResidual = 0,
  kNormed,
  kQuery,
  kKey,
  kValue,
  kAttended,
  kProjected,
  kGate,
  kUp,
  kLogits,
  kExpertScores,   // of all experts
  kExpertWeights,  // of the chosen ones; a row has top_k of what follows
  kExpertGate,
  kExpertUp,
  kExpertOutput,
  kLatentQuery,   // all heads' queries in latent space
  kLatentOutput,  // what attention gives there
};
constexpr u32 kBuffers = 17;

struct ActivationLayout {
  u32 rows;       // token positions that a command may process
  u32 sequences;  // sequences of a command
  u32 chunk;      // prompt tokens per sequence and command, at most
  u64 bytes;      // used of the activation buffer
  u64 offset[kBuffers];
  u32 columns[kBuffers];

  u64 offset_of(Buffer buffer) const { return offset[static_cast<u32>(buffer)]; }
  u32 columns_of(Buffer buffer) const { return columns[static_cast<u32>(buffer)]; }
};

struct ActivationLimits {
  u64 bytes;              // of the activation buffer
  u32 max_rows;           // of the device
  u32 max_batch;          // sequences, at most
  u32 rows_per_sequence;  // in a round: the longest draft and the pending token
  u32 prefill_chunk;
  u32 batch_tokens = 0;  // rows of a command, at most; 0: what fits
};

// Takes as many sequences per command as fit with a round's rows, then as many rows as fit, up to a
// prefill chunk for each of them. False when not even one sequence fits.
bool plan_activations(const abi::ModelImage& model, const ActivationLimits& limits,
                      ActivationLayout& layout);

}  // namespace tandem::firmware
