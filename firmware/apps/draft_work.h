// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "apps/generate_state.h"

namespace tandem::firmware {

// The lane that drafts ahead: appends tokens to streams, one per sequence and command, so that what
// verification has said counts from the next token on. When there is nothing to draft and time is
// left, it may verify the first tokens of a round that the other lane verifies as a whole: a wrong
// one among them decides the round before its end. Lives for a step.
class DraftWork {
 public:
  DraftWork(GenerateState& state, Machine& machine, Lane& lane)
      : state_(state),
        machine_(machine),
        lane_(lane),
        progress_(lane.progress),
        scheduler_(state.scheduler),
        policies_(state.boot.policy) {}

  bool running() const { return progress_.running; }
  // Submits the next command; false when there is none.
  bool start();
  // Looks after the command in flight; false when it has not ended.
  bool poll();
  bool timed_out() const { return state_.npu.timed_out(machine_, progress_.submitted_ns); }
  // The device was reset, with the outcome `reset`. Streams go on from where they were; if the lane
  // was to blame before, its sequences fail.
  void repeat(abi::Status reset, bool blamed);
  // Withdraws the command in flight if nothing of it is of use any more.
  void withdraw();

 private:
  const DraftPolicy& policy() const { return policies_.draft(); }
  Sequence& row_sequence(u32 row) { return scheduler_.at(progress_.rows[row]); }
  Progress& round() { return state_.lanes[0].progress; }
  bool checks() const { return progress_.pass == Pass::kPreVerify; }
  bool round_is_over() { return !round().running || round().tag != progress_.round_tag; }
  void start_draft();
  void add_row(u32 member);
  u32 tokens_to_check();
  void start_check(u32 tokens);
  void end_check(abi::Status status);
  void submit(abi::Opcode opcode, abi::Phase phase);
  bool is_useless();
  void end(abi::Status status);

  GenerateState& state_;
  Machine& machine_;
  Lane& lane_;
  Progress& progress_;
  Scheduler& scheduler_;
  PolicyChoice policies_;
};

}  // namespace tandem::firmware
