// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "apps/command_lane.h"

namespace tandem::firmware {

// One lane at work: takes a group through its passes, command by command. Lives for a step.
class LaneWork final : public CommandLane {
 public:
  LaneWork(GenerateState& state, Machine& machine, Lane& lane)
      : CommandLane(state, machine, lane), group_(lane.progress.group) {}

  // Submits the first command of the next group; false when there is nothing to compute.
  bool start();
  // Looks after the command in flight. True when something came in: then it may have ended.
  bool poll();
  // The device was reset, with the outcome `reset`: starts the group's work again. A lane that is
  // to blame gets this once.
  void repeat(abi::Status reset, bool blamed);
  // As repeat() of a lane to blame, but later: with resume(), when the other lane is idle.
  void hold();
  void resume();
  // The outcome of the round of one sequence that is being verified is known already.
  void decide(const abi::VerifyResult& outcome);

 private:
  bool per_layer() const { return programs().body_count > 0; }

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
  void submit_next();
  void set_draft();
  u32 drafts_in_table();
  abi::Opcode tail_opcode() const;
  abi::Phase phase() const;
  void advance();
  void trim_drafts();
  void settle_drafts();
  void collect(Sequence& sequence, u32 row);
  void collect_tokens(Sequence& sequence, const abi::VerifyResult& result);
  void append_tokens(Sequence& sequence, const abi::VerifyResult& result);

  Group& group_;
};

}  // namespace tandem::firmware
