// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/model_image.h"
#include "tandem/firmware/driver/mailbox.h"
#include "tandem/firmware/runtime/policy.h"
#include "tandem/firmware/runtime/sequence.h"

namespace tandem::firmware {

constexpr u32 kMaxSequences = 512;
// Groups that are worked on side by side, each in commands of its own.
constexpr u32 kMaxLanes = 2;

// What a sequence needs next.
enum class Work : u32 {
  kPrompt = 0,       // a chunk of the prompt, or of what a preempted sequence had computed
  kDraftExtend = 1,  // the draft's own KV cache is behind
  kRound = 2,        // draft and verify, or a plain step
};

// Sequences that are worked on together. Plain steps and prompt chunks may share a group.
struct Group {
  Work work;  // of the first member
  u32 count;
  u32 members[kMaxSequences];  // indices of sequences
  u32 rows;                    // token positions; with drafts those of the pending tokens
  u32 decoding;                // members whose work is kRound
  u32 longest_draft;           // most tokens that any member drafts; 0: plain steps
};

// Keeps the sequences in work: takes requests as they arrive (continuous batching), gives them KV
// pages, and picks who goes next.
class Scheduler {
 public:
  struct Setup {
    u32 sequences = 1;            // live at once, at most kMaxSequences
    u32 group = 1;                // sequences per command
    u32 rows = 1;                 // token positions per command
    u32 chunk = 1;                // prompt tokens per sequence and command
    u32 kv_sets = 1;              // 2: the draft keeps its own
    u32 lanes = 1;                // at most kMaxLanes
    u32 lanes_from = 0;           // with fewer sequences in work all are in lane 0
    u64 distributions_bytes = 0;  // per sequence
    PimFacts pim{};
  };
  struct Steps {
    u64 count;      // decoding steps
    u64 sequences;  // in all of them
    u32 largest;    // most in one
  };
  // Drafting ahead.
  struct Drafting {
    u64 dropped;            // tokens that no round has taken
    u32 pre_verifications;  // of the head of a round
    u32 decided_early;      // rounds
  };

  // Takes what the sequences need of the two memories and gives the rest of `memory` to the KV
  // cache. False when there is not enough.
  bool start(const abi::ModelImage& model, const abi::PolicyBlock& policy, const Setup& setup,
             RangeAllocator& control, RangeAllocator& memory);

  // Takes requests while there is room, and gives pages to those that wait, the oldest first. A bad
  // request is there, too, as a sequence that ends at once.
  void admit(Machine& machine, Mailbox& mailbox);
  // The next group of a lane; false when it has nothing to compute. No other lane gets its members
  // before release(). When the KV cache cannot grow, the youngest sequences give their pages up and
  // wait; while the youngest is in another command, the others wait for it; one that is alone
  // fails with kNoSpace.
  bool choose(Machine& machine, const DraftPolicy& policy, u32 lane, Group& group);
  void release(const Group& group);
  // Drafting ahead (drafting.cpp). The next group of streams that a DRAFT appends a token to; false
  // when none wants one.
  bool choose_drafts(Machine& machine, const DraftPolicy& policy, Group& group);
  // That DRAFT has succeeded.
  void drafted(Machine& machine, Sequence& sequence, const DraftPolicy& policy);
  // No command has the stream any more, and nothing came of the last one: by its own fault, or with
  // kOk not.
  void free_stream(Machine& machine, Sequence& sequence, const DraftPolicy& policy,
                   abi::Status status);
  // The target has given tokens to the sequence.
  void settle_drafts(Machine& machine, Sequence& sequence, const DraftPolicy& policy);
  // Drafted tokens that a round of the sequence takes.
  u32 round_drafts(const Sequence& sequence, const DraftPolicy& policy) const;
  // Of a sequence that no command has; what was drafted ahead for it is dropped.
  void release_pages(Machine& machine, Sequence& sequence);

  u32 count() const { return setup_.sequences; }
  Sequence& at(u32 index) { return sequences_[index]; }
  bool empty() const;
  const PagedKvCache& kv() const { return kv_; }
  const Steps& steps() const { return steps_; }
  Drafting& drafting() { return drafting_; }
  const Drafting& drafting() const { return drafting_; }

 private:
  Sequence* free_slot();
  abi::Status open(Machine& machine, Sequence& sequence, const abi::Request& request);
  abi::Status judge_length(Sequence& sequence, const abi::Request& request) const;
  abi::Status copy_prompt(Machine& machine, Sequence& sequence, const abi::Request& request);

  // KV pages: admission.cpp.
  void activate(Machine& machine);
  void activate_one(Machine& machine, Sequence& sequence);
  u64 find_room();
  Sequence* longest_waiting(u64 last_serial);
  void place(Sequence& sequence);
  bool reserve(Machine& machine, Sequence& sequence, u32 tokens);
  bool make_room(Machine& machine, Sequence& sequence);
  void preempt(Machine& machine, Sequence& sequence);
  bool holds_all_used(const Sequence& sequence) const;
  Sequence* oldest_waiting(u64 after_serial);
  Sequence* youngest_active();
  Work next_work(const Sequence& sequence, const DraftPolicy& policy) const;
  u32 longest_draft(const DraftPolicy& policy, const Group& group) const;
  // Tokens that the caches still lack before a round can be run.
  u32 backlog(const Sequence& sequence, Work work) const;
  void select(const DraftPolicy& policy, u32 lane, Group& group);
  bool any_round(const DraftPolicy& policy, u32 lane) const;
  Sequence* next_prompt(const DraftPolicy& policy, u32 lane, bool any, u64 serial, Work work);
  void add_prompts(const DraftPolicy& policy, u32 lane, Group& group);
  void add_rounds(const DraftPolicy& policy, u32 lane, Group& group);
  bool may_join(const Sequence& sequence, const Group& group) const;
  void add(Sequence& sequence, Work work, Group& group);
  bool reserve_pages(Machine& machine, const DraftPolicy& policy, Group& group);

  bool streams(const Sequence& sequence, const DraftPolicy& policy) const;
  bool wants_draft(const Sequence& sequence, const DraftPolicy& policy) const;
  bool round_ready(const Sequence& sequence, const DraftPolicy& policy) const;

  // Lanes: lanes.cpp.
  struct LaneLoad {
    u32 all[kMaxLanes];                         // sequences
    u32 by_channel[kMaxLanes][kMaxKvChannels];  // of these, with pages of the channel
  };
  void share_out();
  void count_lanes(LaneLoad& load) const;
  u32 better_lane(const LaneLoad& load, const Sequence& sequence) const;

  Setup setup_;
  KvShape shape_;
  PagedKvCache kv_;
  abi::ChannelPacking packing_;
  u32 next_channel_;  // kRoundRobin
  u32 max_positions_;
  u32 vocabulary_;
  u64 taken_;  // requests so far
  // Per lane: where the search for rounds starts, so that all get their turn; whether prompts come
  // before rounds in the next group.
  u32 next_[kMaxLanes];
  bool prompts_turn_[kMaxLanes];
  Steps steps_;
  DraftControl control_;
  Drafting drafting_;
  Sequence sequences_[kMaxSequences];
};

}  // namespace tandem::firmware
