// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/driver/queue_pair.h"

#include "tandem/abi/checks.h"
#include "tandem/abi/npu_registers.h"

namespace tandem::firmware {

namespace npu = abi::npu;

u64 QueuePair::ring_bytes(u32 entries) {
  return u64{entries} * (sizeof(abi::Command) + sizeof(abi::Completion));
}

void QueuePair::start(Machine& machine, u64 npu_base, u32 index, u64 rings, u32 entries,
                      bool checked) {
  registers_ = npu_base + u64{index} * abi::kQueuePairStride;
  submissions_ = rings;
  completions_ = rings + u64{entries} * sizeof(abi::Command);
  entries_ = entries;
  tail_ = 0;
  head_ = 0;
  phase_ = 1;
  in_flight_ = 0;
  checked_ = checked;

  // Entries that the device has not written yet must show the other phase.
  fill_zero(machine.shared<u8>(rings), ring_bytes(entries));
  machine.barrier();
  machine.write(registers_ + npu::QP_CONTROL, 0);
  machine.write_pair(registers_ + npu::SQ_BASE_LO, submissions_);
  machine.write(registers_ + npu::SQ_SIZE, entries);
  machine.write_pair(registers_ + npu::CQ_BASE_LO, completions_);
  machine.write(registers_ + npu::CQ_SIZE, entries);
  machine.write(registers_ + npu::QP_CONTROL,
                npu::QP_CONTROL_ENABLE.put(1) | npu::QP_CONTROL_CHECKED.put(checked ? 1 : 0));
}

void QueuePair::stop(Machine& machine) {
  machine.write(registers_ + npu::QP_CONTROL, 0);
  in_flight_ = 0;
}

bool QueuePair::submit(Machine& machine, const abi::Command& command) {
  if (full()) return false;
  abi::Command& entry = *machine.shared<abi::Command>(submission_entry(tail_));
  entry = command;
  if (checked_) entry.check = abi::command_check(entry);
  tail_ = (tail_ + 1) & (entries_ - 1);
  ++in_flight_;
  machine.barrier();
  machine.write(registers_ + npu::SQ_TAIL, tail_);
  return true;
}

bool QueuePair::poll(Machine& machine, abi::Completion& completion) {
  if (in_flight_ == 0) return false;
  machine.barrier();
  const volatile u8& phase = machine.shared<abi::Completion>(completion_entry(head_))->phase;
  if ((phase & 1u) != phase_) return false;
  machine.barrier();
  completion = *machine.shared<abi::Completion>(completion_entry(head_));
  if (checked_ && completion.phase >> 1 != abi::completion_check(completion)) {
    completion.tag = 0;
    completion.status = static_cast<u8>(abi::Status::kCorrupted);
  }
  head_ = (head_ + 1) & (entries_ - 1);
  if (head_ == 0) phase_ ^= 1u;
  --in_flight_;
  machine.write(registers_ + npu::CQ_HEAD, head_);
  return true;
}

}  // namespace tandem::firmware
