// SPDX-License-Identifier: Apache-2.0
// The state machine of `generate`. A step either looks after the commands in flight or gives idle
// lanes their next groups of sequences; it never waits.
#include "tandem/firmware/apps/generate.h"

#include "apps/draft_work.h"
#include "apps/lane_work.h"

namespace tandem::firmware {

using abi::Status;

namespace {

constexpr u32 kDraftLane = 1;

class Generator {
 public:
  Generator(GenerateState& state, Machine& machine)
      : state_(state), machine_(machine), scheduler_(state.scheduler) {}

  int step() {
    const bool reported = state_.recoveries.send(machine_, state_.mailbox) &&
                          state_.reporter.send(machine_, state_.mailbox, scheduler_);
    const bool echoed = state_.reporter.echo(machine_, scheduler_);
    machine_.clear_bus_error();  // the console is not worth a failure
    if (state_.mailbox.broken()) return TANDEM_STEP_DONE;
    const bool more_to_say = !reported || !echoed;
    const u32 running = running_lanes();
    // Reports make room for the next ones before a command's outcome is looked at.
    if (running > 0 && !reported) return wait(true);
    if (running > 0 && check()) return TANDEM_STEP_AGAIN;
    if (running < state_.lane_count) {
      scheduler_.admit(machine_, state_.mailbox);
      if (start_lanes()) return TANDEM_STEP_AGAIN;
    }
    if (running > 0) return wait(more_to_say);
    return scheduler_.empty() ? idle() : wait(true);
  }

 private:
  template <typename Action>
  auto with_lane(u32 index, Action action) {
    if (state_.drafts_ahead && index == kDraftLane) {
      return action(DraftWork(state_, machine_, state_.lanes[index]));
    }
    return action(LaneWork(state_, machine_, state_.lanes[index]));
  }
  bool running(u32 index) const { return state_.lanes[index].progress.running; }

  bool held(u32 index) const { return state_.lanes[index].progress.held; }

  u32 running_lanes() const {
    u32 count = 0;
    for (u32 i = 0; i < state_.lane_count; ++i) count += running(i) ? 1u : 0u;
    return count;
  }

  // A lane that finds nothing may just have handed its sequences to one that was asked before.
  bool start_lanes() {
    if (on_trial()) return false;
    bool started = resume_held();
    for (u32 i = 0; i < state_.lane_count && !started; ++i) started = ask_idle_lanes();
    return started;
  }

  bool resume_held() {
    if (running_lanes() > 0) return false;
    for (u32 i = 0; i < state_.lane_count; ++i) {
      if (!held(i)) continue;
      LaneWork(state_, machine_, state_.lanes[i]).resume();
      return true;
    }
    return false;
  }

  bool ask_idle_lanes() {
    bool started = false;
    for (u32 i = 0; i < state_.lane_count; ++i) {
      if (running(i) || held(i)) continue;
      if (with_lane(i, [](auto work) { return work.start(); })) started = true;
    }
    return started;
  }

  // --- waiting -------------------------------------------------------------------------------

  int wait(bool more_to_say) {
    if (more_to_say || !state_.npu.uses_interrupts()) {
      machine_.relax();
      return TANDEM_STEP_AGAIN;
    }
    state_.intc.enable_only(machine_, 1u << state_.boot.npu_irq);
    return TANDEM_STEP_WAIT;
  }

  int idle() {
    const bool closed = state_.mailbox.closed(machine_);
    // Nobody can be told anything when the mailbox does not answer.
    if (machine_.bus_error()) return TANDEM_STEP_DONE;
    if (closed && !state_.mailbox.request_waits(machine_)) return TANDEM_STEP_DONE;
    if (!state_.npu.uses_interrupts()) {
      machine_.relax();
      return TANDEM_STEP_AGAIN;
    }
    state_.intc.enable_only(machine_, 1u << state_.boot.mailbox_irq);
    return TANDEM_STEP_WAIT;
  }

  // --- commands in flight --------------------------------------------------------------------

  // True when something has changed.
  bool check() {
    if (state_.npu.uses_interrupts()) state_.npu.acknowledge(machine_);
    bool ended = false;
    bool timed_out = false;
    for (u32 i = 0; i < state_.lane_count; ++i) {
      if (!running(i)) continue;
      if (with_lane(i, [](auto work) { return work.poll(); })) {
        ended = true;
      } else {
        timed_out = timed_out || lane_timed_out(i);
      }
    }
    if (ended) {
      withdraw_draft();
      return true;
    }
    if (!machine_.bus_error() && !timed_out) return false;
    recover();
    return true;
  }

  // The device hangs: reset it and start the work of all lanes again. A lane that timed out is to
  // blame; all are when the device does not answer. Of two lanes that share the arrays one may
  // have timed out because it waits for the other: they go one after the other, to see which it is.
  void recover() {
    machine_.log("generate: the NPU does not answer, resetting it\n");
    const bool silent = machine_.bus_error();
    machine_.clear_bus_error();
    // Recovery takes time, in which others may cross their limits.
    bool blamed[kMaxLanes] = {};
    for (u32 i = 0; i < state_.lane_count; ++i) {
      blamed[i] = silent || (running(i) && lane_timed_out(i));
    }
    revive_pim(state_, machine_);
    const Status status = state_.npu.recover(machine_);
    state_.recoveries.note(machine_, abi::Recovery::kDeviceReset, 1, status);
    if (running_lanes() == 2 && !silent && !state_.drafts_ahead && status == Status::kOk) {
      LaneWork(state_, machine_, state_.lanes[0]).repeat(status, true);
      LaneWork(state_, machine_, state_.lanes[1]).hold();
      return;
    }
    for (u32 i = 0; i < state_.lane_count; ++i) {
      if (!running(i)) continue;
      with_lane(i, [&](auto work) { work.repeat(status, blamed[i]); });
    }
  }

  // A lane that was started again works alone, so that it can be judged.
  bool on_trial() const {
    for (u32 i = 0; i < state_.lane_count && !state_.drafts_ahead; ++i) {
      if (running(i) && state_.lanes[i].progress.repeated) return true;
    }
    return false;
  }

  bool lane_timed_out(u32 index) {
    return with_lane(index, [](auto work) { return work.timed_out(); });
  }

  // Verification may have made what is being drafted useless.
  void withdraw_draft() {
    if (!state_.drafts_ahead || !running(kDraftLane)) return;
    DraftWork(state_, machine_, state_.lanes[kDraftLane]).withdraw();
  }

  GenerateState& state_;
  Machine& machine_;
  Scheduler& scheduler_;
};

}  // namespace

int step(GenerateState& state, const tandem_hal& hal) {
  Machine machine(hal);
  // Without its memory the firmware cannot even report.
  if (!machine.open_shared(state.boot.shared_base, state.boot.shared_bytes)) {
    return TANDEM_STEP_DONE;
  }
  const int next = Generator(state, machine).step();
  const u32 resent = state.reporter.bytes_sent_again();
  const u32 known = state.recoveries.count(abi::Recovery::kByteSentAgain);
  if (resent != known)
    state.recoveries.note(machine, abi::Recovery::kByteSentAgain, resent - known);
  if (machine.failed_accesses() > 0) {
    state.recoveries.note(machine, abi::Recovery::kAccessRetried, machine.failed_accesses());
  }
  return next;
}

namespace {

int init_entry(void* arena, const tandem_hal* hal, u64 boot_info) {
  return static_cast<int>(initialise(*static_cast<GenerateState*>(arena), *hal, boot_info));
}

int step_entry(void* arena, const tandem_hal* hal) {
  return step(*static_cast<GenerateState*>(arena), *hal);
}

constexpr tandem_firmware kFirmware = {sizeof(GenerateState), init_entry, step_entry};

}  // namespace
}  // namespace tandem::firmware

extern "C" const tandem_firmware* tandem_generate_firmware(void) {
  return &tandem::firmware::kFirmware;
}
