// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/kv_cache.h"

namespace tandem::firmware {

u64 PagedKvCache::page_bytes(const Shape& shape) {
  return u64{shape.layers} * 2 * shape.kv_heads * shape.page_tokens * shape.head_dim * sizeof(u16);
}

bool PagedKvCache::start(Machine& machine, const Shape& shape, RangeAllocator& control,
                         RangeAllocator& memory) {
  page_tokens_ = shape.page_tokens;
  layout_ = shape.layout;
  pages_per_table_ = static_cast<u32>(divide_up(shape.max_tokens, shape.page_tokens));

  const u64 bytes = align_up(page_bytes(shape), 64);
  const u64 useful = u64{shape.tables} * pages_per_table_;
  // The first page may lose up to 63 bytes to its alignment.
  const u64 fitting = (memory.remaining() - smaller<u64>(memory.remaining(), 63)) / bytes;
  free_count_ = static_cast<u32>(smaller(useful, fitting));
  free_list_ = control.take(u64{free_count_} * sizeof(u64));
  if (free_count_ == 0 || free_list_ == 0) return false;

  // Filled so that pages are handed out in ascending order of address.
  u64* const list = machine.shared<u64>(free_list_);
  for (u32 i = 0; i < free_count_; ++i) list[free_count_ - 1 - i] = memory.take(bytes);
  return true;
}

bool PagedKvCache::reserve(Machine& machine, KvTable& table, u32 tokens) {
  const u32 needed = static_cast<u32>(divide_up(tokens, page_tokens_));
  if (needed > pages_per_table_) return false;
  u64* const pages = machine.shared<u64>(table.page_table);
  const u64* const list = machine.shared<u64>(free_list_);
  while (table.page_count < needed && free_count_ > 0) {
    pages[table.page_count++] = list[--free_count_];
  }
  return table.page_count >= needed;
}

void PagedKvCache::release(Machine& machine, KvTable& table) {
  const u64* const pages = machine.shared<u64>(table.page_table);
  u64* const list = machine.shared<u64>(free_list_);
  while (table.page_count > 0) list[free_count_++] = pages[--table.page_count];
}

abi::KvSet PagedKvCache::describe(const KvTable& table, u32 committed_length) const {
  abi::KvSet set{};
  set.page_table = table.page_table;
  set.page_count = table.page_count;
  set.page_tokens = page_tokens_;
  set.layout = static_cast<u32>(layout_);
  set.committed_length = committed_length;
  return set;
}

}  // namespace tandem::firmware
