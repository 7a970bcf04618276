// SPDX-License-Identifier: Apache-2.0
// Which lane a sequence is worked on in. The sequences of every memory channel are halved, and so
// are all of them: where a channel has one more in a lane, the next such channel has it in the
// other.
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

void Scheduler::count_lanes(LaneLoad& load) const {
  load = {};
  for (u32 i = 0; i < setup_.sequences; ++i) {
    const Sequence& sequence = sequences_[i];
    if (!sequence.active()) continue;
    ++load.all[sequence.lane];
    ++load.by_channel[sequence.lane][sequence.kv[0].channel];
  }
}

// The other lane if that has fewer sequences of this one's channel by two, or by one and fewer in
// all by two.
u32 Scheduler::better_lane(const LaneLoad& load, const Sequence& sequence) const {
  const u32 own = sequence.lane;
  const u32 other = own ^ 1u;
  const u32 channel = sequence.kv[0].channel;
  const u32 here = load.by_channel[own][channel];
  const u32 there = load.by_channel[other][channel];
  const bool moves =
      here >= there + 2 || (here == there + 1 && load.all[own] >= load.all[other] + 2);
  return moves ? other : own;
}

// Sequences in a group stay where they are until it is done.
void Scheduler::share_out() {
  if (setup_.lanes == 1) return;
  LaneLoad load;
  count_lanes(load);
  const bool shared = load.all[0] + load.all[1] >= setup_.lanes_from;
  for (u32 i = 0; i < setup_.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.ready()) continue;
    const u32 lane = shared ? better_lane(load, sequence) : 0;
    if (lane == sequence.lane) continue;
    const u32 channel = sequence.kv[0].channel;
    --load.all[sequence.lane];
    --load.by_channel[sequence.lane][channel];
    sequence.lane = lane;
    ++load.all[lane];
    ++load.by_channel[lane][channel];
  }
}

}  // namespace tandem::firmware
