// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/kv_cache.h"

#include "tandem/abi/pim_registers.h"

namespace tandem::firmware {

bool PagedKvCache::start(const KvShape& shape, RangeAllocator& control, RangeAllocator& memory) {
  page_tokens_ = shape.page_tokens;
  layout_ = shape.layout;
  banks_ = shape.banked() ? shape.banks : 0;
  channels_ = layout_ == abi::KvLayout::kHeadSplit ? shape.channels : 0;
  kv_heads_ = shape.kv_heads;
  next_first_channel_ = 0;
  pages_per_table_ = shape.pages_per_table();
  list_count_ = shape.lists();

  const u64 base = memory.next();
  const u64 bytes = memory.remaining();
  memory.take_rest();
  const u64 useful = u64{shape.tables} * pages_per_table_;
  for (u32 i = 0; i < list_count_; ++i) {
    const KvRange range = kv_range(shape, i, base, bytes);
    List& list = lists_[i];
    list = {};
    list.first_page = range.first_page;
    list.pages = static_cast<u32>(smaller(useful, range.pages));
    list.returned = control.take(u64{list.pages} * sizeof(u32));
    page_stride_ = range.page_stride;
  }
  total_pages_ = free_pages();
  used_pages_ = 0;
  most_used_pages_ = 0;
  return total_pages_ > 0 && !control.failed();
}

u32 PagedKvCache::free_pages() const {
  u32 pages = 0;
  for (u32 i = 0; i < list_count_; ++i) pages += lists_[i].free();
  return pages;
}

u32 PagedKvCache::least_loaded() const {
  u32 best = 0;
  for (u32 i = 1; i < list_count_; ++i) {
    if (lists_[i].load < lists_[best].load) best = i;
  }
  return best;
}

void PagedKvCache::place(KvTable& table, u32 channel, u64 load) {
  table.channel = channel;
  table.load = load;
  lists_[channel].load += load;
  table.first_channel = next_first_channel_;
  const u32 split_over = 1u << abi::pim::CHANNEL_LAYOUT_CHANNELS.get(channels_);
  next_first_channel_ = (next_first_channel_ + kv_heads_) % split_over;
}

// 0 when the list is empty.
u64 PagedKvCache::take(Machine& machine, u32 index) {
  List& list = lists_[index];
  if (list.free() == 0) return 0;
  u32 page = list.fresh;
  if (list.returned_count > 0) {
    page = machine.shared<u32>(list.returned)[--list.returned_count];
  } else {
    ++list.fresh;
  }
  ++used_pages_;
  most_used_pages_ = larger(most_used_pages_, used_pages_);
  return list.first_page + page * page_stride_;
}

bool PagedKvCache::reserve(Machine& machine, KvTable& table, u32 tokens) {
  const u32 needed = pages_for(tokens);
  if (needed > pages_per_table_) return false;
  u64* const pages = machine.shared<u64>(table.page_table);
  while (table.page_count < needed) {
    u32 from = table.channel;
    for (u32 i = 0; i < list_count_ && lists_[table.channel].free() == 0; ++i) {
      if (lists_[i].free() > lists_[from].free()) from = i;
    }
    const u64 page = take(machine, from);
    if (page == 0) return false;
    pages[table.page_count++] = page;
  }
  return true;
}

// The list that a page came from: its first page is a whole number of pages away.
u32 PagedKvCache::list_of(u64 page) const {
  for (u32 i = 0; i < list_count_; ++i) {
    const List& list = lists_[i];
    if (page < list.first_page || (page - list.first_page) % page_stride_ != 0) continue;
    if ((page - list.first_page) / page_stride_ < list.pages) return i;
  }
  return 0;
}

void PagedKvCache::release(Machine& machine, KvTable& table) {
  const u64* const pages = machine.shared<u64>(table.page_table);
  while (table.page_count > 0) {
    const u64 page = pages[--table.page_count];
    List& list = lists_[list_of(page)];
    machine.shared<u32>(list.returned)[list.returned_count++] =
        static_cast<u32>((page - list.first_page) / page_stride_);
    --used_pages_;
  }
  lists_[table.channel].load -= table.load;
  table.load = 0;
}

abi::KvSet PagedKvCache::describe(const KvTable& table, u32 committed_length) const {
  abi::KvSet set{};
  set.page_table = table.page_table;
  set.page_count = table.page_count;
  set.page_tokens = page_tokens_;
  set.layout = static_cast<u32>(layout_);
  set.committed_length = committed_length;
  set.banks = banks_;
  set.channels = channels_ | table.first_channel << abi::kKvFirstChannelShift;
  return set;
}

}  // namespace tandem::firmware
