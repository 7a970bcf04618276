// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/kv_plan.h"

#include "tandem/abi/formats.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/firmware/runtime/policy.h"

namespace tandem::firmware {

namespace {

namespace pim_regs = abi::pim;
using abi::KvLayout;
using abi::KvPlacement;

// The strides of a shape's banks and channels.
struct Strides {
  u32 row_elements;
  u32 banks;
  u32 channels;
  u32 row_shift;
  u32 channel_shift;
};

Strides strides_of(const KvShape& shape) {
  return {(1u << pim_regs::BANK_LAYOUT_ROW.get(shape.banks)) / 2,
          1u << pim_regs::BANK_LAYOUT_BANKS.get(shape.banks),
          1u << pim_regs::CHANNEL_LAYOUT_CHANNELS.get(shape.channels),
          pim_regs::BANK_LAYOUT_ROW_STRIDE.get(shape.banks),
          pim_regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(shape.channels)};
}

abi::KvLines lines_of(const KvShape& shape) {
  const Strides strides = strides_of(shape);
  const bool split = shape.layout == KvLayout::kHeadSplit;
  const u32 heads =
      split ? static_cast<u32>(divide_up(shape.kv_heads, strides.channels)) : shape.kv_heads;
  return abi::kv_lines(heads, shape.head_dim, shape.page_tokens, strides.row_elements,
                       strides.banks);
}

// Rows [first, end) of the banks of a channel.
struct Rows {
  u64 first;
  u64 end;
};

// Rows of a channel that lie in [base, base + bytes) in all banks; both count from row 0.
Rows rows_in(const Strides& strides, u32 channel, u64 base, u64 bytes) {
  const bool channel_above_row = strides.channels > 1 && strides.channel_shift > strides.row_shift;
  const u64 begin = channel_above_row ? u64{channel} << strides.channel_shift : 0;
  const u64 from = base > begin ? base - begin : 0;
  const u64 to = base + bytes > begin ? base + bytes - begin : 0;
  Rows rows{divide_up(from, u64{1} << strides.row_shift), to >> strides.row_shift};
  if (channel_above_row) {
    rows.end = smaller(rows.end, u64{1} << (strides.channel_shift - strides.row_shift));
  }
  return rows;
}

KvRange banked_range(const KvShape& shape, u32 list, u64 base, u64 bytes) {
  const Strides strides = strides_of(shape);
  const u64 rows_per_page = u64{shape.layers} * lines_of(shape).rows();
  if (rows_per_page == 0 || base < shape.dram_base) return {};
  const bool split = shape.layout == KvLayout::kHeadSplit;
  Rows rows = rows_in(strides, split ? 0 : list, base - shape.dram_base, bytes);
  for (u32 channel = 1; split && channel < strides.channels; ++channel) {
    const Rows other = rows_in(strides, channel, base - shape.dram_base, bytes);
    rows = {larger(rows.first, other.first), smaller(rows.end, other.end)};
  }
  const u64 channel_offset = split ? 0 : u64{list} << strides.channel_shift;
  return {shape.dram_base + channel_offset + (rows.first << strides.row_shift),
          rows_per_page << strides.row_shift,
          rows.end > rows.first ? (rows.end - rows.first) / rows_per_page : 0};
}

KvRange contiguous_range(const KvShape& shape, u64 base, u64 bytes) {
  const u64 page = align_up(u64{shape.layers} * (shape.keys_only ? 1 : 2) * shape.kv_heads *
                                shape.page_tokens * shape.head_dim * sizeof(u16),
                            64);
  const u64 first = align_up(base, 64);
  const u64 lost = first - base;
  return {first, page, bytes > lost ? (bytes - lost) / page : 0};
}

u64 pages_in(const KvShape& shape, u64 base, u64 bytes) {
  u64 pages = 0;
  for (u32 list = 0; list < shape.lists(); ++list) {
    pages += kv_range(shape, list, base, bytes).pages;
  }
  return pages;
}

// Halves the page until all tables fit, but not below what PIM commands need: whole chunks, and a
// token per bank. False when there is no such page, or not even one sequence fits.
bool choose_page(u64 base, u64 bytes, KvShape& shape) {
  const Strides strides = strides_of(shape);
  const u32 shortest = larger(abi::kChunk, strides.banks);
  shape.page_tokens = shortest;
  while (shape.page_tokens * 2 <= strides.row_elements && shape.page_tokens < shape.max_tokens) {
    shape.page_tokens *= 2;
  }
  if (!lines_of(shape).possible()) return false;
  while (shape.page_tokens > shortest &&
         pages_in(shape, base, bytes) < u64{shape.tables} * shape.pages_per_table()) {
    shape.page_tokens /= 2;
  }
  return pages_in(shape, base, bytes) >= shape.pages_per_table();
}

KvLayout wanted_layout(const abi::PolicyBlock& policy, bool pim_attends, u32 sequences,
                       u32 channels) {
  switch (static_cast<KvPlacement>(policy.kv_layout)) {
    case KvPlacement::kBankRows:
      return KvLayout::kBankRows;
    case KvPlacement::kHeadSplit:
      return KvLayout::kHeadSplit;
    case KvPlacement::kAuto:
      if (pim_attends) return sequences >= channels ? KvLayout::kBankRows : KvLayout::kHeadSplit;
      return KvLayout::kTokenMajor;
    default:
      return KvLayout::kTokenMajor;
  }
}

}  // namespace

u32 KvShape::lists() const {
  return layout == KvLayout::kBankRows ? 1u << pim_regs::CHANNEL_LAYOUT_CHANNELS.get(channels) : 1;
}

KvRange kv_range(const KvShape& shape, u32 list, u64 base, u64 bytes) {
  return shape.banked() ? banked_range(shape, list, base, bytes)
                        : contiguous_range(shape, base, bytes);
}

// The constants are those of the NeuPIMs authors' simulator (ASPLOS 2024): a vector copied to the
// global buffer, and a row of all banks multiplied and read out.
u64 attention_cycles(const KvShape& shape, u32 tokens) {
  constexpr u64 kVectorCycles = 100;
  constexpr u64 kRowCycles = 184;
  if (shape.layout != KvLayout::kBankRows) return 0;
  const Strides strides = strides_of(shape);
  const u64 elements = u64{shape.kv_heads} * shape.head_dim;
  const u64 scores = divide_up(elements, strides.row_elements) *
                     (kVectorCycles + kRowCycles * divide_up(tokens, strides.banks));
  const u64 sums = shape.kv_heads * divide_up(tokens, strides.row_elements) *
                   (kVectorCycles + kRowCycles * divide_up(shape.head_dim, strides.banks));
  return scores + sums;
}

void plan_kv(const abi::PolicyBlock& policy, const PimFacts& pim, u32 sequences, u64 base,
             u64 bytes, KvShape& shape) {
  const bool pim_able = (pim.formats >> static_cast<u32>(abi::Format::kFp16) & 1u) != 0;
  const u32 on_npu = static_cast<u32>(abi::Placement::kNpu);
  const bool pim_attends = pim_able && !shape.keys_only &&
                           (policy.attention != on_npu ||
                            draft_placement(policy.draft_attention, policy.attention) != on_npu);
  shape.banks = pim.banks;
  shape.channels = pim.channels;
  shape.dram_base = pim.dram_base;
  const u32 channels = 1u << pim_regs::CHANNEL_LAYOUT_CHANNELS.get(pim.channels);
  shape.layout = shape.keys_only ? KvLayout::kTokenMajor
                                 : wanted_layout(policy, pim_attends, sequences, channels);
  if (shape.banked() && pim.banks != 0 && channels <= kMaxKvChannels &&
      choose_page(base, bytes, shape)) {
    return;
  }
  shape.layout = pim_attends ? KvLayout::kElementMajor : KvLayout::kTokenMajor;
  // A PIM multiplies along a row of values, whole chunks at a time.
  shape.page_tokens = pim_attends ? static_cast<u32>(align_up(policy.page_tokens, abi::kChunk))
                                  : policy.page_tokens;
}

}  // namespace tandem::firmware
