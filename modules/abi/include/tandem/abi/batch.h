// SPDX-License-Identifier: Apache-2.0
// The batch table: the sequences that one command works on, and what it reports about each.
#pragma once
#include "tandem/abi/command.h"
#include "tandem/abi/enumerations.h"

namespace tandem::abi {

#define TANDEM_BATCH_LIMITS(ITEM)                                            \
  ITEM(std::uint32_t, KvSets, 2, "KV caches of one sequence: target, draft") \
  ITEM(std::uint32_t, MaxStopIds, 4, "Token ids that may end a sequence")
TANDEM_CONSTANTS(BatchLimits, "Sizes of the batch table", TANDEM_BATCH_LIMITS)

// A page holds page_tokens tokens P of every layer, as FP16.
//
// Contiguous (kTokenMajor, kElementMajor):
//   page + layer * layer_bytes:            K [kv_head][token][head_dim]
//   page + layer * layer_bytes + half:     V, by layout
// with layer_bytes = 2 * half and half = kv_heads * P * head_dim * 2. Where values are part of the
// keys (Primitive::value_dim), there is no V and layer_bytes = half; kTokenMajor only.
//
// Banked (kBankRows, kHeadSplit): lines lie in rows of the B banks of a channel. kBankRows has all
// heads in the channel that the page's address names. kHeadSplit has head h of page p of the table
// in channel (F + p * kv_heads + h) mod C, as that channel's head h / C; the address is channel
// 0's. F differs from sequence to sequence, so that all channels have something to do. With E =
// elements of a row, D = head_dim, H = heads in a channel (kv_heads, or its C-th part rounded up):
//   K: a line is a token's keys of G = min(H, E / D, 128) heads, G * D elements; for head h, token
//   t
//      it is line (h / G) * (P / B) + t / B of bank t mod B.
//   V: a line is an element's values of P tokens. A head takes D' elements: D rounded up to a power
//      of two if less than B, else to a multiple of B. Element e of head h is i = h * D' + e, line
//      i / B of bank i mod B.
// A bank's lines follow each other, floor(E / elements of a line) in a row, then the next row. K of
// a layer begins with a row of its own, so does V; layers follow each other. Row r of bank b in
// channel c: address + r * row stride + b * bank stride + c * channel stride. The strides are
// powers of two, in the form of the PIM's registers BANK_LAYOUT and CHANNEL_LAYOUT. D and P may not
// exceed E, and P is a multiple of B.
#define TANDEM_KV_LAYOUTS(ITEM)                                                              \
  ITEM(TokenMajor, 0, "V [kv_head][token][head_dim]")                                        \
  ITEM(ElementMajor, 1, "V [kv_head][head_dim][token]: a PIM bank multiplies along its row") \
  ITEM(BankRows, 2, "A page lies in one channel: K by token over the banks, V by element")   \
  ITEM(HeadSplit, 3, "As BankRows, the heads of a page over the channels in turn")
TANDEM_ENUM(KvLayout, u32, "Order of the values of a KV page", TANDEM_KV_LAYOUTS)

#define TANDEM_KV_SET_MEMBERS(ONE, MANY)                                                     \
  ONE(u64, page_table, "Address of u64 page addresses, one per page_tokens tokens")          \
  ONE(u32, page_count, "Entries of the page table")                                          \
  ONE(u32, page_tokens, "Tokens per page, a multiple of 16")                                 \
  ONE(u32, layout, "KvLayout")                                                               \
  ONE(u32, committed_length, "Tokens whose keys and values are valid; written by KV_COMMIT") \
  ONE(u32, banks, "BankRows, HeadSplit: as BANK_LAYOUT of the PIM, else ignored")            \
  ONE(u32, channels, "HeadSplit: as CHANNEL_LAYOUT of the PIM, F in bits 23:16; else ignored")
TANDEM_STRUCTURE(KvSet, 32, "KV cache of one sequence", TANDEM_KV_SET_MEMBERS)
constexpr u32 kKvFirstChannelShift = 16;  // KvSet::channels

#define TANDEM_TOPOLOGIES(ITEM)                       \
  ITEM(Chain, 0, "Each token follows the one before") \
  ITEM(Tree, 1, "Tokens have parents")
TANDEM_ENUM(Topology, u32, "Shape of a draft", TANDEM_TOPOLOGIES)

#define TANDEM_BATCH_MEMBERS(ONE, MANY)                                                        \
  ONE(u32, request_id, "Names the sequence; part of the random key")                           \
  ONE(u32, pending_count, "Tokens not yet in the KV cache, at least 1")                        \
  ONE(u64, pending_tokens, "Address of pending_count u32 token ids")                           \
  ONE(u32, position_base, "Position of the first pending token")                               \
  ONE(u32, remaining_tokens, "Tokens that ACCEPT may emit; 0 without a draft: it passes over") \
  ONE(u64, draft_block, "Address of the DraftBlock; 0: none")                                  \
  ONE(u32, topology, "Topology of the drafted tokens")                                         \
  ONE(u32, stop_count, "Valid entries of stop_ids")                                            \
  ONE(u64, topology_block, "Tree: address of parent, depth and ancestor masks; chain: 0")      \
  ONE(u64, rng_key, "Mixed into the seed")                                                     \
  MANY(u32, stop_ids, 4, "Token ids that end the sequence")                                    \
  MANY(KvSet, kv, 2, "Set 0: target; set 1: draft, if it keeps its own")
TANDEM_STRUCTURE(BatchEntry, 136, "One sequence of a batch table", TANDEM_BATCH_MEMBERS)

#define TANDEM_DRAFT_BLOCK_MEMBERS(ONE, MANY)                                        \
  ONE(u32, count, "Drafted tokens")                                                  \
  ONE(u32, stopped_early, "1: the last token's confidence was below stop_below")     \
  ONE(u64, distributions, "Address of FP32 q[count][vocabulary]; 0: not kept")       \
  ONE(u32, distribution_stride, "Bytes from one distribution to the next")           \
  ONE(u32, distribution_capacity, "Distributions that fit")                          \
  MANY(u32, reserved, 2, "0")                                                        \
  MANY(u32, tokens, 64, "Token ids")                                                 \
  MANY(u32, confidences, 64, "FP32 bits: probability that the draft gave the token") \
  MANY(u8, parents, 64, "Tree: index of the parent, 0xFF for the root; chain: unused")
TANDEM_STRUCTURE(DraftBlock, 608, "What DRAFT writes and VERIFY reads, per sequence",
                 TANDEM_DRAFT_BLOCK_MEMBERS)
constexpr std::size_t kDraftHeaderBytes = offsetof(DraftBlock, tokens);

#define TANDEM_STOP_REASONS(ITEM)          \
  ITEM(None, 0, "It goes on")              \
  ITEM(StopId, 1, "A stop id was emitted") \
  ITEM(Length, 2, "remaining_tokens were emitted")
TANDEM_ENUM(StopReason, u32, "Why a sequence ended", TANDEM_STOP_REASONS)

#define TANDEM_VERIFY_RESULT_MEMBERS(ONE, MANY)                                        \
  ONE(u32, drafted, "Drafted tokens that were checked")                                \
  ONE(u32, accepted, "Drafted tokens that passed the acceptance rule")                 \
  ONE(u32, emitted, "Tokens to output: accepted ones, then next_token, cut at a stop") \
  ONE(u32, next_token, "Token that the target chose after the accepted ones")          \
  ONE(u32, stop_reason, "StopReason")                                                  \
  ONE(u32, committed_length, "Length of KV set after KV_COMMIT")                       \
  ONE(u32, next_confidence, "FP32 bits: probability that the target gave next_token")  \
  ONE(u32, reserved, "0")                                                              \
  MANY(u8, path, 64, "Tree: accepted nodes in order; chain: unused")
TANDEM_STRUCTURE(VerifyResult, 96, "Outcome of ACCEPT, per sequence", TANDEM_VERIFY_RESULT_MEMBERS)

}  // namespace tandem::abi
