// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/mailbox.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

// The rings to and from the host: takes requests, sends records.
class Mailbox {
 public:
  static constexpr u32 kRequests = 16;
  static constexpr u32 kRecords = 64;
  static constexpr u64 kRingBytes =
      kRequests * sizeof(abi::Request) + kRecords * sizeof(abi::Record);

  // `rings` is kRingBytes of 64-byte aligned shared memory.
  void start(Machine& machine, u64 base, u64 rings, bool use_interrupts);

  // Reads the oldest request; false when there is none. Its prompt is there until drop().
  bool peek(Machine& machine, abi::Request& request);
  // Gives the place of the request that was read, and its prompt's memory, back to the host.
  void drop(Machine& machine);
  bool request_waits(Machine& machine);
  // True when the host will post nothing more. Requests may still wait.
  bool closed(Machine& machine);

  // False when the host has not made room yet, or the mailbox does not answer.
  bool send(Machine& machine, const abi::Record& record);

  // It does not answer, again and again: nobody can be told anything.
  bool broken() const { return failures_ == kFailuresOfABrokenOne; }

 private:
  static constexpr u32 kFailuresOfABrokenOne = 8;
  bool fail();

  u64 base_;
  u64 requests_;
  u64 records_;
  u32 request_head_;
  u32 record_tail_;
  u32 record_head_;  // as last read
  u32 failures_;     // attempts to send that had a bus error, since one that had not
};

}  // namespace tandem::firmware
