// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "apps/generate_state.h"

namespace tandem::firmware {

// What all lanes have in common: one command in flight, made from the lane's batch table.
class CommandLane {
 public:
  CommandLane(GenerateState& state, Machine& machine, Lane& lane)
      : state_(state),
        machine_(machine),
        lane_(lane),
        progress_(lane.progress),
        scheduler_(state.scheduler),
        policies_(state.boot.policy) {}

  // Takes too long, or has completed nobody knows how.
  bool timed_out() const {
    return progress_.lost || state_.npu.timed_out(machine_, progress_.submitted_ns);
  }

 protected:
  ~CommandLane() = default;

  const DraftPolicy& policy() const { return policies_.draft(); }
  const PassPrograms& programs() const { return state_.passes[static_cast<u32>(progress_.pass)]; }
  Sequence& row_sequence(u32 row) { return scheduler_.at(progress_.rows[row]); }
  // Whether work that has failed with this status may be done again now. It then counts.
  bool may_retry(abi::Status status);
  void submit(const ProgramRef& program, abi::Opcode opcode, abi::Phase phase, u8 flags);

  GenerateState& state_;
  Machine& machine_;
  Lane& lane_;
  Progress& progress_;
  Scheduler& scheduler_;
  PolicyChoice policies_;
};

// Starts the PIM again if it was reset. That it does not answer is not said here: what is submitted
// to it will fail.
void revive_pim(const GenerateState& state, Machine& machine);

}  // namespace tandem::firmware
