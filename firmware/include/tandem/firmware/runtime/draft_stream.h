// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/batch.h"
#include "tandem/firmware/machine.h"
#include "tandem/firmware/runtime/draft_control.h"

namespace tandem::firmware {

// The tokens of one sequence that are drafted but not confirmed, where drafting goes on while the
// target verifies: a queue to whose end one DRAFT at a time appends. A round takes a copy of its
// head; settle() hears what became of it. A device may write into the block, so tokens move in it
// in prepare() only.
struct DraftStream {
  u64 block;    // shared memory, DraftBlock
  u32 start;    // index in the block of the first token
  u32 count;    // tokens
  u32 first;    // position of the first one
  u32 asked;    // position behind the tokens that a round has taken
  bool closed;  // nothing is drafted until the target has spoken
  bool busy;    // a DRAFT in flight appends a token, or a pre-verification needs the sequence
  bool stale;   // which will be of no use
  abi::Status failure;   // of a DRAFT, while another command had the sequence
  u32 closing_pattern;   // upon which drafting ended; kNoPattern: it did not, or for another reason
  DraftHistory history;  // with all the tokens
  DraftHistory confirmed;        // with those of them that the target has confirmed
  u16 patterns[abi::kMaxDraft];  // upon which each token was drafted; by index in the block
  u8 grades[abi::kMaxDraft];

  u32 end() const { return first + count; }

  // For a new sequence, or one whose caches are lost. No DRAFT is in flight.
  void clear(u32 total);
  // Before a DRAFT that appends a token, with draft_index = count.
  void prepare(Machine& machine);
  // After it. `cached` becomes what the draft's KV cache then holds. False: the token was dropped.
  bool append(Machine& machine, DraftControl& control, u32& cached);
  // The sequence has `total` tokens now, target[0..total). Confirmed tokens leave the queue; at the
  // first wrong one all that follow are dropped, and `cached` shrinks to what is right. Returns how
  // many were dropped that no round had taken.
  u32 settle(Machine& machine, const u32* target, u32 total, DraftControl& control, u32& cached);
  // Drops all tokens; the sequence has `total`. Returns how many no round had taken.
  u32 drop(u32 total);
  // Copies the first `tokens` ones to another DraftBlock, for a round.
  void take(Machine& machine, u64 to, u32 tokens);
};

}  // namespace tandem::firmware
