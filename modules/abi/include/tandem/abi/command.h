// SPDX-License-Identifier: Apache-2.0
// Commands, their parameter blocks and completions: what travels through a queue pair.
#pragma once
#include "tandem/abi/structures.h"

namespace tandem::abi {

constexpr std::uint8_t kAbiVersion = 1;
constexpr std::uint32_t kMaxSlots = 32;
constexpr std::uint32_t kMaxDraft = 16;       // chain drafts of one DRAFT
constexpr std::uint32_t kMaxDraftNodes = 64;  // nodes of a drafted tree
constexpr std::uint8_t kNoSlot = 0xFF;

enum class Opcode : u8 {
  kNop = 0,
  kRun = 1,
  kDraft = 2,
  kVerify = 3,
  kAttention = 4,
  kCopy = 5,
  kFence = 6,   // completes when everything submitted before it on its queue pair has completed
  kCancel = 7,  // `semaphore_address` holds the tag of the command to withdraw
};

// Command::flags
constexpr u8 kCommandInterrupt = 1u << 0;      // raise the queue pair's interrupt on completion
constexpr u8 kCommandWait = 1u << 1;           // start when *semaphore_address >= wait_value
constexpr u8 kCommandSignal = 1u << 2;         // write signal_value to semaphore_address at the end
constexpr u8 kCommandReloadProgram = 1u << 3;  // fetch the program even if it is resident
constexpr u8 kCommandRowsDrafted = 1u << 4;    // RUN over pending and drafted tokens, as VERIFY does
constexpr u8 kCommandKnownFlags = 0x1F;

enum class Status : u8 {
  kOk = 0,
  kBadOpcode = 1,
  kBadVersion = 2,
  kBadFlags = 3,
  kBadContext = 4,
  kBadProgram = 5,     // program or primitive count, unknown primitive, predecessor not lower
  kBadOperand = 6,     // slot unbound, out of its bounds, wrong format, layout or shape
  kBadBatch = 7,       // batch table or an entry of it
  kBadParameter = 8,   // parameter block
  kBusError = 9,       // a memory access was answered with an error; value = its address
  kNoEngine = 10,      // no engine of the mask implements the primitive
  kUnsupported = 11,   // valid, but this device version does not do it
  kNoSpace = 12,       // a buffer of the device is too small for the primitive
  kCancelled = 13,
  kNotFound = 14,      // CANCEL of a tag that is not in flight
  kReset = 15,
  kNotANumber = 16,    // logits contained a NaN
};

#define TANDEM_COMMAND_MEMBERS(ONE, MANY)                                                        \
  ONE(u8, opcode, "Opcode")                                                                      \
  ONE(u8, flags, "kCommand... bits")                                                             \
  ONE(u8, abi_version, "kAbiVersion")                                                            \
  ONE(u8, context, "Program context that holds the program")                                     \
  ONE(u32, tag, "Returned in the completion")                                                    \
  ONE(u64, program, "Address of the program: an array of Primitive, 64-byte aligned")            \
  ONE(u64, batch_table, "Address of batch_count BatchEntry")                                     \
  ONE(u64, parameter_block, "Address of a ParameterBlock; COPY: source address")                 \
  ONE(u64, result_block, "Address of batch_count VerifyResult; COPY: destination address")       \
  ONE(u64, semaphore_address, "32-bit semaphore; CANCEL: tag to withdraw")                       \
  ONE(u32, wait_value, "COPY: bytes; else see kCommandWait")                                     \
  ONE(u32, signal_value, "See kCommandSignal")                                                   \
  ONE(u16, batch_count, "Entries of the batch table")                                            \
  ONE(u16, primitive_count, "Primitives of the program")                                         \
  ONE(u32, phase, "Phase label for statistics: see Phase")
TANDEM_STRUCTURE(Command, 64, "Entry of a submission ring", TANDEM_COMMAND_MEMBERS)

// What simulated time is accounted to while the command is the oldest in flight.
enum class Phase : u32 { kOther = 0, kPrefill = 1, kDraft = 2, kVerify = 3, kDecode = 4,
                         kAttention = 5 };
constexpr std::uint32_t kPhases = 6;

#define TANDEM_COMPLETION_MEMBERS(ONE, MANY)                                                      \
  ONE(u32, tag, "Tag of the command")                                                             \
  ONE(u8, status, "Status")                                                                       \
  ONE(u8, phase, "Bit 0 flips each time the ring wraps; the first lap writes 1")                  \
  ONE(u16, primitive, "Index of the primitive that failed, 0xFFFF if none")                       \
  ONE(u64, value, "Failure: address or offending value; success: result (tokens, bytes)")
TANDEM_STRUCTURE(Completion, 16, "Entry of a completion ring", TANDEM_COMPLETION_MEMBERS)

enum class Space : u32 { kUnbound = 0, kBus = 1, kLocal = 2 };

#define TANDEM_SLOT_MEMBERS(ONE, MANY)                                                            \
  ONE(u64, base, "Bus address, or offset in the local activation buffer")                         \
  ONE(u64, bytes, "Length; every access is checked against it")                                   \
  ONE(u32, space, "Space")                                                                        \
  ONE(u32, writable, "1: primitives may write")
TANDEM_STRUCTURE(Slot, 24, "A stretch of memory that operands refer to", TANDEM_SLOT_MEMBERS)

enum class Sampling : u32 { kGreedy = 0, kStandard = 1, kCoupled = 2 };

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
  MANY(u32, reserved, 6, "0")                                                                      \
  MANY(Slot, slots, 32, "Bound for the duration of the command")
TANDEM_STRUCTURE(ParameterBlock, 832, "Parameters of RUN, DRAFT, VERIFY and ATTENTION",
                 TANDEM_PARAMETER_MEMBERS)
constexpr std::size_t kParameterHeaderBytes = offsetof(ParameterBlock, slots);

}  // namespace tandem::abi
