// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/command.h"
#include "tandem/abi/mailbox.h"
#include "tandem/firmware/runtime/draft_stream.h"
#include "tandem/firmware/runtime/kv_cache.h"

namespace tandem::firmware {

enum class SequenceState : u32 {
  kFree = 0,
  kWaiting = 1,  // for KV pages: new, or preempted
  kActive = 2,
  kEnding = 3,    // has nothing more to compute; its last records are still to be sent
  kDraining = 4,  // all records are sent, the UART still writes its text
};

// Tokens of one round that the host has not been told yet: history[first, first + count).
struct Report {
  u32 first;
  u32 count;
  u32 drafted;
  u32 accepted;
  u32 round;
};

// One request in work. All its tokens, prompt and answer, stand in `history`; how many of them each
// KV set holds says what is pending. Changed only after a round has succeeded, so that a round can
// be repeated from the start; a preempted sequence holds nothing, so that all of it is pending.
struct Sequence {
  SequenceState state;
  u32 request_id;
  u64 serial;  // order of taking: the lower, the older
  u64 started_ns;
  u32 preemptions;
  u32 pages_wanted;  // that it waits or has waited for, or can never get; 0: none
  u32 channel;       // as in the request
  u32 cached;        // tokens that the KV cache is taken to hold before the first step
  u32 prompt_count;
  u32 total;      // tokens in history
  u32 remaining;  // tokens that may still be emitted
  u32 rounds;
  u32 sampling;
  u32 temperature;
  u32 stop_count;
  u32 stop_ids[abi::kMaxStopIds];
  // Tokens in the KV cache: target, draft. The draft's may run ahead of `total`.
  u32 committed[abi::kKvSets];
  u32 taking;  // tokens that its group's pass takes into the KV cache
  bool emits;  // that pass gives it a token
  u32 lane;    // whose groups it joins
  bool busy;   // it is in the group that its lane works on
  // 1 + the lane in which an older one waits for its pages: it takes part in nothing new.
  u32 yields_to;
  KvTable kv[abi::kKvSets];
  u64 history;        // shared memory, u32[]
  u64 draft_block;    // shared memory, DraftBlock
  u64 distributions;  // memory for the draft's distributions; 0: none
  DraftStream ahead;  // tokens drafted while others are verified
  Report report;
  abi::RecordKind end_kind;
  abi::Status end_status;
  abi::StopReason stop_reason;

  bool live() const { return state != SequenceState::kFree; }
  bool active() const { return state == SequenceState::kActive; }
  bool ready() const { return active() && !busy; }
  bool in_command() const { return busy || ahead.busy; }
  bool ready_in(u32 its_lane) const { return ready() && yields_to == 0 && lane == its_lane; }
  bool waiting() const { return state == SequenceState::kWaiting; }
  bool prompt_done() const { return total > prompt_count; }
  u32 pending(u32 kv_set) const { return total - smaller(total, committed[kv_set]); }

  void finish(abi::StopReason reason) {
    state = SequenceState::kEnding;
    end_kind = abi::RecordKind::kFinished;
    end_status = abi::Status::kOk;
    stop_reason = reason;
  }
  void fail(abi::Status status) {
    state = SequenceState::kEnding;
    end_kind = abi::RecordKind::kFailed;
    end_status = status;
    stop_reason = abi::StopReason::kNone;
  }
};

}  // namespace tandem::firmware
