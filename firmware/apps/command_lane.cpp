// SPDX-License-Identifier: Apache-2.0
#include "apps/command_lane.h"

namespace tandem::firmware {

void CommandLane::submit(const ProgramRef& program, abi::Opcode opcode, abi::Phase phase,
                         u8 flags) {
  abi::Command command = lane_.batch.command();
  command.opcode = static_cast<u8>(opcode);
  command.flags = flags;
  command.phase = static_cast<u32>(phase);
  command.context = static_cast<u8>(lane_.first_context + program.context);
  command.program = program.address;
  command.primitive_count = static_cast<u16>(program.primitives);
  progress_.tag = state_.npu.submit(machine_, lane_.queue, command);
  progress_.submitted_ns = machine_.now_ns();
}

}  // namespace tandem::firmware
