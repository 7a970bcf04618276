// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/command.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

// One submission and one completion ring of the NPU. Both have the same number of entries, and at
// most entries - 1 commands are in flight, so neither can overflow.
class QueuePair {
 public:
  // Bytes of shared memory that the rings of `entries` take.
  static u64 ring_bytes(u32 entries);

  // `entries` is a power of two, 2..1024; `rings` is 64-byte aligned shared memory. Enables the
  // pair; also used after a device reset, when nothing is in flight any more.
  // With `checked`, commands and completions carry checks (tandem/abi/checks.h).
  void start(Machine& machine, u64 npu_base, u32 index, u64 rings, u32 entries, bool checked);

  // Disables the pair. What is in flight must have completed, or be lost by a device reset.
  void stop(Machine& machine);

  bool full() const { return in_flight_ + 1 >= entries_; }
  u32 in_flight() const { return in_flight_; }

  // Writes the command and rings the doorbell. False when the ring is full.
  bool submit(Machine& machine, const abi::Command& command);
  // Takes the next completion out of the ring; false when there is none. One that does not match
  // its check gets tag 0 and status kCorrupted.
  bool poll(Machine& machine, abi::Completion& completion);

 private:
  u64 submission_entry(u32 index) const { return submissions_ + index * sizeof(abi::Command); }
  u64 completion_entry(u32 index) const { return completions_ + index * sizeof(abi::Completion); }

  u64 registers_;
  u64 submissions_;
  u64 completions_;
  u32 entries_;
  u32 tail_;
  u32 head_;
  u32 phase_;
  u32 in_flight_;
  bool checked_;
};

}  // namespace tandem::firmware
