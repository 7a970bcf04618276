// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "apps/generate_state.h"

namespace tandem::firmware {

// The lane that drafts ahead: appends tokens to streams, one per sequence and command, so that what
// verification has said counts from the next token on. Lives for a step.
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
  // Submits the next DRAFT; false when no stream wants a token.
  bool start();
  // Looks after the DRAFT in flight; false when it has not ended.
  bool poll();
  bool timed_out() const { return state_.npu.timed_out(machine_, progress_.submitted_ns); }
  // The device was reset, with the outcome `reset`. Streams go on from where they were; if the lane
  // was to blame before, its sequences fail.
  void repeat(abi::Status reset, bool blamed);
  // Withdraws the DRAFT in flight if none of its tokens is of use any more.
  void withdraw();

 private:
  const DraftPolicy& policy() const { return policies_.draft(); }
  Sequence& row_sequence(u32 row) { return scheduler_.at(progress_.rows[row]); }
  void add_row(u32 member);
  void submit();
  void end(abi::Status status);

  GenerateState& state_;
  Machine& machine_;
  Lane& lane_;
  Progress& progress_;
  Scheduler& scheduler_;
  PolicyChoice policies_;
};

}  // namespace tandem::firmware
