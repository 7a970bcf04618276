// SPDX-License-Identifier: Apache-2.0
// What firmware finds at a fixed address when it starts.
#pragma once
#include "tandem/abi/structures.h"

namespace tandem::abi {

constexpr u64 kBootInfoAddress = 0x1000'0000;
constexpr std::uint32_t kBootMagic = 0x5442'4F54;  // "TOBT"

enum class Policy : u32 { kPlain = 0, kSelfSpeculative = 1 };
enum class Granularity : u32 { kStep = 0, kLayer = 1 };
enum class Placement : u32 { kNpu = 0, kPim = 1, kAuto = 2 };
enum class DraftKv : u32 { kOwn = 0, kShared = 1 };

constexpr u32 kBootEchoText = 1u << 0;  // write the text of sequence 0 to the UART

#define TANDEM_POLICY_MEMBERS(ONE, MANY)                                                          \
  ONE(u32, policy, "Policy")                                                                      \
  ONE(u32, granularity, "Granularity of commands")                                                \
  ONE(u32, attention, "Placement of attention")                                                   \
  ONE(u32, linear, "Placement of linear layers")                                                  \
  ONE(u32, draft_length, "Tokens drafted per round, 1..kMaxDraft")                                \
  ONE(u32, stop_below, "FP32 bits; 0: always draft the full length")                              \
  ONE(u32, draft_classifier_full, "1: the draft pass uses the full classifier")                   \
  ONE(u32, draft_kv, "DraftKv")                                                                   \
  ONE(u32, max_batch, "Sequences decoded together")                                               \
  ONE(u32, prefill_chunk, "Prompt tokens per sequence and command")                               \
  ONE(u32, page_tokens, "Tokens of a KV page")                                                    \
  ONE(u32, use_interrupts, "1: wait for interrupts, 0: poll")
TANDEM_STRUCTURE(PolicyBlock, 48, "How the firmware decodes", TANDEM_POLICY_MEMBERS)

#define TANDEM_BOOT_MEMBERS(ONE, MANY)                                                            \
  ONE(u32, magic, "kBootMagic")                                                                   \
  ONE(u32, abi_version, "kAbiVersion")                                                            \
  ONE(u64, seed, "Seed of the random numbers")                                                    \
  ONE(u64, npu_base, "Registers of the NPU; 0: absent, as for all below")                         \
  ONE(u64, pim_base, "Registers of the PIM")                                                      \
  ONE(u64, intc_base, "Registers of the interrupt controller")                                    \
  ONE(u64, timer_base, "Registers of the timer")                                                  \
  ONE(u64, uart_base, "Registers of the UART")                                                    \
  ONE(u64, mailbox_base, "Registers of the mailbox")                                              \
  ONE(u32, npu_irq, "Line of the interrupt controller")                                           \
  ONE(u32, pim_irq, "Line of the interrupt controller")                                           \
  ONE(u32, timer_irq, "Line of the interrupt controller")                                         \
  ONE(u32, mailbox_irq, "Line of the interrupt controller")                                       \
  ONE(u64, shared_base, "Control memory free for rings, programs and tables")                     \
  ONE(u64, shared_bytes, "")                                                                      \
  ONE(u64, dram_base, "Memory behind the NPU and the PIM")                                        \
  ONE(u64, dram_bytes, "")                                                                        \
  ONE(u64, kv_base, "Part of it that is free for the KV cache and draft distributions")           \
  ONE(u64, kv_bytes, "")                                                                          \
  ONE(u64, model_image, "Address of the ModelImage")                                              \
  ONE(u32, flags, "kBoot... bits")                                                                \
  ONE(u32, timeout_us, "A command that takes longer has failed")                                  \
  ONE(PolicyBlock, policy, "")                                                                    \
  MANY(u64, reserved, 4, "0")
TANDEM_STRUCTURE(BootInfo, 224, "Memory map, devices, policy", TANDEM_BOOT_MEMBERS)

}  // namespace tandem::abi
