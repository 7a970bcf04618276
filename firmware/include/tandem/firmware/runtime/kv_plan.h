// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/batch.h"
#include "tandem/abi/boot_info.h"
#include "tandem/abi/kv_lines.h"
#include "tandem/abi/model_image.h"
#include "tandem/firmware/driver/pim.h"
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

constexpr u32 kMaxKvChannels = 256;

// What a KV cache must hold, and in which layout.
struct KvShape {
  u32 layers = 0;
  u32 kv_heads = 0;
  u32 head_dim = 0;
  bool keys_only = false;  // values are part of the keys
  u32 page_tokens = 0;
  u32 max_tokens = 0;  // longest sequence
  u32 tables = 0;      // sequences times KV sets
  abi::KvLayout layout = abi::KvLayout::kTokenMajor;
  // Banked layouts.
  u32 banks = 0;      // as BANK_LAYOUT of the PIM
  u32 channels = 0;   // as CHANNEL_LAYOUT
  u64 dram_base = 0;  // where channel 0, bank 0, row 0 is on the bus

  bool banked() const { return layout >= abi::KvLayout::kBankRows; }
  u32 pages_per_table() const { return static_cast<u32>(divide_up(max_tokens, page_tokens)); }
  // Channels that pages are handed out for: of kBankRows all, otherwise one list serves all.
  u32 lists() const;
};

// The addresses that a list of pages covers.
struct KvRange {
  u64 first_page;
  u64 page_stride;
  u64 pages;
};
// Pages of list `list` that fit in [base, base + bytes), rows of the banks included.
KvRange kv_range(const KvShape& shape, u32 list, u64 base, u64 bytes);

// Cycles that attention over `tokens` tokens takes in the banks of the sequence's channel, by the
// estimate of NeuPIMs; 0 where no sequence keeps to a channel.
u64 attention_cycles(const KvShape& shape, u32 tokens);

// Completes `shape`, in which layers to tables are set: the layout that the policy asks for, or
// contiguous pages where the memory, the heads or the region do not allow it, and the page length.
// A banked page is as long as a row of a bank, less where not all tables would fit.
void plan_kv(const abi::PolicyBlock& policy, const PimFacts& pim, u32 sequences, u64 base,
             u64 bytes, KvShape& shape);

}  // namespace tandem::firmware
