// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/command.h"
#include "tandem/firmware/driver/mailbox.h"

namespace tandem::firmware {

// Faults that were overcome, by what it took, and what of that the host has not heard yet. Starts
// as zeros.
class Recoveries {
 public:
  void note(const Machine& machine, abi::Recovery recovery, u32 times = 1,
            abi::Status status = abi::Status::kOk) {
    const u32 kind = static_cast<u32>(recovery);
    count_[kind] += times;
    status_[kind] = status;
    time_ns_[kind] = machine.now_ns();
  }
  u32 count(abi::Recovery recovery) const { return count_[static_cast<u32>(recovery)]; }

  // A record for each kind that has happened again. False when the host has not made room yet.
  bool send(Machine& machine, Mailbox& mailbox) {
    for (u32 i = 0; i < abi::kRecoveries; ++i) {
      if (count_[i] == told_[i]) continue;
      abi::Record record{};
      record.kind = static_cast<u32>(abi::RecordKind::kRecovery);
      record.request_id = 0xFFFF'FFFF;
      record.stop_reason = i;
      record.status = static_cast<u32>(status_[i]);
      record.round = count_[i];
      record.time_ns = time_ns_[i];
      if (!mailbox.send(machine, record)) return false;
      told_[i] = count_[i];
    }
    return true;
  }

 private:
  u32 count_[abi::kRecoveries];
  u32 told_[abi::kRecoveries];
  u64 time_ns_[abi::kRecoveries];
  abi::Status status_[abi::kRecoveries];
};

}  // namespace tandem::firmware
