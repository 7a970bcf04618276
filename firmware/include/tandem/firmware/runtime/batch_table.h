// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/batch.h"
#include "tandem/firmware/runtime/activation_layout.h"
#include "tandem/firmware/runtime/llama_passes.h"
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

// The memory that commands name besides their programs: batch table, parameter block, results.
class BatchTable {
 public:
  struct Sampler {
    u32 sampling;
    u32 temperature;
    u64 seed;
  };

  // Activations go to [first, first + bytes) of the local buffer. False when shared memory does not
  // suffice.
  bool start(Machine& machine, const abi::ModelImage& model, const ActivationLayout& layout,
             u64 first, u64 bytes, RangeAllocator& control);

  void clear() { count_ = 0; }
  u32 count() const { return count_; }
  // Adds a row: tokens [first, first + pending) of the sequence's history, for KV set `kv_set`.
  void add(Machine& machine, const PagedKvCache& kv, const Sequence& sequence, u32 kv_set,
           u32 pending);
  // Adds a row whose one pending token is a drafted one: all before it are in the KV cache of
  // `kv_set`, though not committed.
  struct DraftedToken {
    u64 block;     // DraftBlock
    u32 index;     // in the block
    u32 position;  // in the sequence
  };
  void add_drafted(Machine& machine, const PagedKvCache& kv, const Sequence& sequence, u32 kv_set,
                   const DraftedToken& token);
  // The last row added gets no token.
  void keep_silent(Machine& machine);
  // The last row added takes part in drafting or verifying.
  void attach_draft(Machine& machine, u64 draft_block);

  void set_sampler(Machine& machine, const Sampler& sampler);
  void set_draft(Machine& machine, u32 max_draft, u32 draft_index, u32 stop_below);

  // A command over all rows; opcode, flags, phase and program are left to the caller.
  abi::Command command() const;
  // Puts the check of both tables, as they are now, into the parameter block.
  void protect(Machine& machine) const;
  const abi::VerifyResult& result(const Machine& machine, u32 row) const;

 private:
  abi::BatchEntry& entry(Machine& machine, u32 row) const;
  abi::BatchEntry& append(Machine& machine, const PagedKvCache& kv, const Sequence& sequence);

  u64 entries_;
  u64 results_;
  u64 parameters_;
  u32 count_;
};

// Empties the draft block of a sequence for a new round.
void clear_draft(Machine& machine, const Sequence& sequence, u32 capacity, u32 vocabulary);

}  // namespace tandem::firmware
