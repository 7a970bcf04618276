// SPDX-License-Identifier: Apache-2.0
// Drafting ahead: which sequences get a drafted token next, and what a round takes of them.
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

using abi::Status;

// Rejection sampling needs the draft's distributions, which the streams do not keep.
bool Scheduler::streams(const Sequence& sequence, const DraftPolicy& policy) const {
  return policy.drafts_ahead() > 0 &&
         sequence.sampling != static_cast<u32>(abi::Sampling::kStandard);
}

bool Scheduler::wants_draft(const Sequence& sequence, const DraftPolicy& policy) const {
  const DraftStream& ahead = sequence.ahead;
  if (!sequence.active() || sequence.yields_to != 0) return false;
  if (!streams(sequence, policy) || ahead.busy || ahead.closed) return false;
  if (ahead.first != sequence.total || next_work(sequence, policy) != Work::kRound) return false;
  if (sequence.remaining == 0) return false;
  const u32 most = policy.longest_draft() + policy.drafts_ahead();
  return ahead.count < smaller(most, sequence.remaining - 1);
}

// Where drafts come from a stream: there are as many as a round takes, or no more will come.
bool Scheduler::round_ready(const Sequence& sequence, const DraftPolicy& policy) const {
  if (next_work(sequence, policy) != Work::kRound) return false;
  if (!streams(sequence, policy)) return true;
  const DraftStream& ahead = sequence.ahead;
  // A pre-verification that is being withdrawn may still write keys and values of rejected tokens.
  if (ahead.first != sequence.total || ahead.stale) return false;
  return ahead.closed || ahead.count >= policy.draft_tokens(sequence.remaining);
}

u32 Scheduler::round_drafts(const Sequence& sequence, const DraftPolicy& policy) const {
  const u32 most = policy.draft_tokens(sequence.remaining);
  if (policy.drafts_ahead() == 0) return most;
  return streams(sequence, policy) ? smaller(most, sequence.ahead.count) : 0;
}

// A command has one draft_index for all: those with the shortest streams are the first.
bool Scheduler::choose_drafts(Machine& machine, const DraftPolicy& policy, Group& group) {
  const u32 set = policy.kv_set();
  u32 shortest = ~0u;
  for (u32 i = 0; i < setup_.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    if (!wants_draft(sequence, policy)) continue;
    if (!kv_.reserve(machine, sequence.kv[set], sequence.ahead.end() + 1)) {
      // Without a page of its own the sequence goes on with what is drafted, if only plainly.
      sequence.ahead.closed = true;
      continue;
    }
    shortest = smaller(shortest, sequence.ahead.count);
  }
  group.work = Work::kRound;
  group.count = group.rows = group.decoding = 0;
  group.longest_draft = 1;
  for (u32 i = 0; i < setup_.sequences && group.count < setup_.group; ++i) {
    Sequence& sequence = sequences_[i];
    if (!wants_draft(sequence, policy) || sequence.ahead.count != shortest) continue;
    const u32 rows = shortest == 0 ? sequence.pending(set) : 1;
    if (group.rows + rows > setup_.rows || !may_join(sequence, group)) continue;
    group.members[group.count++] = i;
    group.rows += rows;
    ++group.decoding;
    sequence.ahead.prepare(machine);
  }
  return group.count > 0;
}

void Scheduler::drafted(Machine& machine, Sequence& sequence, const DraftPolicy& policy) {
  if (!sequence.ahead.append(machine, control_, sequence.committed[policy.kv_set()])) {
    ++drafting_.dropped;
  }
  settle_drafts(machine, sequence, policy);
}

// The sequence fails when no other command has it.
void Scheduler::free_stream(Machine& machine, Sequence& sequence, const DraftPolicy& policy,
                            Status status) {
  DraftStream& ahead = sequence.ahead;
  ahead.busy = false;
  ahead.stale = false;
  if (status != Status::kOk && sequence.active()) {
    if (sequence.busy) {
      ahead.failure = status;
    } else {
      sequence.fail(status);
    }
  }
  settle_drafts(machine, sequence, policy);
}

void Scheduler::settle_drafts(Machine& machine, Sequence& sequence, const DraftPolicy& policy) {
  drafting_.dropped +=
      sequence.ahead.settle(machine, machine.shared<u32>(sequence.history), sequence.total,
                            control_, sequence.committed[policy.kv_set()]);
  if (!sequence.active()) drafting_.dropped += sequence.ahead.drop(sequence.total);
}

}  // namespace tandem::firmware
