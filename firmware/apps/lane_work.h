// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "apps/generate_state.h"

namespace tandem::firmware {

// One lane at work: takes a group through its passes, command by command. Lives for a step.
class LaneWork {
 public:
  LaneWork(GenerateState& state, Machine& machine, Lane& lane)
      : state_(state),
        machine_(machine),
        lane_(lane),
        progress_(lane.progress),
        group_(lane.progress.group),
        scheduler_(state.scheduler),
        policies_(state.boot.policy) {}

  bool running() const { return progress_.running; }
  // Submits the first command of the next group; false when there is nothing to compute.
  bool start();
  // Looks after the command in flight; false when it has not ended.
  bool poll();
  bool timed_out() const { return state_.npu.timed_out(machine_, progress_.submitted_ns); }
  // The device was reset, with the outcome `reset`: starts the group's work again. A lane that is
  // to blame gets this once.
  void repeat(abi::Status reset, bool blamed);
  // As repeat() of a lane to blame, but later: with resume(), when the other lane is idle.
  void hold();
  void resume();
  // The outcome of the round of one sequence that is being verified is known already.
  void decide(const abi::VerifyResult& outcome);

 private:
  const DraftPolicy& policy() const { return policies_.draft(); }
  bool per_layer() const { return programs().body_count > 0; }
  const PassPrograms& programs() const { return state_.passes[static_cast<u32>(progress_.pass)]; }
  Sequence& row_sequence(u32 row) { return scheduler_.at(progress_.rows[row]); }

  void complete(const abi::Completion& completion);
  void fail(abi::Status status);
  void end_group();

  void begin_group();
  bool any_emits();
  void take_drafts();
  void begin_round();
  void begin_pass(Pass pass);
  void add_row(u32 member);
  bool begin_next_draft();
  abi::DraftBlock& draft_of(const Sequence& sequence);
  void run_from(u32 program);
  void submit();
  void set_draft();
  abi::Opcode tail_opcode() const;
  abi::Phase phase() const;
  void advance();
  void trim_drafts();
  void settle_drafts();
  void collect(Sequence& sequence, u32 row);
  void collect_tokens(Sequence& sequence, const abi::VerifyResult& result);
  void append_tokens(Sequence& sequence, const abi::VerifyResult& result);

  GenerateState& state_;
  Machine& machine_;
  Lane& lane_;
  Progress& progress_;
  Group& group_;
  Scheduler& scheduler_;
  PolicyChoice policies_;
};

}  // namespace tandem::firmware
