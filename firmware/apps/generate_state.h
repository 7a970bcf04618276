// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/boot_info.h"
#include "tandem/firmware/driver/intc.h"
#include "tandem/firmware/driver/mailbox.h"
#include "tandem/firmware/driver/npu.h"
#include "tandem/firmware/runtime/batch_table.h"
#include "tandem/firmware/runtime/pace.h"
#include "tandem/firmware/runtime/recoveries.h"
#include "tandem/firmware/runtime/reporter.h"
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

// Where the work on a group stands. The lane has one command in flight while `running`.
struct Progress {
  bool running;
  Group group;
  Pass pass;
  u32 program;              // of the pass: index into its body, or body_count for the tail
  u32 iteration;            // kDraft: tokens drafted by earlier commands of this round
  u32 rows[kMaxSequences];  // sequence of each row of the batch table
  u32 tag;
  u32 context;  // of the lane's contexts: that of the command
  u64 submitted_ns;
  bool repeated;  // the group was started again after the device had hung with it
  u32 retries;    // so often it was started again because a command failed
  bool lost;      // what completed cannot be trusted: the device must be reset
  bool held;      // it will be, once the other lane has done what it was started again with
  // Drafting ahead. Of a DRAFT or pre-verification: CANCEL was asked for; the round it looks at.
  bool withdrawn;
  u32 round_tag;
  // Of a round: it has been looked at; what came of that, if it decides the round.
  bool checked;
  bool decided;
  abi::VerifyResult outcome;
};

// What works on one group at a time: a queue pair, programs in contexts of its own, a part of the
// activation buffer.
struct Lane {
  u32 queue;
  u32 first_context;
  BatchTable batch;
  Progress progress;
};

// All state of the app: bus addresses and numbers, no pointers. It starts as zeros.
struct GenerateState {
  abi::BootInfo boot;
  NpuDriver npu;
  Mailbox mailbox;
  Intc intc;
  ActivationLayout layout;
  PassPrograms passes[kPasses];
  u32 lane_count;
  Lane lanes[kMaxLanes];  // the second one is another like the first, or drafts ahead
  bool drafts_ahead;
  Paces paces;
  u64 check_block;  // shared memory, DraftBlock: the tokens of a pre-verification
  Scheduler scheduler;
  Reporter reporter;
  Recoveries recoveries;
  u32 vocabulary;
  u32 learned_positions;  // that the model has a table of; 0: it has none
};
// Memory that was zeroed, moved or restored from a checkpoint is a valid state.
static_assert(__is_trivially_copyable(GenerateState));

// Sets everything up.
abi::Status initialise(GenerateState& state, const tandem_hal& hal, u64 boot_info);
// One step: see generate.cpp.
int step(GenerateState& state, const tandem_hal& hal);

}  // namespace tandem::firmware
