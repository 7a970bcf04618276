// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/model_image.h"
#include "tandem/firmware/driver/mailbox.h"
#include "tandem/firmware/runtime/policy.h"
#include "tandem/firmware/runtime/sequence.h"

namespace tandem::firmware {

constexpr u32 kMaxSequences = 64;

// What a group of sequences needs next; the most urgent first.
enum class Work : u32 {
  kExtend = 0,       // a chunk of the prompt that is not its last
  kPrefill = 1,      // the last chunk of the prompt, which gives the first token
  kDraftExtend = 2,  // the draft's own KV cache is behind
  kRound = 3,        // draft and verify, or a plain step
};

// Sequences that are worked on together.
struct Group {
  Work work;
  u32 count;
  u32 members[kMaxSequences];  // indices of sequences
  u32 longest_draft;           // kRound: most tokens that any member drafts; 0: a plain step
};

// Keeps the sequences in work: takes requests as they arrive (continuous batching), and picks who
// goes next.
class Scheduler {
 public:
  struct Setup {
    u32 sequences = 1;            // live at once, at most kMaxSequences
    u32 group = 1;                // per command
    u32 chunk = 1;                // prompt tokens per sequence and command
    u32 kv_sets = 1;              // 2: the draft keeps its own
    u64 distributions_bytes = 0;  // per sequence
    PimFacts pim{};
  };

  // Takes what the sequences need of the two memories and gives the rest of `memory` to the KV
  // cache. False when there is not enough.
  bool start(const abi::ModelImage& model, const abi::PolicyBlock& policy, const Setup& setup,
             RangeAllocator& control, RangeAllocator& memory);

  // Takes requests while there is room. A bad one is there, too, as a sequence that ends at once.
  void admit(Machine& machine, Mailbox& mailbox);
  // The next group; false when nothing is to be computed. Sequences whose KV cache cannot grow are
  // failed with kNoSpace on the way.
  bool choose(Machine& machine, const DraftPolicy& policy, Group& group);
  void release(Machine& machine, Sequence& sequence);

  u32 count() const { return setup_.sequences; }
  Sequence& at(u32 index) { return sequences_[index]; }
  bool empty() const;
  bool has_room() const;
  // Tokens that an extension takes in.
  u32 extension(const Sequence& sequence, u32 kv_set) const;
  const PagedKvCache& kv() const { return kv_; }

 private:
  Sequence* free_slot();
  abi::Status open(Machine& machine, Sequence& sequence, const abi::Request& request);
  Work next_work(const Sequence& sequence, const DraftPolicy& policy) const;
  bool most_urgent(const DraftPolicy& policy, u32& first, Work& work);
  void add_members(const DraftPolicy& policy, u32 first, Group& group);
  void reserve_pages(Machine& machine, const DraftPolicy& policy, Group& group);
  u32 tokens_needed(const Sequence& sequence, const Group& group, u32 kv_set) const;

  Setup setup_;
  PagedKvCache kv_;
  u32 max_positions_;
  u32 vocabulary_;
  u32 next_;  // where the search for work starts, so that all get their turn
  Sequence sequences_[kMaxSequences];
};

}  // namespace tandem::firmware
