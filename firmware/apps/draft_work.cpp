// SPDX-License-Identifier: Apache-2.0
#include "apps/draft_work.h"

namespace tandem::firmware {

using abi::Status;

bool DraftWork::start() {
  Group& group = progress_.group;
  if (!scheduler_.choose_drafts(machine_, policy(), group)) return false;
  progress_.running = true;
  progress_.withdrawn = false;
  const Sequence& leader = scheduler_.at(group.members[0]);
  lane_.batch.set_sampler(machine_, {leader.sampling, leader.temperature, state_.boot.seed});
  lane_.batch.set_draft(machine_, 1, leader.ahead.count, policy().stop_below());
  lane_.batch.clear();
  for (u32 i = 0; i < group.count; ++i) add_row(group.members[i]);
  submit();
  return true;
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

void DraftWork::submit() {
  const ProgramRef& program = state_.passes[static_cast<u32>(Pass::kDraft)].tail;
  abi::Command command = lane_.batch.command();
  command.opcode = static_cast<u8>(abi::Opcode::kDraft);
  command.phase = static_cast<u32>(abi::Phase::kDraft);
  command.context = static_cast<u8>(lane_.first_context + program.context);
  command.program = program.address;
  command.primitive_count = static_cast<u16>(program.primitives);
  progress_.tag = state_.npu.submit(machine_, lane_.queue, command);
  progress_.submitted_ns = machine_.now_ns();
}

bool DraftWork::poll() {
  abi::Completion completion;
  if (!state_.npu.poll(machine_, lane_.queue, completion)) return false;
  const Status status = static_cast<Status>(completion.status);
  // A command that cannot be withdrawn any more has ended.
  if (status == Status::kNotFound || status == Status::kCancelled) {
    state_.npu.clear_errors(machine_);
  }
  if (completion.tag != progress_.tag) return true;
  if (status == Status::kOk) {
    progress_.repeated = false;
  } else if (status != Status::kCancelled) {
    machine_.log("generate: a draft failed\n");
    state_.npu.clear_errors(machine_);
  }
  end(status);
  return true;
}

void DraftWork::end(Status status) {
  progress_.running = false;
  for (u32 i = 0; i < lane_.batch.count(); ++i) {
    Sequence& sequence = row_sequence(i);
    if (status == Status::kOk) {
      scheduler_.drafted(machine_, sequence, policy());
    } else {
      const bool withdrawn = status == Status::kCancelled && progress_.withdrawn;
      scheduler_.draft_failed(machine_, sequence, policy(), withdrawn ? Status::kOk : status);
    }
  }
}

void DraftWork::repeat(Status reset, bool blamed) {
  const Status again = blamed && progress_.repeated ? Status::kReset : Status::kOk;
  progress_.repeated = progress_.repeated || blamed;
  progress_.running = false;
  for (u32 i = 0; i < lane_.batch.count(); ++i) {
    scheduler_.draft_failed(machine_, row_sequence(i), policy(),
                            reset != Status::kOk ? reset : again);
  }
}

void DraftWork::withdraw() {
  if (progress_.withdrawn) return;
  for (u32 i = 0; i < lane_.batch.count(); ++i) {
    if (!row_sequence(i).ahead.stale) return;
  }
  progress_.withdrawn = state_.npu.cancel(machine_, lane_.queue, progress_.tag) != 0;
}

}  // namespace tandem::firmware
