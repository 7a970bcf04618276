// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/batch.h"
#include "tandem/firmware/machine.h"
#include "tandem/firmware/runtime/range_allocator.h"

namespace tandem::firmware {

// Pages of one sequence in one KV set.
struct KvTable {
  u64 page_table;  // shared memory, u64[PagedKvCache::pages_per_table()]
  u32 page_count;
};

// Hands out pages of the KV region. The list of free pages and the page tables lie in shared
// memory; a page holds page_tokens tokens of every layer (see abi/batch.h).
class PagedKvCache {
 public:
  struct Shape {
    u32 layers = 0;
    u32 kv_heads = 0;
    u32 head_dim = 0;
    u32 page_tokens = 0;
    u32 max_tokens = 0;  // longest sequence
    u32 tables = 0;      // sequences times KV sets
    abi::KvLayout layout = abi::KvLayout::kTokenMajor;
  };
  static u64 page_bytes(const Shape& shape);

  // Takes as many pages from `memory` as fit, but not more than all tables can use. False when
  // there is no room for one page or for the lists.
  bool start(Machine& machine, const Shape& shape, RangeAllocator& control, RangeAllocator& memory);

  u32 pages_per_table() const { return pages_per_table_; }
  u32 free_pages() const { return free_count_; }

  // Makes room for `tokens` tokens in all. False when the pages run out; the table keeps what it
  // has got so far.
  bool reserve(Machine& machine, KvTable& table, u32 tokens);
  void release(Machine& machine, KvTable& table);
  // What a batch entry says about this table.
  abi::KvSet describe(const KvTable& table, u32 committed_length) const;

 private:
  u64 free_list_;  // shared memory, u64[pages]: addresses of free pages, last one taken first
  u32 free_count_;
  u32 pages_per_table_;
  u32 page_tokens_;
  abi::KvLayout layout_;
};

}  // namespace tandem::firmware
