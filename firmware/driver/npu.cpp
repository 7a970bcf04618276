// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/driver/npu.h"

namespace tandem::firmware {

namespace npu = abi::npu;
using abi::Status;

namespace {

constexpr u32 kUnknownTag = 0xFFFF'FFFF;  // in place of one that the device could not read
constexpr u32 kExpectedId = npu::kRegisters[0].reset;
constexpr u32 kExpectedMajor = npu::VERSION_MAJOR.get(npu::kRegisters[1].reset);

}  // namespace

Status NpuDriver::start(Machine& machine, const Setup& setup) {
  setup_ = setup;
  next_tag_ = 1;
  first_tag_ = 1;
  const u32 id = machine.read(setup.base + npu::ID);
  const u32 version = machine.read(setup.base + npu::VERSION);
  if (machine.bus_error()) return Status::kBusError;
  if (id != kExpectedId || npu::VERSION_MAJOR.get(version) != kExpectedMajor) {
    return Status::kBadVersion;
  }
  capability_ = machine.read(setup.base + npu::CAPABILITY);
  checked_ = setup.checked && npu::CAPABILITY_CHECKS.get(capability_) != 0;
  const bool linked = npu::CAPABILITY_LINK.get(capability_) != 0;
  link_devices_ = linked ? machine.read(setup.base + npu::LINK_DEVICES) : 1;
  activation_bytes_ = machine.read(setup.base + npu::ACTIVATION_BYTES);
  max_primitives_ = machine.read(setup.base + npu::MAX_PRIMITIVES);
  max_rows_ = machine.read(setup.base + npu::MAX_ROWS);
  if (setup.queue_pairs > abi::kQueuePairs ||
      setup.queue_pairs > npu::CAPABILITY_QUEUE_PAIRS.get(capability_) || contexts() == 0) {
    return Status::kUnsupported;
  }
  start_queues(machine);
  return machine.bus_error() ? Status::kBusError : Status::kOk;
}

Status NpuDriver::recover(Machine& machine) {
  machine.write(setup_.base + npu::CONTROL, npu::CONTROL_SOFT_RESET.put(1));
  first_tag_ = next_tag_;
  start_queues(machine);
  return machine.bus_error() ? Status::kBusError : Status::kOk;
}

Status NpuDriver::stop(Machine& machine, u64 limit_ns) {
  const bool drained = drain(machine, limit_ns);
  machine.write(setup_.base + npu::IRQ_MASK, 0);
  for (u32 i = 0; i < setup_.queue_pairs; ++i) queues_[i].stop(machine);
  machine.write(setup_.base + npu::CONTROL,
                drained ? npu::CONTROL_ENABLE.put(0) : npu::CONTROL_SOFT_RESET.put(1));
  acknowledge(machine);
  if (machine.bus_error()) return Status::kBusError;
  return drained ? Status::kOk : Status::kReset;
}

// True when nothing is in flight any more: a device is busy for a moment after its last completion
// can be read.
bool NpuDriver::drain(Machine& machine, u64 limit_ns) {
  const u64 begin_ns = machine.now_ns();
  for (;;) {
    u32 in_flight = 0;
    for (u32 i = 0; i < setup_.queue_pairs; ++i) {
      abi::Completion completion;
      while (queues_[i].poll(machine, completion)) {
      }
      in_flight += queues_[i].in_flight();
    }
    const u32 status = machine.read(setup_.base + npu::STATUS);
    if (in_flight == 0 && npu::STATUS_BUSY.get(status) == 0) return true;
    if (machine.now_ns() - begin_ns >= limit_ns) return false;
    machine.relax();
  }
}

void NpuDriver::start_queues(Machine& machine) {
  for (u64& program : resident_) program = 0;
  if (setup_.pim_base != 0) {
    machine.write_pair(setup_.base + npu::PIM_BASE_LO, setup_.pim_base);
  }
  machine.write(setup_.base + npu::CONTROL, npu::CONTROL_ENABLE.put(1));
  const u32 causes = npu::IRQ_RAW_COMPLETION.put((1u << setup_.queue_pairs) - 1u);
  machine.write(setup_.base + npu::IRQ_MASK, setup_.use_interrupts ? causes : 0u);
  for (u32 i = 0; i < setup_.queue_pairs; ++i) {
    const u64 rings = setup_.rings + i * QueuePair::ring_bytes(setup_.entries);
    queues_[i].start(machine, setup_.base, i, rings, setup_.entries, checked_);
  }
}

u32 NpuDriver::submit(Machine& machine, u32 queue, abi::Command command) {
  if (queues_[queue].full()) return 0;
  command.abi_version = abi::kAbiVersion;
  command.tag = next_tag_;
  if (setup_.use_interrupts) command.flags |= abi::kCommandInterrupt;
  if (command.program != 0 && resident_[command.context] != command.program) {
    command.flags |= abi::kCommandReloadProgram;
    resident_[command.context] = command.program;
  }
  queues_[queue].submit(machine, command);
  next_tag_ = next_tag_ == kUnknownTag - 1 ? 1 : next_tag_ + 1;
  return command.tag;
}

u32 NpuDriver::cancel(Machine& machine, u32 queue, u32 tag) {
  abi::Command command{};
  command.opcode = static_cast<u8>(abi::Opcode::kCancel);
  command.semaphore_address = tag;
  return submit(machine, queue, command);
}

bool NpuDriver::poll(Machine& machine, u32 queue, abi::Completion& completion) {
  if (!queues_[queue].poll(machine, completion)) return false;
  // Tags are given in turn: the distance says whether it was given since the last reset.
  const bool given = completion.tag - first_tag_ < next_tag_ - first_tag_;
  if (completion.tag == kUnknownTag || !given) completion.tag = 0;
  return true;
}

void NpuDriver::acknowledge(Machine& machine) {
  machine.write(setup_.base + npu::IRQ_STATUS, npu::IRQ_RAW_COMPLETION.mask());
}

void NpuDriver::clear_errors(Machine& machine) {
  machine.write(setup_.base + npu::ERROR_COUNT, 0);
}

}  // namespace tandem::firmware
