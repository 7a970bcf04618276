// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/npu_registers.h"
#include "tandem/firmware/driver/queue_pair.h"

namespace tandem::firmware {

// Driver of the NPU. Plain data without pointers, so that it can live in the arena.
class NpuDriver {
 public:
  static constexpr u32 kMaxContexts = 15;

  struct Setup {
    u64 base = 0;
    u64 pim_base = 0;  // registers of the PIM that the NPU shall use; 0: none
    u64 rings = 0;     // queue_pairs * QueuePair::ring_bytes(entries) of shared memory
    u32 queue_pairs = 1;
    u32 entries = 16;
    bool use_interrupts = false;
    bool checked = false;  // if the device can; see checked()
    u64 timeout_ns = 0;    // a command that takes longer has failed; 0: never
  };

  // Checks the identification and starts the device. Returns kOk, kBusError (no answer),
  // kBadVersion (another device or contract) or kUnsupported (too few queue pairs).
  abi::Status start(Machine& machine, const Setup& setup);
  // Soft reset and start again. Everything in flight is lost without a completion.
  abi::Status recover(Machine& machine);

  // Waits for what is in flight, at most so long, and takes its completions away; then switches
  // interrupts, queue pairs and device off. Returns kOk, kBusError, or kReset if the time was too
  // short: the device was reset, and the commands are lost. start() begins anew.
  abi::Status stop(Machine& machine, u64 limit_ns);

  // Fills in version and tag, and asks for the program to be fetched when another one is resident
  // in its context. Returns the tag, or 0 when the ring is full.
  u32 submit(Machine& machine, u32 queue, abi::Command command);
  // Asks for a command to be withdrawn; both commands complete. Tag or 0, as submit.
  u32 cancel(Machine& machine, u32 queue, u32 tag);
  // False when nothing has completed. Tag 0 is a completion that cannot be trusted, or one of a
  // command that the device could not make out: which command it was is not known.
  bool poll(Machine& machine, u32 queue, abi::Completion& completion);
  // The next command that uses the context fetches its program again.
  void forget_program(u32 context) { resident_[context] = 0; }
  // Whether parameter blocks and programs must carry checks, as commands do.
  bool checked() const { return checked_; }
  // Clears the interrupt causes. Call before poll, so that a completion in between raises again.
  void acknowledge(Machine& machine);
  // Clears the error registers, after an error completion was handled.
  void clear_errors(Machine& machine);

  bool timed_out(const Machine& machine, u64 submitted_ns) const {
    return setup_.timeout_ns != 0 && machine.now_ns() - submitted_ns > setup_.timeout_ns;
  }
  bool uses_interrupts() const { return setup_.use_interrupts; }

  u32 contexts() const { return abi::npu::CAPABILITY_CONTEXTS.get(capability_); }
  bool pim_bound() const { return abi::npu::CAPABILITY_PIM_BOUND.get(capability_) != 0; }
  u32 link_devices() const { return link_devices_; }  // this one included
  u32 activation_bytes() const { return activation_bytes_; }
  u32 max_primitives() const { return max_primitives_; }
  u32 max_rows() const { return max_rows_; }

 private:
  void start_queues(Machine& machine);
  bool drain(Machine& machine, u64 limit_ns);

  Setup setup_;
  QueuePair queues_[abi::kQueuePairs];
  u64 resident_[kMaxContexts + 1];  // address of the program that each context holds
  u32 next_tag_;
  u32 first_tag_;  // of those given since the last reset
  bool checked_;
  u32 capability_;
  u32 link_devices_;
  u32 activation_bytes_;
  u32 max_primitives_;
  u32 max_rows_;
};

}  // namespace tandem::firmware
