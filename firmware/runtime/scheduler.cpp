// SPDX-License-Identifier: Apache-2.0
// Who goes next. Rounds and prompts take turns in leading a group; where decoding is plain, the
// other kind fills what the leading one leaves of the command. So neither waits for the other.
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

using abi::Status;

bool Scheduler::start(const abi::ModelImage& model, const abi::PolicyBlock& policy,
                      const Setup& setup, RangeAllocator& control, RangeAllocator& memory) {
  setup_ = setup;
  max_positions_ = model.max_positions;
  vocabulary_ = model.vocabulary;
  taken_ = 0;
  for (u32 lane = 0; lane < kMaxLanes; ++lane) {
    next_[lane] = 0;
    prompts_turn_[lane] = true;
  }
  steps_ = {};
  control_.start(policy.draft_control == static_cast<u32>(abi::DraftControl::kHistory));
  drafting_ = {};
  for (u32 i = 0; i < setup.sequences && setup.distributions_bytes > 0; ++i) {
    sequences_[i].distributions = memory.take(setup.distributions_bytes);
  }

  packing_ = static_cast<abi::ChannelPacking>(policy.channel_packing);
  next_channel_ = 0;
  shape_ = {};
  KvShape& shape = shape_;
  shape.layers = model.layers;
  shape.keys_only = model.latent_dim != 0;
  shape.kv_heads = model.kv_heads;
  shape.head_dim = shape.keys_only ? model.latent_dim + model.rope_dim : model.head_dim;
  shape.max_tokens = model.max_positions + abi::kMaxDraft;
  shape.tables = setup.sequences * setup.kv_sets;
  if (memory.failed()) return false;
  plan_kv(policy, setup.pim, setup.sequences, memory.next(), memory.remaining(), shape);
  if (!kv_.start(shape, control, memory)) return false;

  for (u32 i = 0; i < setup.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    sequence.history = control.take(u64{shape.max_tokens} * sizeof(u32));
    sequence.draft_block = control.take(sizeof(abi::DraftBlock));
    sequence.ahead.block = policy.draft_ahead > 0 ? control.take(sizeof(abi::DraftBlock)) : 0;
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

Work Scheduler::next_work(const Sequence& sequence, const DraftPolicy& policy) const {
  if (!sequence.prompt_done() || sequence.pending(0) > 1) return Work::kPrompt;
  // One pending token is normal, two after a round in which every drafted token was accepted.
  const bool behind = policy.keeps_own_kv() && sequence.pending(policy.kv_set()) > 2;
  return behind && policy.draft_tokens(sequence.remaining) > 0 ? Work::kDraftExtend : Work::kRound;
}

u32 Scheduler::backlog(const Sequence& sequence, Work work) const {
  // A prompt's last chunk gives the first token. What a preempted sequence computes anew gives
  // none, and stops one token short, as the draft's cache does, so that a round has a pending one.
  if (work == Work::kPrompt && !sequence.prompt_done()) return sequence.pending(0);
  return sequence.pending(work == Work::kDraftExtend ? 1 : 0) - 1;
}

bool Scheduler::any_round(const DraftPolicy& policy, u32 lane) const {
  for (u32 i = 0; i < setup_.sequences; ++i) {
    const Sequence& sequence = sequences_[i];
    if (sequence.ready_in(lane) && round_ready(sequence, policy)) return true;
  }
  return false;
}

// The lane's oldest sequence, younger than `serial` unless `any`, that is to take prompt tokens in.
// Not `any`: with this work.
Sequence* Scheduler::next_prompt(const DraftPolicy& policy, u32 lane, bool any, u64 serial,
                                 Work work) {
  Sequence* found = nullptr;
  for (u32 i = 0; i < setup_.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.ready_in(lane) || (found != nullptr && sequence.serial > found->serial)) continue;
    const Work its_work = next_work(sequence, policy);
    if (its_work == Work::kRound) continue;
    if (any || (sequence.serial > serial && its_work == work)) found = &sequence;
  }
  return found;
}

// A command has one parameter block, hence one way of sampling.
bool Scheduler::may_join(const Sequence& sequence, const Group& group) const {
  if (group.count == 0) return true;
  const Sequence& leader = sequences_[group.members[0]];
  return sequence.sampling == leader.sampling && sequence.temperature == leader.temperature;
}

void Scheduler::add(Sequence& sequence, Work work, Group& group) {
  if (group.count == 0) group.work = work;
  group.members[group.count++] = static_cast<u32>(&sequence - sequences_);
  const u32 wanted = work == Work::kRound ? sequence.pending(0) : backlog(sequence, work);
  sequence.taking = smaller(wanted, setup_.rows - group.rows);
  if (work != Work::kRound) sequence.taking = smaller(sequence.taking, setup_.chunk);
  sequence.emits = work == Work::kRound ||
                   (work == Work::kPrompt && !sequence.prompt_done() && sequence.taking == wanted);
  group.rows += sequence.taking;
}

void Scheduler::add_prompts(const DraftPolicy& policy, u32 lane, Group& group) {
  const Sequence* const oldest = next_prompt(policy, lane, true, 0, Work::kPrompt);
  if (oldest == nullptr) return;
  // The draft's cache is extended by a pass of its own.
  const Work work = group.count == 0 ? next_work(*oldest, policy) : Work::kPrompt;
  u64 serial = 0;
  while (group.count < setup_.group && group.rows < setup_.rows) {
    Sequence* const sequence = next_prompt(policy, lane, false, serial, work);
    if (sequence == nullptr) return;
    serial = sequence->serial;
    if (may_join(*sequence, group)) add(*sequence, work, group);
  }
}

void Scheduler::add_rounds(const DraftPolicy& policy, u32 lane, Group& group) {
  const u32 start = next_[lane];
  u32 left = setup_.sequences;  // the first that samples otherwise: it leads the next rounds
  for (u32 i = 0; i < setup_.sequences; ++i) {
    if (group.count == setup_.group || group.rows >= setup_.rows) break;
    const u32 index = (start + i) % setup_.sequences;
    Sequence& sequence = sequences_[index];
    if (!sequence.ready_in(lane) || !round_ready(sequence, policy)) continue;
    if (!may_join(sequence, group)) {
      if (left == setup_.sequences) left = index;
      continue;
    }
    add(sequence, Work::kRound, group);
    next_[lane] = (index + 1) % setup_.sequences;
    ++group.decoding;
    group.longest_draft = larger(group.longest_draft, round_drafts(sequence, policy));
  }
  if (left != setup_.sequences) next_[lane] = left;
}

void Scheduler::select(const DraftPolicy& policy, u32 lane, Group& group) {
  group.count = group.rows = group.decoding = group.longest_draft = 0;
  const bool mixes = policy.longest_draft() == 0;
  const bool rounds_lead = !prompts_turn_[lane] && any_round(policy, lane);
  if (rounds_lead) add_rounds(policy, lane, group);
  if (!rounds_lead || mixes) add_prompts(policy, lane, group);
  if (!rounds_lead && (group.count == 0 || (mixes && group.work == Work::kPrompt))) {
    add_rounds(policy, lane, group);
  }
}

// Most tokens that a member still in work drafts: what a DRAFT of the group appends for all of
// them.
u32 Scheduler::longest_draft(const DraftPolicy& policy, const Group& group) const {
  u32 longest = 0;
  for (u32 i = 0; i < group.count; ++i) {
    const Sequence& sequence = sequences_[group.members[i]];
    if (!sequence.active() || next_work(sequence, policy) != Work::kRound) continue;
    longest = larger(longest, round_drafts(sequence, policy));
  }
  return longest;
}

// The tables grow for rounds only: a prompt has had its pages since it became active. True when a
// member is left out because it must wait for another lane.
bool Scheduler::reserve_pages(Machine& machine, const DraftPolicy& policy, Group& group) {
  const u32 candidates = group.count;
  bool waits = false;
  for (u32 i = 0; i < candidates; ++i) {
    Sequence& sequence = sequences_[group.members[i]];
    if (!sequence.active() || next_work(sequence, policy) != Work::kRound) continue;
    while (sequence.active() &&
           !reserve(machine, sequence, sequence.total + longest_draft(policy, group))) {
      if (make_room(machine, sequence)) continue;
      sequence.taking = 0;
      waits = true;
      break;
    }
  }
  group.count = group.rows = group.decoding = group.longest_draft = 0;
  for (u32 i = 0; i < candidates; ++i) {
    const u32 index = group.members[i];
    const Sequence& sequence = sequences_[index];
    if (!sequence.active() || sequence.taking == 0) continue;
    if (group.count == 0) group.work = next_work(sequence, policy);
    group.members[group.count++] = index;
    group.rows += sequence.taking;
    if (next_work(sequence, policy) != Work::kRound) continue;
    ++group.decoding;
    group.longest_draft = larger(group.longest_draft, round_drafts(sequence, policy));
  }
  return waits;
}

bool Scheduler::choose(Machine& machine, const DraftPolicy& policy, u32 lane, Group& group) {
  share_out();
  for (u32 i = 0; i < setup_.sequences; ++i) {
    if (sequences_[i].yields_to == lane + 1) sequences_[i].yields_to = 0;
  }
  do {
    select(policy, lane, group);
    if (group.count == 0) return false;
    const bool waits = reserve_pages(machine, policy, group);
    if (waits && group.count == 0) return false;
  } while (group.count == 0);
  prompts_turn_[lane] = group.work == Work::kRound;
  for (u32 i = 0; i < group.count; ++i) sequences_[group.members[i]].busy = true;
  if (group.decoding > 0) {
    ++steps_.count;
    steps_.sequences += group.decoding;
    steps_.largest = larger(steps_.largest, group.decoding);
  }
  return true;
}

void Scheduler::release(const Group& group) {
  for (u32 i = 0; i < group.count; ++i) sequences_[group.members[i]].busy = false;
}

}  // namespace tandem::firmware
