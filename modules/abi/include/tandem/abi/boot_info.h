// SPDX-License-Identifier: Apache-2.0
// What firmware finds at a fixed address when it starts.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

#define TANDEM_BOOT_CONSTANTS(ITEM)                                  \
  ITEM(u64, BootInfoAddress, 0x1000'0000, "Bus address of BootInfo") \
  ITEM(std::uint32_t, BootMagic, 0x5442'4F54, "TOBT")
TANDEM_CONSTANTS(Boot, "Where firmware starts", TANDEM_BOOT_CONSTANTS)

#define TANDEM_POLICIES(ITEM)          \
  ITEM(Plain, 0, "One token per pass") \
  ITEM(SelfSpeculative, 1, "Draft with the bits of the own weights, then verify")
TANDEM_ENUM(Policy, u32, "Decoding policy", TANDEM_POLICIES)

#define TANDEM_GRANULARITIES(ITEM)            \
  ITEM(Step, 0, "A whole pass or draft loop") \
  ITEM(Layer, 1, "One layer")
TANDEM_ENUM(Granularity, u32, "How much one command does", TANDEM_GRANULARITIES)

#define TANDEM_PLACEMENTS(ITEM) \
  ITEM(Npu, 0, "The NPU")       \
  ITEM(Pim, 1, "The PIM")       \
  ITEM(Auto, 2, "The device chooses")
TANDEM_ENUM(Placement, u32, "Engine that runs a kind of primitive", TANDEM_PLACEMENTS)

#define TANDEM_DRAFT_KV(ITEM) \
  ITEM(Own, 0, "KV set 1")    \
  ITEM(Shared, 1, "KV set 0, overwritten by verification")
TANDEM_ENUM(DraftKv, u32, "KV cache of the draft", TANDEM_DRAFT_KV)

#define TANDEM_KV_PLACEMENTS(ITEM)                                                    \
  ITEM(Auto, 0,                                                                       \
       "BankRows with as many sequences as channels, else HeadSplit; without a PIM "  \
       "that attends, or where its rows are not in strides: Contiguous")              \
  ITEM(Contiguous, 1, "TokenMajor, or ElementMajor if a PIM may attend")              \
  ITEM(BankRows, 2, "A sequence in one channel; Contiguous where that is impossible") \
  ITEM(HeadSplit, 3, "A sequence over all channels; Contiguous where that is impossible")
TANDEM_ENUM(KvPlacement, u32, "Where the firmware puts the KV cache", TANDEM_KV_PLACEMENTS)

#define TANDEM_CHANNEL_PACKINGS(ITEM)                                           \
  ITEM(Tokens, 0, "The channel with the fewest tokens to come")                 \
  ITEM(MinLoad, 1, "Longest first, the channel with the least attention to do") \
  ITEM(RoundRobin, 2, "The channels in turn")
TANDEM_ENUM(ChannelPacking, u32, "Which channel a sequence of BankRows goes to",
            TANDEM_CHANNEL_PACKINGS)

#define TANDEM_DRAFT_PLACEMENTS(ITEM)   \
  ITEM(Same, 0, "Where the others run") \
  ITEM(Npu, 1, "The NPU")               \
  ITEM(Pim, 2, "The PIM")               \
  ITEM(Auto, 3, "The device chooses")
TANDEM_ENUM(DraftPlacement, u32, "Engine that runs a kind of primitive in draft passes",
            TANDEM_DRAFT_PLACEMENTS)

#define TANDEM_DRAFT_CONTROLS(ITEM)                      \
  ITEM(Length, 0, "As many tokens as draft_length says") \
  ITEM(History, 1, "While tokens like the last ones are accepted more often than not")
TANDEM_ENUM(DraftControl, u32, "How long drafting goes on ahead of verification",
            TANDEM_DRAFT_CONTROLS)

#define TANDEM_BOOT_FLAGS(ITEM)                                                \
  ITEM(u32, BootEchoText, 1u << 0, "Write the text of sequence 0 to the UART") \
  ITEM(u32, BootChecked, 1u << 1, "Protect commands with checks where the device can")
TANDEM_CONSTANTS(BootFlags, "BootInfo::flags", TANDEM_BOOT_FLAGS)

#define TANDEM_POLICY_MEMBERS(ONE, MANY)                                             \
  ONE(u32, policy, "Policy")                                                         \
  ONE(u32, granularity, "Granularity of commands")                                   \
  ONE(u32, attention, "Placement of attention")                                      \
  ONE(u32, linear, "Placement of linear layers")                                     \
  ONE(u32, draft_length, "Tokens drafted per round, 1..kMaxDraft")                   \
  ONE(u32, stop_below, "FP32 bits; 0: always draft the full length")                 \
  ONE(u32, draft_classifier_full, "1: the draft pass uses the full classifier")      \
  ONE(u32, draft_kv, "DraftKv")                                                      \
  ONE(u32, max_batch, "Sequences decoded together")                                  \
  ONE(u32, prefill_chunk, "Prompt tokens per sequence and command, at most")         \
  ONE(u32, page_tokens, "Tokens of a KV page")                                       \
  ONE(u32, use_interrupts, "1: wait for interrupts, 0: poll")                        \
  ONE(u32, kv_layout, "KvPlacement")                                                 \
  ONE(u32, batch_tokens, "Token positions per command, at most; 0: what fits")       \
  ONE(u32, sub_batches, "Parts of the batch with a command each in flight: 1, 2")    \
  ONE(u32, sub_batch_min, "Sequences from which on there are 2")                     \
  ONE(u32, channel_packing, "ChannelPacking")                                        \
  ONE(u32, draft_ahead, "Tokens drafted beyond those that are verified; 0: in turn") \
  ONE(u32, draft_control, "DraftControl; with draft_ahead")                          \
  ONE(u32, draft_attention, "DraftPlacement of attention")                           \
  ONE(u32, draft_linear, "DraftPlacement of linear layers")                          \
  ONE(u32, pre_verify, "1: a round's head is verified where drafts run; with draft_ahead")
TANDEM_STRUCTURE(PolicyBlock, 88, "How the firmware decodes", TANDEM_POLICY_MEMBERS)

#define TANDEM_BOOT_MEMBERS(ONE, MANY)                                                  \
  ONE(u32, magic, "kBootMagic")                                                         \
  ONE(u32, abi_version, "kAbiVersion")                                                  \
  ONE(u64, seed, "Seed of the random numbers")                                          \
  ONE(u64, npu_base, "Registers of the NPU; 0: absent, as for all below")               \
  ONE(u64, pim_base, "Registers of the PIM")                                            \
  ONE(u64, intc_base, "Registers of the interrupt controller")                          \
  ONE(u64, timer_base, "Registers of the timer")                                        \
  ONE(u64, uart_base, "Registers of the UART")                                          \
  ONE(u64, mailbox_base, "Registers of the mailbox")                                    \
  ONE(u64, syscon_base, "Registers of the system controller")                           \
  ONE(u32, npu_irq, "Line of the interrupt controller")                                 \
  ONE(u32, pim_irq, "Line of the interrupt controller")                                 \
  ONE(u32, timer_irq, "Line of the interrupt controller")                               \
  ONE(u32, mailbox_irq, "Line of the interrupt controller")                             \
  ONE(u64, shared_base, "Control memory free for rings, programs and tables")           \
  ONE(u64, shared_bytes, "")                                                            \
  ONE(u64, dram_base, "Memory behind the NPU and the PIM")                              \
  ONE(u64, dram_bytes, "")                                                              \
  ONE(u64, kv_base, "Part of it that is free for the KV cache and draft distributions") \
  ONE(u64, kv_bytes, "")                                                                \
  ONE(u64, model_image, "Address of the ModelImage")                                    \
  ONE(u32, flags, "kBoot... bits")                                                      \
  ONE(u32, timeout_us, "A command that takes longer has failed")                        \
  ONE(PolicyBlock, policy, "")
TANDEM_STRUCTURE(BootInfo, 240, "Memory map, devices, policy", TANDEM_BOOT_MEMBERS)

}  // namespace tandem::abi
