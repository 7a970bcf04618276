// SPDX-License-Identifier: Apache-2.0
#include "apps/command_lane.h"

#include "tandem/firmware/driver/pim.h"

namespace tandem::firmware {

namespace {

constexpr u32 kMostRetries = 2;  // of the same work

// What may go better the next time, unlike a command that is wrong.
bool passes_by(abi::Status status) {
  return status == abi::Status::kBusError || status == abi::Status::kCorrupted;
}

}  // namespace

void revive_pim(const GenerateState& state, Machine& machine) {
  const abi::BootInfo& boot = state.boot;
  if (boot.pim_base == 0 || !state.npu.pim_bound()) return;
  const bool error_of_others = machine.bus_error();
  machine.clear_bus_error();
  PimDriver::revive(machine, boot.pim_base, boot.dram_base);
  machine.clear_bus_error();
  if (error_of_others) machine.set_bus_error();
}

bool CommandLane::may_retry(abi::Status status) {
  if (!passes_by(status) || progress_.retries == kMostRetries) return false;
  ++progress_.retries;
  state_.recoveries.note(machine_, abi::Recovery::kWorkRepeated, 1, status);
  // It may be the program that has not arrived well.
  state_.npu.forget_program(lane_.first_context + progress_.context);
  revive_pim(state_, machine_);
  return true;
}

void CommandLane::submit(const ProgramRef& program, abi::Opcode opcode, abi::Phase phase,
                         u8 flags) {
  if (state_.npu.checked()) lane_.batch.protect(machine_);
  abi::Command command = lane_.batch.command();
  command.opcode = static_cast<u8>(opcode);
  command.flags = flags;
  command.phase = static_cast<u16>(phase);
  command.context = static_cast<u8>(lane_.first_context + program.context);
  command.program = program.address;
  command.primitive_count = static_cast<u16>(program.primitives);
  progress_.context = program.context;
  progress_.lost = false;
  progress_.tag = state_.npu.submit(machine_, lane_.queue, command);
  progress_.submitted_ns = machine_.now_ns();
}

}  // namespace tandem::firmware
