// SPDX-License-Identifier: Apache-2.0
// Which layout the firmware chooses for the KV cache, and whose pages it hands out.
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "fake_machine.h"
#include "tandem/abi/formats.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/firmware/runtime/kv_cache.h"

using namespace tandem;
using namespace tandem::firmware;
using abi::KvLayout;
using abi::KvPlacement;
using test::FakeMachine;

namespace {

namespace regs = abi::pim;

constexpr u64 kDram = 0x8000'0000;
constexpr u32 kRowShift = 17;  // RoRaBgBaChCo: 1 KiB rows, 8 channels, 16 banks
constexpr u32 kChannels = 8;

PimFacts pim_facts() {
  PimFacts facts{};
  facts.formats = 1u << static_cast<u32>(abi::Format::kFp16);
  facts.banks = regs::BANK_LAYOUT_ROW.put(10) | regs::BANK_LAYOUT_BANKS.put(4) |
                regs::BANK_LAYOUT_BANK_STRIDE.put(13) | regs::BANK_LAYOUT_ROW_STRIDE.put(kRowShift);
  facts.channels =
      regs::CHANNEL_LAYOUT_CHANNELS.put(3) | regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.put(10);
  facts.dram_base = kDram;
  return facts;
}

// ChRoRaBaBgCo: each channel a range of 256 MiB.
PimFacts pim_with_channels_on_top() {
  PimFacts facts = pim_facts();
  facts.banks = regs::BANK_LAYOUT_ROW.put(10) | regs::BANK_LAYOUT_BANKS.put(4) |
                regs::BANK_LAYOUT_BANK_STRIDE.put(10) | regs::BANK_LAYOUT_ROW_STRIDE.put(14);
  facts.channels =
      regs::CHANNEL_LAYOUT_CHANNELS.put(3) | regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.put(28);
  return facts;
}

KvShape model_shape(u32 tables) {
  KvShape shape;
  shape.layers = 2;
  shape.kv_heads = 8;
  shape.head_dim = 64;
  shape.max_tokens = 1000;
  shape.tables = tables;
  return shape;
}

abi::PolicyBlock policy(KvPlacement placement, abi::Placement attention = abi::Placement::kPim) {
  abi::PolicyBlock block{};
  block.kv_layout = static_cast<u32>(placement);
  block.attention = static_cast<u32>(attention);
  block.page_tokens = 16;
  return block;
}

struct Region {
  u64 base = kDram + (40u << 20) + 4096;  // the weights are below
  u64 bytes = 500u << 20;
};

KvShape planned(const abi::PolicyBlock& block, const PimFacts& pim, u32 sequences,
                const Region& region = {}, u32 tables = 8) {
  KvShape shape = model_shape(tables);
  plan_kv(block, pim, sequences, region.base, region.bytes, shape);
  return shape;
}

u64 row_of(u64 page) {
  return (page - kDram) >> kRowShift;
}
u32 channel_of(u64 page) {
  return static_cast<u32>((page - kDram) >> 10) % kChannels;
}

struct Cache {
  explicit Cache(const KvShape& shape, const Region& region = {})
      : machine(fake.hal()), control(FakeMachine::kSharedBase, fake.boot().shared_bytes) {
    REQUIRE(machine.open_shared(fake.boot().shared_base, fake.boot().shared_bytes));
    RangeAllocator memory(region.base, region.bytes);
    REQUIRE(cache.start(shape, control, memory));
  }
  KvTable table() { return {control.take(8 * cache.pages_per_table()), 0, 0, 0, 0}; }
  std::vector<u64> pages(const KvTable& table) {
    std::vector<u64> all;
    for (u32 i = 0; i < table.page_count; ++i)
      all.push_back(fake.at<u64>(table.page_table + 8 * i));
    return all;
  }

  FakeMachine fake;
  Machine machine;
  RangeAllocator control;
  PagedKvCache cache{};
};

}  // namespace

TEST_CASE("the layout follows the policy, the sequences and what the PIM can do") {
  const auto layout = [](const abi::PolicyBlock& block, const PimFacts& pim, u32 sequences) {
    return planned(block, pim, sequences).layout;
  };
  const abi::PolicyBlock automatic = policy(KvPlacement::kAuto);
  CHECK(layout(automatic, pim_facts(), kChannels) == KvLayout::kBankRows);
  CHECK(layout(automatic, pim_facts(), kChannels + 9) == KvLayout::kBankRows);
  CHECK(layout(automatic, pim_facts(), kChannels - 1) == KvLayout::kHeadSplit);
  CHECK(layout(policy(KvPlacement::kAuto, abi::Placement::kAuto), pim_facts(), 1) ==
        KvLayout::kHeadSplit);
  CHECK(layout(policy(KvPlacement::kAuto, abi::Placement::kNpu), pim_facts(), 8) ==
        KvLayout::kTokenMajor);
  CHECK(layout(policy(KvPlacement::kBankRows), pim_facts(), 1) == KvLayout::kBankRows);
  CHECK(layout(policy(KvPlacement::kHeadSplit), pim_facts(), 64) == KvLayout::kHeadSplit);
  CHECK(layout(policy(KvPlacement::kBankRows, abi::Placement::kNpu), pim_facts(), 1) ==
        KvLayout::kBankRows);
  CHECK(layout(policy(KvPlacement::kContiguous), pim_facts(), 64) == KvLayout::kElementMajor);

  PimFacts hashed = pim_facts();
  hashed.banks = hashed.channels = 0;
  CHECK(layout(automatic, hashed, 64) == KvLayout::kElementMajor);
  CHECK(layout(policy(KvPlacement::kBankRows), hashed, 64) == KvLayout::kElementMajor);
  CHECK(layout(policy(KvPlacement::kAuto, abi::Placement::kAuto), PimFacts{}, 64) ==
        KvLayout::kTokenMajor);
}

TEST_CASE("keys alone take half a page, whatever the policy asks for") {
  for (const KvPlacement placement :
       {KvPlacement::kAuto, KvPlacement::kBankRows, KvPlacement::kHeadSplit}) {
    KvShape shape = model_shape(8);
    const KvShape both = planned(policy(KvPlacement::kContiguous, abi::Placement::kNpu), {}, 8);
    shape.keys_only = true;
    plan_kv(policy(placement), pim_facts(), 8, Region{}.base, Region{}.bytes, shape);
    CHECK(shape.layout == KvLayout::kTokenMajor);
    CHECK(shape.page_tokens == both.page_tokens);
    const u64 base = Region{}.base, bytes = Region{}.bytes;
    CHECK(2 * kv_range(shape, 0, base, bytes).page_stride ==
          kv_range(both, 0, base, bytes).page_stride);
  }
}

TEST_CASE("what does not fit rows or region goes to contiguous pages") {
  KvShape shape = model_shape(8);
  shape.head_dim = 520;  // a row holds 512 elements
  plan_kv(policy(KvPlacement::kBankRows), pim_facts(), 8, Region{}.base, Region{}.bytes, shape);
  CHECK(shape.layout == KvLayout::kElementMajor);
  CHECK(shape.page_tokens == 128);
  // 2 layers x (K 32 + V 32 rows) of a page of 128 tokens do not lie in 20 rows.
  const Region small{kDram + 4096, u64{21} << kRowShift};
  CHECK(planned(policy(KvPlacement::kAuto), pim_facts(), 8, small).layout ==
        KvLayout::kElementMajor);
}

TEST_CASE("a banked page is as long as a row, shorter where the sequences need the room") {
  const KvShape roomy = planned(policy(KvPlacement::kBankRows), pim_facts(), 8);
  CHECK(roomy.page_tokens == 512);
  // The same number of sequences in a tenth of the memory.
  const Region tight{Region{}.base, Region{}.bytes / 30};
  const KvShape dense = planned(policy(KvPlacement::kBankRows), pim_facts(), 8, tight, 64);
  CHECK(dense.page_tokens == 128);
}

TEST_CASE("pages of all channels lie apart, in rows within the region") {
  for (const KvPlacement placement : {KvPlacement::kBankRows, KvPlacement::kHeadSplit}) {
    const Region region;
    const KvShape shape = planned(policy(placement), pim_facts(), 8);
    Cache c(shape);
    const u32 heads = placement == KvPlacement::kBankRows ? shape.kv_heads : 1;
    const u64 rows_of_page =
        u64{shape.layers} * abi::kv_lines(heads, shape.head_dim, shape.page_tokens, 512, 16).rows();
    std::set<std::pair<u32, u64>> rows;  // of each channel
    std::vector<KvTable> tables;
    for (u32 i = 0; i < 8; ++i) {
      tables.push_back(c.table());
      c.cache.place(tables.back(), c.cache.least_loaded(), 1000);
      REQUIRE(c.cache.reserve(c.machine, tables.back(), 1000));
      for (const u64 page : c.pages(tables.back())) {
        CHECK((page - kDram) % 1024 == 0);
        CHECK(((page - kDram) & 0x1'E000) == 0);  // bank 0
        for (u64 row = row_of(page); row < row_of(page) + rows_of_page; ++row) {
          CHECK((row << kRowShift) >= region.base - kDram);
          CHECK(((row + 1) << kRowShift) <= region.base + region.bytes - kDram);
          CHECK(rows.insert({channel_of(page), row}).second);
        }
        if (placement == KvPlacement::kHeadSplit) CHECK(channel_of(page) == 0);
      }
    }
    // Heads of a sequence go on in the channel behind those of the sequence before.
    for (u32 i = 0; i < 8; ++i) {
      const abi::KvSet set = c.cache.describe(tables[i], 7);
      CHECK(set.layout == static_cast<u32>(shape.layout));
      CHECK(set.banks == pim_facts().banks);
      const u32 first = i * shape.kv_heads % kChannels;
      CHECK(set.channels == (placement == KvPlacement::kHeadSplit
                                 ? pim_facts().channels | first << abi::kKvFirstChannelShift
                                 : 0));
    }
  }
}

TEST_CASE("channels above rows: a channel's pages lie in its range, those after the weights") {
  const Region region{kDram + (300u << 20), 1800ull << 20};  // channel 0 is full
  const PimFacts pim = pim_with_channels_on_top();
  KvShape shape = planned(policy(KvPlacement::kBankRows), pim, 8, region);
  REQUIRE(shape.layout == KvLayout::kBankRows);
  Cache c(shape, region);
  CHECK(c.cache.free_pages(0) == 0);
  KvTable last = c.table(), first = c.table();
  c.cache.place(last, 7, 10);
  c.cache.place(first, 1, 10);
  REQUIRE(c.cache.reserve(c.machine, last, 10));
  REQUIRE(c.cache.reserve(c.machine, first, 10));
  CHECK(((c.pages(last)[0] - kDram) >> 28) == 7);
  CHECK(((c.pages(first)[0] - kDram) >> 28) == 1);
  CHECK(c.pages(first)[0] >= region.base);
  // No row is free in all channels.
  CHECK(planned(policy(KvPlacement::kHeadSplit), pim, 8, region).layout == KvLayout::kElementMajor);
}

TEST_CASE("a request goes to the channel with the least to come, and keeps to it") {
  Cache c(planned(policy(KvPlacement::kBankRows), pim_facts(), 8));
  const u32 lengths[] = {900, 100, 500, 500, 700, 800, 300, 200, 50, 60, 10};
  std::vector<KvTable> tables;
  std::vector<u32> load(kChannels);
  for (const u32 length : lengths) {
    tables.push_back(c.table());
    const u32 channel = c.cache.least_loaded();
    for (const u32 other : load) CHECK(load[channel] <= other);
    c.cache.place(tables.back(), channel, length);
    load[channel] += length;
    REQUIRE(c.cache.reserve(c.machine, tables.back(), length));
    for (const u64 page : c.pages(tables.back())) CHECK(channel_of(page) == channel);
  }
  CHECK(channel_of(c.pages(tables[8])[0]) == channel_of(c.pages(tables[1])[0]));
  // What ends makes room.
  const u32 freed = tables[0].channel;
  c.cache.release(c.machine, tables[0]);
  CHECK(tables[0].page_count == 0);
  CHECK(c.cache.least_loaded() == freed);
}

TEST_CASE("a full channel borrows pages, and gets its own back") {
  const Region tight{Region{}.base, Region{}.bytes / 16};
  const KvShape shape = planned(policy(KvPlacement::kBankRows), pim_facts(), 8, tight, 64);
  REQUIRE(shape.layout == KvLayout::kBankRows);
  Cache c(shape, tight);
  const u32 all = c.cache.free_pages();
  const u32 of_one = c.cache.free_pages(3);
  REQUIRE(of_one < all);
  std::vector<KvTable> tables;
  std::set<u64> used;
  std::size_t taken = 0;
  for (bool fits = true; fits;) {
    tables.push_back(c.table());
    c.cache.place(tables.back(), 3, 1000);
    fits = c.cache.reserve(c.machine, tables.back(), 1000);
    for (const u64 page : c.pages(tables.back())) used.insert(page);
    taken += tables.back().page_count;
  }
  CHECK(taken == all);  // every page of every channel was found
  CHECK(used.size() == all);
  for (KvTable& table : tables) c.cache.release(c.machine, table);
  CHECK(c.cache.free_pages() == all);
  CHECK(c.cache.free_pages(3) == of_one);
  KvTable again = c.table();
  c.cache.place(again, 3, 10);
  REQUIRE(c.cache.reserve(c.machine, again, 10));
  CHECK(channel_of(c.pages(again)[0]) == 3);
}

TEST_CASE("attention of a sequence in its channel, estimated in cycles") {
  KvShape shape;
  shape.kv_heads = 8;
  shape.head_dim = 128;
  shape.layout = abi::KvLayout::kBankRows;
  shape.banks = regs::BANK_LAYOUT_ROW.put(10) | regs::BANK_LAYOUT_BANKS.put(5);
  // A quarter of GPT3-7B on NeuPIMs: 1024 elements over rows of 512, 32 banks.
  CHECK(attention_cycles(shape, 256) == 2 * (100 + 184 * 8) + 8 * (100 + 184 * 4));
  CHECK(attention_cycles(shape, 257) == 2 * (100 + 184 * 9) + 8 * (100 + 184 * 4));
  CHECK(attention_cycles(shape, 513) == 2 * (100 + 184 * 17) + 8 * 2 * (100 + 184 * 4));
  shape.layout = abi::KvLayout::kHeadSplit;
  CHECK(attention_cycles(shape, 256) == 0);
}
