// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "apps/command_lane.h"

namespace tandem::firmware {

// The lane that drafts ahead: appends tokens to streams, one per sequence and command, so that what
// verification has said counts from the next token on. When there is nothing to draft and time is
// left, it may verify the first tokens of a round that the other lane verifies as a whole: a wrong
// one among them decides the round before its end. Lives for a step.
class DraftWork final : public CommandLane {
 public:
  using CommandLane::CommandLane;

  // Submits the next command; false when there is none.
  bool start();
  // Looks after the command in flight. True when something came in: then it may have ended.
  bool poll();
  // The device was reset, with the outcome `reset`. Streams go on from where they were; if the lane
  // was to blame before, its sequences fail.
  void repeat(abi::Status reset, bool blamed);
  // Withdraws the command in flight if nothing of it is of use any more.
  void withdraw();

 private:
  Progress& round() { return state_.lanes[0].progress; }
  bool checks() const { return progress_.pass == Pass::kPreVerify; }
  bool round_is_over() { return !round().running || round().tag != progress_.round_tag; }
  void start_draft();
  void add_row(u32 member);
  u32 tokens_to_check();
  void start_check(u32 tokens);
  void end_check(abi::Status status);
  void run(abi::Opcode opcode, abi::Phase phase);
  bool is_useless();
  void end(abi::Status status);
};

}  // namespace tandem::firmware
