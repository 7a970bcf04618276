// SPDX-License-Identifier: Apache-2.0
#include "apps/draft_work.h"

#include "apps/lane_work.h"

namespace tandem::firmware {

using abi::Status;

namespace {

constexpr u32 kMostChecked = 8;  // tokens of a round, as in AHASD

}  // namespace

bool DraftWork::start() {
  if (scheduler_.choose_drafts(machine_, policy(), progress_.group)) {
    start_draft();
    return true;
  }
  const u32 tokens = tokens_to_check();
  if (tokens > 0) start_check(tokens);
  return tokens > 0;
}

// --- drafts --------------------------------------------------------------------------------

void DraftWork::start_draft() {
  const Group& group = progress_.group;
  progress_.pass = Pass::kDraft;
  const Sequence& leader = scheduler_.at(group.members[0]);
  lane_.batch.set_sampler(machine_, {leader.sampling, leader.temperature, state_.boot.seed});
  lane_.batch.set_draft(machine_, 1, leader.ahead.count, policy().stop_below());
  lane_.batch.clear();
  for (u32 i = 0; i < group.count; ++i) add_row(group.members[i]);
  run(abi::Opcode::kDraft, abi::Phase::kDraft);
}

void DraftWork::add_row(u32 member) {
  const Sequence& sequence = scheduler_.at(member);
  const DraftStream& ahead = sequence.ahead;
  const u32 set = policy().kv_set();
  progress_.rows[lane_.batch.count()] = member;
  if (ahead.count > 0) {
    return lane_.batch.add_drafted(machine_, scheduler_.kv(), sequence, set,
                                   {ahead.block, ahead.count - 1, ahead.end() - 1});
  }
  lane_.batch.add(machine_, scheduler_.kv(), sequence, set, sequence.pending(set));
  lane_.batch.attach_draft(machine_, ahead.block);
}

// --- pre-verification ----------------------------------------------------------------------

// How many of its first tokens are to be verified of the round in flight; 0: none.
u32 DraftWork::tokens_to_check() {
  const Progress& looked_at = round();
  if (!policy().pre_verifies() || !looked_at.running || looked_at.checked) return 0;
  if (looked_at.pass != Pass::kVerify || looked_at.group.count != 1) return 0;
  const Sequence& sequence = scheduler_.at(looked_at.group.members[0]);
  if (sequence.ahead.busy) return 0;
  const u32 drafted = machine_.shared<abi::DraftBlock>(sequence.draft_block)->count;
  // The pending token is a row, too.
  const u32 rows = state_.paces.rows_in_time(machine_.now_ns() - looked_at.submitted_ns,
                                             smaller(drafted, kMostChecked) + 1);
  return rows > 1 ? rows - 1 : 0;
}

// Writes the same keys and values as the round does, and the same bits.
void DraftWork::start_check(u32 tokens) {
  const u32 member = round().group.members[0];
  Sequence& sequence = scheduler_.at(member);
  abi::DraftBlock& head = *machine_.shared<abi::DraftBlock>(state_.check_block);
  head = *machine_.shared<abi::DraftBlock>(sequence.draft_block);
  head.count = tokens;
  sequence.ahead.busy = true;
  round().checked = true;
  progress_.pass = Pass::kPreVerify;
  progress_.round_tag = round().tag;
  progress_.rows[0] = member;
  lane_.batch.set_sampler(machine_, {sequence.sampling, sequence.temperature, state_.boot.seed});
  lane_.batch.clear();
  lane_.batch.add(machine_, scheduler_.kv(), sequence, 0, sequence.pending(0));
  lane_.batch.attach_draft(machine_, state_.check_block);
  ++scheduler_.drafting().pre_verifications;
  run(abi::Opcode::kVerify, abi::Phase::kVerify);
}

void DraftWork::end_check(Status status) {
  if (status != Status::kOk) return;
  const abi::VerifyResult& result = lane_.batch.result(machine_, 0);
  const u32 drafted = machine_.shared<abi::DraftBlock>(state_.check_block)->count;
  state_.paces.checked.note((machine_.now_ns() - progress_.submitted_ns) / (drafted + 1));
  const bool decides =
      result.accepted < drafted || result.stop_reason != static_cast<u32>(abi::StopReason::kNone);
  if (!decides || round_is_over()) return;
  ++scheduler_.drafting().decided_early;
  LaneWork(state_, machine_, state_.lanes[0]).decide(result);
}

// --- commands ------------------------------------------------------------------------------

void DraftWork::run(abi::Opcode opcode, abi::Phase phase) {
  progress_.running = true;
  progress_.withdrawn = false;
  submit(programs().tail, opcode, phase, 0);
}

bool DraftWork::poll() {
  abi::Completion completion;
  if (!state_.npu.poll(machine_, lane_.queue, completion)) return false;
  if (completion.tag == 0) {
    progress_.lost = true;
    return false;
  }
  const Status status = static_cast<Status>(completion.status);
  if (status != Status::kOk) state_.npu.clear_errors(machine_);
  if (completion.tag == progress_.tag) end(status);  // else of a CANCEL
  return true;
}

void DraftWork::end(Status status) {
  progress_.running = false;
  if (status == Status::kOk) {
    progress_.repeated = false;
    progress_.retries = 0;
  }
  if (checks()) {
    end_check(status);
  } else if (status == Status::kOk) {
    state_.paces.draft.note(machine_.now_ns() - progress_.submitted_ns);
  }
  const bool withdrawn = progress_.withdrawn && status == Status::kCancelled;
  if (status != Status::kOk && !withdrawn) machine_.log("generate: a draft failed\n");
  const bool dropped = withdrawn || (status != Status::kOk && may_retry(status));
  for (u32 i = 0; i < lane_.batch.count(); ++i) {
    Sequence& sequence = row_sequence(i);
    if (!checks() && status == Status::kOk) {
      scheduler_.drafted(machine_, sequence, policy());
    } else {
      scheduler_.free_stream(machine_, sequence, policy(), dropped ? Status::kOk : status);
    }
  }
}

void DraftWork::repeat(Status reset, bool blamed) {
  const bool again = blamed && progress_.repeated;
  const Status outcome = again ? Status::kReset : Status::kOk;
  progress_.repeated = !again && (progress_.repeated || blamed);
  progress_.running = false;
  for (u32 i = 0; i < lane_.batch.count(); ++i) {
    scheduler_.free_stream(machine_, row_sequence(i), policy(),
                           reset != Status::kOk ? reset : outcome);
  }
}

bool DraftWork::is_useless() {
  if (checks()) return round_is_over();
  for (u32 i = 0; i < lane_.batch.count(); ++i) {
    if (!row_sequence(i).ahead.stale) return false;
  }
  return true;
}

void DraftWork::withdraw() {
  if (progress_.withdrawn || !is_useless()) return;
  progress_.withdrawn = state_.npu.cancel(machine_, lane_.queue, progress_.tag) != 0;
}

}  // namespace tandem::firmware
