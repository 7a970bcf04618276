// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/batch.h"
#include "tandem/firmware/machine.h"
#include "tandem/firmware/runtime/kv_plan.h"
#include "tandem/firmware/runtime/range_allocator.h"

namespace tandem::firmware {

// Pages of one sequence in one KV set.
struct KvTable {
  u64 page_table;  // shared memory, u64[PagedKvCache::pages_per_table()]
  u32 page_count;
  u32 channel;        // whose pages it takes as long as there are some
  u32 first_channel;  // kHeadSplit: of head 0 of the first page
  u64 load;           // what it counts for in that channel
};

// Hands out pages of the KV region. Page tables, and lists of the pages that came back, lie in
// shared memory; a page holds page_tokens tokens of every layer (see abi/batch.h). With the layout
// kBankRows each channel has pages of its own, and a sequence keeps to one channel.
class PagedKvCache {
 public:
  // Takes all of `memory`, but counts on no more pages than all tables can use. False when there is
  // no room for one page or for the lists.
  bool start(const KvShape& shape, RangeAllocator& control, RangeAllocator& memory);

  abi::KvLayout layout() const { return layout_; }
  u32 page_tokens() const { return page_tokens_; }
  u32 pages_per_table() const { return pages_per_table_; }
  u32 free_pages() const;
  u32 free_pages(u32 channel) const { return lists_[channel].free(); }
  u32 total_pages() const { return total_pages_; }
  u32 most_used_pages() const { return most_used_pages_; }
  u32 pages_for(u32 tokens) const { return static_cast<u32>(divide_up(tokens, page_tokens_)); }
  // Channels that pages are handed out for one by one: 1 unless the layout is kBankRows.
  u32 channels() const { return list_count_; }

  // The channel whose sequences have the smallest loads together, the lowest of equals.
  u32 least_loaded() const;
  // A table without pages takes them of `channel` if possible, and counts for `load` there. With
  // kHeadSplit its heads go on in the channel behind those of the table placed before.
  void place(KvTable& table, u32 channel, u64 load);
  // Makes room for `tokens` tokens in all, in other channels once the table's own is full. False
  // when the pages run out; the table keeps what it has got so far.
  bool reserve(Machine& machine, KvTable& table, u32 tokens);
  void release(Machine& machine, KvTable& table);
  // What a batch entry says about this table.
  abi::KvSet describe(const KvTable& table, u32 committed_length) const;

 private:
  struct List {
    u64 first_page;  // address
    u64 returned;    // shared memory, u32[pages]: indices of pages that came back
    u32 pages;
    u32 fresh;           // pages never handed out begin with this one
    u32 returned_count;  // the last one is taken first
    u64 load;            // of the tables placed here
    u32 free() const { return pages - fresh + returned_count; }
  };
  u64 take(Machine& machine, u32 list);
  u32 list_of(u64 page) const;

  u32 total_pages_;
  u32 used_pages_;
  u32 most_used_pages_;
  u32 list_count_;
  List lists_[kMaxKvChannels];
  u64 page_stride_;
  u32 pages_per_table_;
  u32 page_tokens_;
  abi::KvLayout layout_;
  u32 banks_;
  u32 channels_;
  u32 kv_heads_;
  u32 next_first_channel_;  // of the table that is placed next
};

}  // namespace tandem::firmware
