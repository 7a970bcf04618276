// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

using abi::Status;

bool Scheduler::start(const abi::ModelImage& model, const abi::PolicyBlock& policy,
                      const Setup& setup, RangeAllocator& control, RangeAllocator& memory) {
  setup_ = setup;
  max_positions_ = model.max_positions;
  vocabulary_ = model.vocabulary;
  next_ = 0;
  for (u32 i = 0; i < setup.sequences && setup.distributions_bytes > 0; ++i) {
    sequences_[i].distributions = memory.take(setup.distributions_bytes);
  }

  KvShape shape;
  shape.layers = model.layers;
  shape.kv_heads = model.kv_heads;
  shape.head_dim = model.head_dim;
  shape.max_tokens = model.max_positions + abi::kMaxDraft;
  shape.tables = setup.sequences * setup.kv_sets;
  if (memory.failed()) return false;
  plan_kv(policy, setup.pim, setup.sequences, memory.next(), memory.remaining(), shape);
  if (!kv_.start(shape, control, memory)) return false;

  for (u32 i = 0; i < setup.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    sequence.history = control.take(u64{shape.max_tokens} * sizeof(u32));
    sequence.draft_block = control.take(sizeof(abi::DraftBlock));
    for (u32 set = 0; set < setup.kv_sets; ++set) {
      sequence.kv[set].page_table = control.take(u64{kv_.pages_per_table()} * sizeof(u64));
    }
  }
  return !control.failed();
}

bool Scheduler::empty() const {
  for (u32 i = 0; i < setup_.sequences; ++i) {
    if (sequences_[i].live()) return false;
  }
  return true;
}

bool Scheduler::has_room() const {
  for (u32 i = 0; i < setup_.sequences; ++i) {
    if (!sequences_[i].live()) return true;
  }
  return false;
}

Sequence* Scheduler::free_slot() {
  for (u32 i = 0; i < setup_.sequences; ++i) {
    if (!sequences_[i].live()) return &sequences_[i];
  }
  return nullptr;
}

void Scheduler::release(Machine& machine, Sequence& sequence) {
  for (KvTable& table : sequence.kv) kv_.release(machine, table);
  sequence.state = SequenceState::kFree;
}

u32 Scheduler::extension(const Sequence& sequence, u32 kv_set) const {
  // The draft's cache stops one token short, so that the draft pass has a pending one.
  const u32 end = kv_set == 0 ? sequence.total : sequence.total - 1;
  return smaller(setup_.chunk, end - sequence.committed[kv_set]);
}

Work Scheduler::next_work(const Sequence& sequence, const DraftPolicy& policy) const {
  if (!sequence.prompt_done()) {
    return sequence.pending(0) > setup_.chunk ? Work::kExtend : Work::kPrefill;
  }
  // One pending token is normal, two after a round in which every drafted token was accepted.
  const bool behind = policy.keeps_own_kv() && sequence.pending(policy.kv_set()) > 2;
  return behind && policy.draft_tokens(sequence.remaining) > 0 ? Work::kDraftExtend : Work::kRound;
}

bool Scheduler::most_urgent(const DraftPolicy& policy, u32& first, Work& work) {
  bool found = false;
  for (u32 i = 0; i < setup_.sequences; ++i) {
    const u32 index = (next_ + i) % setup_.sequences;
    if (!sequences_[index].active()) continue;
    const Work candidate = next_work(sequences_[index], policy);
    if (found && candidate >= work) continue;
    found = true;
    first = index;
    work = candidate;
  }
  return found;
}

// A command has one parameter block, hence one way of sampling.
void Scheduler::add_members(const DraftPolicy& policy, u32 first, Group& group) {
  const Sequence& leader = sequences_[first];
  for (u32 i = 0; i < setup_.sequences && group.count < setup_.group; ++i) {
    const u32 index = (first + i) % setup_.sequences;
    const Sequence& sequence = sequences_[index];
    if (!sequence.active() || next_work(sequence, policy) != group.work) continue;
    if (sequence.sampling != leader.sampling || sequence.temperature != leader.temperature) {
      continue;
    }
    group.members[group.count++] = index;
    next_ = (index + 1) % setup_.sequences;
    if (group.work == Work::kRound) {
      group.longest_draft = larger(group.longest_draft, policy.draft_tokens(sequence.remaining));
    }
  }
}

u32 Scheduler::tokens_needed(const Sequence& sequence, const Group& group, u32 kv_set) const {
  if (group.work == Work::kRound) return sequence.total + group.longest_draft;
  const u32 extended_set = group.work == Work::kDraftExtend ? 1 : 0;
  if (kv_set != extended_set) return sequence.committed[kv_set];
  return sequence.committed[kv_set] + extension(sequence, kv_set);
}

void Scheduler::reserve_pages(Machine& machine, const DraftPolicy& policy, Group& group) {
  const u32 candidates = group.count;
  group.count = 0;
  for (u32 i = 0; i < candidates; ++i) {
    Sequence& sequence = sequences_[group.members[i]];
    bool enough = true;
    for (u32 set = 0; set <= policy.kv_set(); ++set) {
      enough =
          enough && kv_.reserve(machine, sequence.kv[set], tokens_needed(sequence, group, set));
    }
    if (enough) {
      group.members[group.count++] = group.members[i];
    } else {
      sequence.fail(Status::kNoSpace);
    }
  }
}

bool Scheduler::choose(Machine& machine, const DraftPolicy& policy, Group& group) {
  u32 first = 0;
  group.work = Work::kRound;
  while (most_urgent(policy, first, group.work)) {
    group.count = 0;
    group.longest_draft = 0;
    add_members(policy, first, group);
    reserve_pages(machine, policy, group);
    if (group.count > 0) return true;
  }
  return false;
}

}  // namespace tandem::firmware
