// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/driver/mailbox.h"

#include "tandem/abi/peripheral_registers.h"

namespace tandem::firmware {

namespace mailbox = abi::mailbox;

void Mailbox::start(Machine& machine, u64 base, u64 rings, bool use_interrupts) {
  base_ = base;
  requests_ = rings;
  records_ = rings + kRequests * sizeof(abi::Request);
  request_head_ = 0;
  record_tail_ = 0;
  record_head_ = 0;
  failures_ = 0;
  machine.write(base_ + mailbox::CONTROL, 0);
  machine.write_pair(base_ + mailbox::REQUEST_BASE_LO, requests_);
  machine.write(base_ + mailbox::REQUEST_SIZE, kRequests);
  machine.write(base_ + mailbox::REQUEST_HEAD, 0);
  machine.write_pair(base_ + mailbox::RECORD_BASE_LO, records_);
  machine.write(base_ + mailbox::RECORD_SIZE, kRecords);
  machine.write(base_ + mailbox::RECORD_TAIL, 0);
  machine.write(base_ + mailbox::CONTROL,
                mailbox::CONTROL_ENABLE.put(1) | mailbox::CONTROL_IRQ_ENABLE.put(use_interrupts));
}

bool Mailbox::request_waits(Machine& machine) {
  const u32 tail = machine.read(base_ + mailbox::REQUEST_TAIL);
  return !machine.bus_error() && tail != request_head_;
}

bool Mailbox::peek(Machine& machine, abi::Request& request) {
  if (!request_waits(machine)) return false;
  machine.barrier();
  request = *machine.shared<abi::Request>(requests_ + request_head_ * sizeof(abi::Request));
  return true;
}

void Mailbox::drop(Machine& machine) {
  request_head_ = (request_head_ + 1) & (kRequests - 1);
  machine.write(base_ + mailbox::REQUEST_HEAD, request_head_);
}

bool Mailbox::closed(Machine& machine) {
  return mailbox::STATUS_CLOSED.get(machine.read(base_ + mailbox::STATUS)) != 0;
}

bool Mailbox::send(Machine& machine, const abi::Record& record) {
  machine.clear_bus_error();  // that of others
  const u32 next = (record_tail_ + 1) & (kRecords - 1);
  if (next == record_head_) {
    const u32 head = machine.read(base_ + mailbox::RECORD_HEAD);
    if (machine.bus_error()) return fail();
    record_head_ = head;
  }
  if (next == record_head_) return false;
  *machine.shared<abi::Record>(records_ + record_tail_ * sizeof(abi::Record)) = record;
  machine.barrier();
  machine.write(base_ + mailbox::RECORD_TAIL, next);
  if (machine.bus_error()) return fail();
  record_tail_ = next;
  failures_ = 0;
  return true;
}

bool Mailbox::fail() {
  if (failures_ < kFailuresOfABrokenOne) ++failures_;
  return false;
}

}  // namespace tandem::firmware
