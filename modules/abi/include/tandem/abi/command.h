// SPDX-License-Identifier: Apache-2.0
// Commands, their parameter blocks and completions: what travels through a queue pair.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

#define TANDEM_COMMAND_LIMITS(ITEM)                                        \
  ITEM(std::uint8_t, AbiVersion, 1, "Version of the structures in memory") \
  ITEM(std::uint32_t, MaxSlots, 32, "Slots of a parameter block")          \
  ITEM(std::uint32_t, MaxDraft, 16, "Chain drafts of one DRAFT")           \
  ITEM(std::uint32_t, MaxDraftNodes, 64, "Nodes of a drafted tree")        \
  ITEM(std::uint8_t, NoSlot, 0xFF, "Operand absent")
TANDEM_CONSTANTS(CommandLimits, "Version and limits of commands", TANDEM_COMMAND_LIMITS)

#define TANDEM_OPCODES(ITEM)                                                                      \
  ITEM(Nop, 0, "Completes at once")                                                               \
  ITEM(Run, 1, "Runs a program over a batch once")                                                \
  ITEM(Draft, 2, "Runs a draft program in a loop, a token per sequence and turn")                 \
  ITEM(Verify, 3,                                                                                 \
       "Runs a program over pending and drafted tokens and applies the acceptance rule")          \
  ITEM(Attention, 4, "Attention of one layer for a batch")                                        \
  ITEM(Copy, 5, "Copies bytes from one bus address to another")                                   \
  ITEM(Fence, 6, "Completes when everything submitted before it on its queue pair has completed") \
  ITEM(Cancel, 7, "semaphore_address holds the tag of the command to withdraw")
TANDEM_ENUM(Opcode, u8, "Command::opcode", TANDEM_OPCODES)

#define TANDEM_COMMAND_FLAGS(ITEM)                                                             \
  ITEM(u8, CommandInterrupt, 1u << 0, "Raise the interrupt of the queue pair on completion")   \
  ITEM(u8, CommandWait, 1u << 1, "Start when *semaphore_address >= wait_value")                \
  ITEM(u8, CommandSignal, 1u << 2, "Write signal_value to semaphore_address at the end")       \
  ITEM(u8, CommandReloadProgram, 1u << 3, "Fetch the program even if it is resident")          \
  ITEM(u8, CommandRowsDrafted, 1u << 4, "RUN over pending and drafted tokens, as VERIFY does") \
  ITEM(u8, CommandTurns, 1u << 5,                                                              \
       "Matrices on the NPU in turns with other such commands: from a LINEAR to the next "     \
       "ATTENTION")                                                                            \
  ITEM(u8, CommandKnownFlags, 0x3F, "Any other bit is refused")
TANDEM_CONSTANTS(CommandFlags, "Command::flags", TANDEM_COMMAND_FLAGS)

#define TANDEM_STATUSES(ITEM)                                                                 \
  ITEM(Ok, 0, "Done")                                                                         \
  ITEM(BadOpcode, 1, "Unknown opcode")                                                        \
  ITEM(BadVersion, 2, "abi_version is not the version of the device")                         \
  ITEM(BadFlags, 3, "Unknown flag")                                                           \
  ITEM(BadContext, 4, "No such program context")                                              \
  ITEM(BadProgram, 5, "Program or primitive count, unknown primitive, predecessor not lower") \
  ITEM(BadOperand, 6, "Slot unbound, out of its bounds, wrong format, layout or shape")       \
  ITEM(BadBatch, 7, "Batch table or an entry of it")                                          \
  ITEM(BadParameter, 8, "Parameter block")                                                    \
  ITEM(BusError, 9, "A memory access was answered with an error; value = its address")        \
  ITEM(NoEngine, 10, "No engine of the mask implements the primitive")                        \
  ITEM(Unsupported, 11, "Valid, but this device version does not do it")                      \
  ITEM(NoSpace, 12, "A buffer of the device is too small for the primitive")                  \
  ITEM(Cancelled, 13, "Withdrawn by CANCEL")                                                  \
  ITEM(NotFound, 14, "CANCEL of a tag that is not in flight")                                 \
  ITEM(Reset, 15, "The device was reset")                                                     \
  ITEM(NotANumber, 16, "Logits contained a NaN")                                              \
  ITEM(Corrupted, 17, "A check did not match: see QP_CONTROL.CHECKED")
TANDEM_ENUM(Status, u8, "Completion::status", TANDEM_STATUSES)

#define TANDEM_COMMAND_MEMBERS(ONE, MANY)                                                  \
  ONE(u8, opcode, "Opcode")                                                                \
  ONE(u8, flags, "kCommand... bits")                                                       \
  ONE(u8, abi_version, "kAbiVersion")                                                      \
  ONE(u8, context, "Program context that holds the program")                               \
  ONE(u32, tag, "Returned in the completion")                                              \
  ONE(u64, program, "Address of the program: an array of Primitive, 64-byte aligned")      \
  ONE(u64, batch_table, "Address of batch_count BatchEntry")                               \
  ONE(u64, parameter_block, "Address of a ParameterBlock; COPY: source address")           \
  ONE(u64, result_block, "Address of batch_count VerifyResult; COPY: destination address") \
  ONE(u64, semaphore_address, "32-bit semaphore; CANCEL: tag to withdraw")                 \
  ONE(u32, wait_value, "COPY: bytes; else see kCommandWait")                               \
  ONE(u32, signal_value, "See kCommandSignal")                                             \
  ONE(u16, batch_count, "Entries of the batch table")                                      \
  ONE(u16, primitive_count, "Primitives of the program")                                   \
  ONE(u16, phase, "Phase label for statistics: see Phase")                                 \
  ONE(u16, check, "Where checked: command_check of the rest; else ignored")
TANDEM_STRUCTURE(Command, 64, "Entry of a submission ring", TANDEM_COMMAND_MEMBERS)

// What simulated time is accounted to while the command is the oldest in flight.
#define TANDEM_PHASES(ITEM)         \
  ITEM(Other, 0, "Anything else")   \
  ITEM(Prefill, 1, "Prompt tokens") \
  ITEM(Draft, 2, "Draft passes")    \
  ITEM(Verify, 3, "Verify passes")  \
  ITEM(Decode, 4, "Plain decoding") \
  ITEM(Attention, 5, "Attention given as its own command")
TANDEM_ENUM(Phase, u32, "Label of a command for statistics", TANDEM_PHASES)
constexpr std::uint32_t kPhases =
    static_cast<std::uint32_t>(DescribeEnumeration<Phase>::kInfo.enumerator_count);

#define TANDEM_COMPLETION_MEMBERS(ONE, MANY)                                     \
  ONE(u32, tag, "Tag of the command")                                            \
  ONE(u8, status, "Status")                                                      \
  ONE(u8, phase,                                                                 \
      "Bit 0 flips each time the ring wraps; the first lap writes 1. Bits 7:1: " \
      "where checked, completion_check of the other bytes; else 0")              \
  ONE(u16, primitive, "Index of the primitive that failed, 0xFFFF if none")      \
  ONE(u64, value, "Failure: address or offending value; success: result (tokens, bytes)")
TANDEM_STRUCTURE(Completion, 16, "Entry of a completion ring", TANDEM_COMPLETION_MEMBERS)

#define TANDEM_SPACES(ITEM)                    \
  ITEM(Unbound, 0, "Nowhere; use is an error") \
  ITEM(Bus, 1, "Bus address")                  \
  ITEM(Local, 2, "Local activation buffer")
TANDEM_ENUM(Space, u32, "Where a slot lies", TANDEM_SPACES)

#define TANDEM_SLOT_MEMBERS(ONE, MANY)                                    \
  ONE(u64, base, "Bus address, or offset in the local activation buffer") \
  ONE(u64, bytes, "Length; every access is checked against it")           \
  ONE(u32, space, "Space")                                                \
  ONE(u32, writable, "1: primitives may write")
TANDEM_STRUCTURE(Slot, 24, "A stretch of memory that operands refer to", TANDEM_SLOT_MEMBERS)

#define TANDEM_SAMPLINGS(ITEM)                                                  \
  ITEM(Greedy, 0, "Largest logit, lower index wins")                            \
  ITEM(Standard, 1, "Accept with min(1, p/q), else resample from the residual") \
  ITEM(Coupled, 2, "Gumbel noise keyed by position")
TANDEM_ENUM(Sampling, u32, "How a token is chosen from logits", TANDEM_SAMPLINGS)

#define TANDEM_PARAMETER_MEMBERS(ONE, MANY)                                                        \
  ONE(u32, slot_count, "Slots that follow, at most kMaxSlots")                                     \
  ONE(u32, max_draft, "DRAFT: tokens at most, 1..kMaxDraft")                                       \
  ONE(u32, stop_below, "DRAFT: FP32 bits; stop after a token whose confidence is lower; 0: never") \
  ONE(u32, draft_index, "DRAFT: tokens already in the draft blocks; new ones are appended")        \
  ONE(u32, sampling, "Sampling")                                                                   \
  ONE(u32, temperature, "FP32 bits, > 0; ignored when greedy")                                     \
  ONE(u64, seed, "Seed of the counter-based random numbers")                                       \
  ONE(u32, collective_rank, "Tensor parallelism: this device")                                     \
  ONE(u32, collective_size, "Tensor parallelism: devices; 0 and 1: alone")                         \
  ONE(u32, check, "Where checked: tables_check of this block and the batch table; else ignored")   \
  MANY(u32, reserved, 5, "0")                                                                      \
  MANY(Slot, slots, 32, "Bound for the duration of the command")
TANDEM_STRUCTURE(ParameterBlock, 832, "Parameters of RUN, DRAFT, VERIFY and ATTENTION",
                 TANDEM_PARAMETER_MEMBERS)
constexpr std::size_t kParameterHeaderBytes = offsetof(ParameterBlock, slots);

}  // namespace tandem::abi
