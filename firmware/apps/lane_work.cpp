// SPDX-License-Identifier: Apache-2.0
#include "apps/lane_work.h"

namespace tandem::firmware {

using abi::Status;

bool LaneWork::start() {
  if (!scheduler_.choose(machine_, policy(), lane_.queue, group_)) return false;
  progress_.running = true;
  progress_.repeated = false;
  progress_.retries = 0;
  begin_group();
  return true;
}

bool LaneWork::poll() {
  abi::Completion completion;
  if (!state_.npu.poll(machine_, lane_.queue, completion)) return false;
  if (completion.tag == 0) {
    progress_.lost = true;
    return false;
  }
  if (completion.tag == progress_.tag) {
    complete(completion);
  } else if (static_cast<Status>(completion.status) != Status::kOk) {
    state_.npu.clear_errors(machine_);  // of a CANCEL that came too late
  }
  return true;
}

void LaneWork::complete(const abi::Completion& completion) {
  const Status status = static_cast<Status>(completion.status);
  if (status == Status::kOk) {
    if (progress_.pass == Pass::kVerify) {
      state_.paces.round.note(machine_.now_ns() - progress_.submitted_ns);
    }
    progress_.decided = false;
    return advance();
  }
  if (status == Status::kCancelled && progress_.decided) {
    state_.npu.clear_errors(machine_);
    return advance();
  }
  machine_.log("generate: a command failed\n");
  state_.npu.clear_errors(machine_);
  if (may_retry(status)) return begin_group();
  fail(status);
}

void LaneWork::fail(Status status) {
  for (u32 i = 0; i < lane_.batch.count(); ++i) row_sequence(i).fail(status);
  end_group();
}

void LaneWork::repeat(Status reset, bool blamed) {
  if (reset != Status::kOk) return fail(reset);
  if (blamed && progress_.repeated) return fail(Status::kReset);
  progress_.repeated = progress_.repeated || blamed;
  begin_group();
}

void LaneWork::hold() {
  progress_.running = false;
  progress_.held = true;
  progress_.repeated = true;
}

void LaneWork::resume() {
  progress_.running = true;
  progress_.held = false;
  begin_group();
}

void LaneWork::end_group() {
  progress_.running = false;
  scheduler_.release(group_);
}

// --- groups and passes ---------------------------------------------------------------------

void LaneWork::begin_group() {
  const Sequence& leader = scheduler_.at(group_.members[0]);
  lane_.batch.set_sampler(machine_, {leader.sampling, leader.temperature, state_.boot.seed});
  if (group_.work == Work::kDraftExtend) return begin_pass(Pass::kDraftExtend);
  if (policy().drafts_ahead() > 0) take_drafts();
  if (group_.longest_draft > 0) {
    return policy().drafts_ahead() > 0 ? begin_pass(Pass::kVerify) : begin_round();
  }
  begin_pass(any_emits() ? Pass::kNext : Pass::kExtend);
}

bool LaneWork::any_emits() {
  for (u32 i = 0; i < group_.count; ++i) {
    if (scheduler_.at(group_.members[i]).emits) return true;
  }
  return false;
}

// Again when the group is repeated: more may have been drafted since.
void LaneWork::take_drafts() {
  group_.longest_draft = 0;
  for (u32 i = 0; i < group_.count; ++i) {
    Sequence& sequence = scheduler_.at(group_.members[i]);
    if (!sequence.prompt_done()) continue;
    const u32 tokens = scheduler_.round_drafts(sequence, policy());
    sequence.ahead.take(machine_, sequence.draft_block, tokens);
    group_.longest_draft = larger(group_.longest_draft, tokens);
  }
}

void LaneWork::begin_round() {
  for (u32 i = 0; i < group_.count; ++i) {
    clear_draft(machine_, scheduler_.at(group_.members[i]), policy().longest_draft(),
                state_.vocabulary);
  }
  begin_pass(Pass::kDraft);
}

void LaneWork::begin_pass(Pass pass) {
  progress_.pass = pass;
  progress_.iteration = 0;
  lane_.batch.clear();
  for (u32 i = 0; i < group_.count; ++i) add_row(group_.members[i]);
  run_from(0);
}

void LaneWork::add_row(u32 member) {
  const Sequence& sequence = scheduler_.at(member);
  const bool drafting = progress_.pass == Pass::kDraft;
  if (drafting && policy().draft_tokens(sequence.remaining) == 0) return;
  progress_.rows[lane_.batch.count()] = member;
  const u32 set = drafting || progress_.pass == Pass::kDraftExtend ? policy().kv_set() : 0;
  const bool speculates = drafting || progress_.pass == Pass::kVerify;
  const u32 tokens = speculates ? sequence.pending(set) : sequence.taking;
  lane_.batch.add(machine_, scheduler_.kv(), sequence, set, tokens);
  if (speculates) {
    lane_.batch.attach_draft(machine_, sequence.draft_block);
  } else if (!sequence.emits) {
    lane_.batch.keep_silent(machine_);
  }
}

// Only with granularity `layer`: one more drafted token for those that go on.
bool LaneWork::begin_next_draft() {
  const u32 drafted = progress_.iteration + 1;
  if (progress_.pass != Pass::kDraft || !per_layer() || drafted == group_.longest_draft) {
    return false;
  }
  progress_.iteration = drafted;
  lane_.batch.clear();
  for (u32 i = 0; i < group_.count; ++i) {
    const Sequence& sequence = scheduler_.at(group_.members[i]);
    const abi::DraftBlock& draft = draft_of(sequence);
    if (draft.stopped_early != 0 || draft.count != drafted) continue;
    if (drafted >= policy().draft_tokens(sequence.remaining)) continue;
    progress_.rows[lane_.batch.count()] = group_.members[i];
    lane_.batch.add_drafted(machine_, scheduler_.kv(), sequence, policy().kv_set(),
                            {sequence.draft_block, drafted - 1, sequence.total + drafted - 1});
  }
  if (lane_.batch.count() == 0) return false;
  run_from(0);
  return true;
}

abi::DraftBlock& LaneWork::draft_of(const Sequence& sequence) {
  return *machine_.shared<abi::DraftBlock>(sequence.draft_block);
}

// --- commands ------------------------------------------------------------------------------

void LaneWork::run_from(u32 program) {
  progress_.program = program;
  submit_next();
}

void LaneWork::submit_next() {
  const bool tail = progress_.program == programs().body_count;
  const ProgramRef program =
      tail ? programs().tail : machine_.shared<ProgramRef>(programs().body)[progress_.program];
  u8 flags = 0;
  if (!tail && progress_.pass == Pass::kVerify) flags |= abi::kCommandRowsDrafted;
  if (state_.boot.policy.sub_batches > 1) flags |= abi::kCommandTurns;
  if (tail && progress_.pass == Pass::kDraft) set_draft();
  progress_.checked = false;
  progress_.decided = false;
  submit(program, tail ? tail_opcode() : abi::Opcode::kRun, phase(), flags);
}

void LaneWork::decide(const abi::VerifyResult& outcome) {
  progress_.decided = true;
  progress_.outcome = outcome;
  state_.npu.cancel(machine_, lane_.queue, progress_.tag);
}

void LaneWork::set_draft() {
  const u32 tokens = per_layer() ? 1 : smaller(group_.longest_draft, drafts_in_table());
  lane_.batch.set_draft(machine_, tokens, progress_.iteration, policy().stop_below());
}

// Tokens that a DRAFT may go on for, so that no row of it gets a position beyond the table: all
// rows go on for as long as any wants.
u32 LaneWork::drafts_in_table() {
  u32 tokens = abi::kMaxDraft;
  for (u32 i = 0; i < lane_.batch.count() && state_.learned_positions != 0; ++i) {
    // The last pending token is the first input, and no drafted token is the input of itself.
    tokens = smaller(tokens, state_.learned_positions + 1 - row_sequence(i).total);
  }
  return tokens;
}

abi::Opcode LaneWork::tail_opcode() const {
  if (progress_.pass == Pass::kDraft) return abi::Opcode::kDraft;
  return progress_.pass == Pass::kVerify ? abi::Opcode::kVerify : abi::Opcode::kRun;
}

// A plain step that takes prompt chunks along is decoding.
abi::Phase LaneWork::phase() const {
  if (group_.decoding == 0) return abi::Phase::kPrefill;
  switch (progress_.pass) {
    case Pass::kDraft:
      return abi::Phase::kDraft;
    case Pass::kVerify:
      return abi::Phase::kVerify;
    default:
      return abi::Phase::kDecode;
  }
}

// A command has succeeded.
void LaneWork::advance() {
  if (progress_.program < programs().body_count) return run_from(progress_.program + 1);
  if (begin_next_draft()) return;
  if (progress_.pass == Pass::kDraft) {
    trim_drafts();
    return begin_pass(Pass::kVerify);
  }
  for (u32 i = 0; i < lane_.batch.count(); ++i) collect(row_sequence(i), i);
  if (policy().drafts_ahead() > 0) settle_drafts();
  end_group();
}

// --- outcomes ------------------------------------------------------------------------------

// A DRAFT goes on for as long as any sequence of its batch wants: what goes beyond the end of
// another one is dropped.
void LaneWork::trim_drafts() {
  for (u32 i = 0; i < group_.count; ++i) {
    const Sequence& sequence = scheduler_.at(group_.members[i]);
    abi::DraftBlock& draft = draft_of(sequence);
    draft.count = smaller(draft.count, policy().draft_tokens(sequence.remaining));
  }
}

void LaneWork::collect(Sequence& sequence, u32 row) {
  switch (progress_.pass) {
    case Pass::kDraftExtend:
      sequence.committed[policy().kv_set()] += sequence.taking;
      return;
    case Pass::kExtend:
    case Pass::kNext:
      if (!sequence.emits) {
        sequence.committed[0] += sequence.taking;
        return;
      }
      [[fallthrough]];
    default:
      return collect_tokens(
          sequence, progress_.decided ? progress_.outcome : lane_.batch.result(machine_, row));
  }
}

void LaneWork::settle_drafts() {
  for (u32 i = 0; i < lane_.batch.count(); ++i) {
    Sequence& sequence = row_sequence(i);
    const Status failure = sequence.ahead.failure;
    if (failure != Status::kOk && sequence.active()) sequence.fail(failure);
    scheduler_.settle_drafts(machine_, sequence, policy());
  }
}

void LaneWork::collect_tokens(Sequence& sequence, const abi::VerifyResult& result) {
  const bool verified = progress_.pass == Pass::kVerify;
  const u32 drafted = verified ? draft_of(sequence).count : 0;
  const bool sensible = result.accepted <= drafted && result.emitted > 0 &&
                        result.emitted <= result.accepted + 1 &&
                        result.emitted <= sequence.remaining;
  if (!sensible) return sequence.fail(Status::kBadBatch);

  const u32 before = sequence.total;
  append_tokens(sequence, result);
  sequence.committed[0] = before + result.accepted;
  // The last drafted token was never an input of the draft pass.
  if (drafted > 0 && policy().keeps_own_kv() && policy().drafts_ahead() == 0) {
    sequence.committed[policy().kv_set()] = before + smaller(result.accepted, drafted - 1);
  }
  sequence.report = {before, result.emitted, drafted, result.accepted, sequence.rounds};
  ++sequence.rounds;
  const abi::StopReason reason = static_cast<abi::StopReason>(result.stop_reason);
  if (reason != abi::StopReason::kNone) {
    sequence.finish(reason);
  } else if (sequence.remaining == 0) {
    sequence.finish(abi::StopReason::kLength);
  }
}

void LaneWork::append_tokens(Sequence& sequence, const abi::VerifyResult& result) {
  u32* const history = machine_.shared<u32>(sequence.history);
  const u32* const drafted = draft_of(sequence).tokens;
  for (u32 i = 0; i < result.emitted; ++i) {
    history[sequence.total + i] = i < result.accepted ? drafted[i] : result.next_token;
  }
  sequence.total += result.emitted;
  sequence.remaining -= result.emitted;
}

}  // namespace tandem::firmware
