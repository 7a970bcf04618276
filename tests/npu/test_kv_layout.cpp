// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a banked page lie, and that attention says the same from every layout, on the
// NPU and in the banks.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "pim_rig.h"
#include "tandem/npu/kv_layout.h"
#include "tandem/numerics/fp.h"
#include "tandem/pim/bank_layout.h"

using namespace tandem;
using abi::KvLayout;
using abi::PrimitiveOp;
using abi::Status;
using test::status_of;

namespace {

struct Shape {
  std::uint16_t kv_heads;
  std::uint16_t group;  // query heads per KV head
  std::uint16_t head_dim;
};

constexpr std::uint32_t kPageTokens = 128;
constexpr std::uint64_t kFirstPageByte = 64ull << 20;  // beyond what the rig lays out by hand
constexpr std::uint16_t kLayer = 1;

memory::Stack::Config stack_config(const char* mapping, unsigned channels, unsigned row_bytes) {
  memory::Stack::Config config;
  config.device = tandem::test::device("lpddr5_6400");
  config.device.geometry.row_bytes = row_bytes;
  config.channels = channels;
  config.mapping = mapping;
  config.interleave_bytes = row_bytes;
  return config;
}

pim::BankLayout strides_of(const memory::Stack::Config& config) {
  const memory::DeviceGeometry& geometry = config.device.geometry;
  const memory::AddressMapping mapping(config.mapping, config.channels, geometry,
                                       config.interleave_bytes);
  const pim::BankLayout strides = pim::bank_layout(mapping, geometry);
  INFO(strides.why_not);
  REQUIRE(strides.possible());
  return strides;
}

abi::Primitive kv_primitive(const Shape& shape) {
  abi::Primitive p = test::primitive(PrimitiveOp::kAttention);
  p.kv_heads = shape.kv_heads;
  p.heads = static_cast<std::uint16_t>(shape.kv_heads * shape.group);
  p.head_dim = shape.head_dim;
  p.layer = kLayer;
  return p;
}

constexpr std::uint32_t kFirstChannel = 3;

abi::KvSet kv_set(const memory::Stack::Config& config, KvLayout layout) {
  const pim::BankLayout strides = strides_of(config);
  abi::KvSet set{test::kPageTable, 2, kPageTokens, static_cast<std::uint32_t>(layout), 0, 0, 0};
  if (layout >= KvLayout::kBankRows) set.banks = strides.banks_word;
  if (layout == KvLayout::kHeadSplit) {
    const unsigned channels = 1u << abi::pim::CHANNEL_LAYOUT_CHANNELS.get(strides.channels_word);
    set.channels = strides.channels_word | kFirstChannel % channels << abi::kKvFirstChannelShift;
  }
  return set;
}

// Addresses of two pages, the second in another channel.
std::vector<std::uint64_t> pages_of(const memory::Stack::Config& config, KvLayout layout) {
  if (layout < KvLayout::kBankRows) return {kFirstPageByte + (8 << 20), kFirstPageByte};
  const pim::BankLayout strides = strides_of(config);
  const unsigned row_shift = abi::pim::BANK_LAYOUT_ROW_STRIDE.get(strides.banks_word);
  const unsigned channel_shift = abi::pim::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(strides.channels_word);
  const std::uint64_t first = kFirstPageByte >> row_shift << row_shift;
  const std::uint64_t channel =
      layout == KvLayout::kBankRows && config.channels > 1 ? std::uint64_t{1} << channel_shift : 0;
  return {first + channel, first + (std::uint64_t{512} << row_shift)};
}

const Shape kShapes[] = {{4, 1, 8}, {2, 3, 64}, {3, 2, 24}, {8, 1, 16}, {1, 4, 128}, {5, 1, 40}};
const char* const kMappings[] = {"RoRaBgBaChCo", "ChRoRaBaBgCo", "RoChRaBgBaCo"};

}  // namespace

TEST_CASE("banked lines lie where the contract says, and never two in one place") {
  for (const char* mapping_name : kMappings) {
    for (const unsigned row_bytes : {256u, 1024u}) {
      const memory::Stack::Config config = stack_config(mapping_name, 4, row_bytes);
      const memory::DeviceGeometry& geometry = config.device.geometry;
      const memory::AddressMapping mapping(config.mapping, 4, geometry, config.interleave_bytes);
      for (const Shape& shape : kShapes) {
        for (const KvLayout layout : {KvLayout::kBankRows, KvLayout::kHeadSplit}) {
          INFO(mapping_name << ", rows of " << row_bytes << ", " << shape.kv_heads << " heads of "
                            << shape.head_dim << ", layout " << static_cast<int>(layout));
          const npu::BankedKv banked(kv_primitive(shape), kv_set(config, layout));
          REQUIRE_FALSE(banked.check_shape());
          const std::vector<std::uint64_t> pages = pages_of(config, layout);
          std::set<std::uint64_t> used;
          std::set<unsigned> channels;
          std::size_t elements = 0;
          for (std::uint32_t c = 0; c < banked.channels(); ++c) {
            for (std::uint32_t local = 0; local < banked.heads_in(c); ++local) {
              const std::uint32_t head = banked.head_of(c, local);
              unsigned key_row = ~0u;
              for (std::uint32_t t = 0; t < kPageTokens; ++t) {
                const std::uint64_t key = banked.address(pages[0], 1, banked.key(c, local, t));
                const memory::Location at = mapping.decode(key);
                const memory::Location end = mapping.decode(key + 2 * shape.head_dim - 1);
                channels.insert(at.channel);
                // One row holds the head's keys of a token, and the next token is in another bank.
                if (mapping.flat_bank(at) != mapping.flat_bank(end) || at.row != end.row) {
                  FAIL("a key is split, token " << t);
                }
                if (layout == KvLayout::kHeadSplit) {
                  REQUIRE(at.channel == (kFirstChannel + 1 * shape.kv_heads + head) % 4);
                }
                if (t % geometry.banks() == 0) {
                  key_row = at.row;
                } else if (at.row != key_row) {
                  FAIL("tokens of a round over the banks lie in different rows");
                }
                for (std::uint32_t i = 0; i < shape.head_dim; ++i) used.insert(key + 2 * i);
                elements += shape.head_dim;
              }
              for (std::uint32_t e = 0; e < shape.head_dim; ++e) {
                const std::uint64_t values = banked.address(pages[0], 1, banked.value(c, local, e));
                const memory::Location at = mapping.decode(values);
                const memory::Location end = mapping.decode(values + 2 * kPageTokens - 1);
                channels.insert(at.channel);
                if (mapping.flat_bank(at) != mapping.flat_bank(end) || at.row != end.row) {
                  FAIL("values are split, element " << e);
                }
                for (std::uint32_t t = 0; t < kPageTokens; ++t) used.insert(values + 2 * t);
                elements += kPageTokens;
              }
            }
          }
          CHECK(elements == 2u * shape.kv_heads * shape.head_dim * kPageTokens);
          CHECK(used.size() == elements);
          CHECK(channels.size() ==
                (layout == KvLayout::kBankRows ? 1 : std::min<std::size_t>(4, shape.kv_heads)));
        }
      }
    }
  }
}

TEST_CASE("a line of keys that follow each other is what one command reads") {
  const memory::Stack::Config config = stack_config("RoRaBgBaChCo", 4, 1024);
  const npu::BankedKv small(kv_primitive({4, 1, 8}), kv_set(config, KvLayout::kBankRows));
  CHECK(small.key_heads() == 4);
  CHECK(small.key_rows() == 1);  // 8 lines of 32 elements, a row holds 16
  CHECK(small.value_rows() == 1);
  const npu::BankedKv wide(kv_primitive({32, 1, 128}), kv_set(config, KvLayout::kBankRows));
  CHECK(wide.key_heads() == 4);  // as NeuPIMs: four heads of 128 elements in a row of 512
  CHECK(wide.key_rows() == 32 / 4 * kPageTokens / 16);
  CHECK(wide.value_rows() == 32 * 128 / 16 / 4);
  // GPT3-7B as NeuPIMs lays it out on 32 banks of 512 elements: K takes ceil(E/512) rows per 32
  // tokens, V ceil(E/32) rows per 512 tokens.
  constexpr abi::KvLines neupims = abi::kv_lines(32, 128, 512, 512, 32);
  CHECK(neupims.key_rows == 4096 / 512 * (512 / 32));
  CHECK(neupims.value_rows == 4096 / 32);
}

namespace {

npu::Config npu_config(npu::PimOrder order) {
  npu::Config config = test::small_npu();
  config.pim_bound = true;
  config.pim_order = order;
  config.activation_bytes = 4u << 20;
  config.kv_buffer_bytes = 1u << 20;
  return config;
}

pim::Config pim_config(const memory::Stack::Config& memory) {
  pim::Config config;
  config.memory = memory;
  config.dram_base = 0;
  // All vectors of a command meet a row while it is open.
  config.global_buffer_rows = config.accumulators_per_bank = 1024;
  return config;
}

// Appends random keys and values in two commands, attends, and appends the outputs to KV set 1, so
// that they can be read from memory.
class AttentionRig : public test::PimRig {
 public:
  explicit AttentionRig(const memory::Stack::Config& stack,
                        npu::PimOrder order = npu::PimOrder::kChannels)
      : PimRig(npu_config(order), pim_config(stack)), config_(stack) {}

  void prepare_tables(const Shape& shape, unsigned seed) {
    shape_ = shape;
    std::mt19937 random(seed);
    for (const std::uint64_t table : {kKeys, kValues, kQueries}) {
      std::vector<std::uint16_t> values(std::size_t{kTokens} * columns(table));
      for (std::uint16_t& value : values) {
        value = static_cast<std::uint16_t>((random() & 0x83FFu) | (11 + random() % 5) << 10);
      }
      put(table, values);
    }
  }

  // Outputs [head][token][head_dim] of the last command, or the status that it ended with.
  Status attend(KvLayout layout, std::uint8_t engine, std::vector<std::uint16_t>& outputs) {
    put(test::kPageTable, pages_of(config_, layout));
    put(test::kPageTable + 64, kOutputs);
    const std::uint64_t parameters_at = test::kParameters;
    abi::ParameterBlock block = parameters();
    block.max_draft = max_draft;
    put(parameters_at, block);
    put(test::kProgram, program(engine));
    std::vector<std::uint32_t> tokens(kTokens);
    for (std::uint32_t i = 0; i < kTokens; ++i) tokens[i] = i;
    put(test::kTokens, tokens);
    for (const std::uint32_t first : {0u, kTokens - kLast}) {
      const std::uint32_t end = first == 0 ? kTokens - kLast : kTokens;
      abi::BatchEntry entry{};
      entry.pending_count = end - first;
      entry.pending_tokens = test::kTokens + 4 * first;
      entry.position_base = first;
      entry.remaining_tokens = 100;
      entry.kv[0] = kv_set(config_, layout);
      entry.kv[0].committed_length = first;
      if (spoil != nullptr) spoil(entry.kv[0]);
      entry.kv[1] = {test::kPageTable + 64, 1, 256, 0, 0, 0, 0};
      put(test::kBatch, entry);
      abi::Command command = RigDriver::command(abi::Opcode::kRun);
      command.primitive_count = 6;
      const Status status = status_of(run(command));
      if (status != Status::kOk) return status;
    }
    const std::uint32_t heads = shape_.kv_heads * shape_.group;
    outputs.clear();
    for (std::uint32_t h = 0; h < heads; ++h) {
      for (std::uint32_t i = 0; i < kLast * shape_.head_dim; ++i) {
        const std::uint64_t at = std::uint64_t{h} * 256 * shape_.head_dim + i;
        outputs.push_back(get<std::uint16_t>(kOutputs + 2 * at));
      }
    }
    return Status::kOk;
  }

  // Time of one more token's attention alone, after attend() with the same layout.
  std::uint64_t attention_ps(KvLayout layout) {
    std::vector<abi::Primitive> only = program(abi::kEnginePim);
    only = {only[2], only[4]};
    only[1].predecessor_count = 1;
    only[1].predecessors[0] = 0;
    put(test::kProgram, only);
    abi::BatchEntry entry{};
    entry.pending_count = 1;
    entry.pending_tokens = test::kTokens;
    entry.position_base = kTokens - 1;
    entry.remaining_tokens = 100;
    entry.kv[0] = kv_set(config_, layout);
    entry.kv[0].committed_length = kTokens - 1;
    put(test::kBatch, entry);
    abi::Command command = RigDriver::command(abi::Opcode::kRun);
    command.primitive_count = 2;
    const std::uint64_t before_ps = npu.phase_times().phase_ps[0];
    REQUIRE(status_of(run(command)) == Status::kOk);
    return npu.phase_times().phase_ps[0] - before_ps;
  }

  // Of the PIM in a channel: commands, or rows that were opened.
  std::uint64_t count(const char* what, unsigned channel) {
    observe::StatisticsTable table;
    pim.collect(table);
    return table.find("channel" + std::to_string(channel) + "." + what)->integer;
  }

  static constexpr std::uint32_t kTokens = 150, kLast = 3;  // more than a page
  void (*spoil)(abi::KvSet&) = nullptr;
  std::uint32_t max_draft = 1;

 private:
  static constexpr std::uint64_t kKeys = test::kTensors, kValues = kKeys + (1 << 20),
                                 kQueries = kValues + (1 << 20), kOutputs = kQueries + (2 << 20);

  std::uint32_t columns(std::uint64_t table) const {
    const std::uint32_t heads = shape_.kv_heads;
    return (table == kQueries ? heads * shape_.group : heads) * shape_.head_dim;
  }

  std::vector<abi::Primitive> program(std::uint8_t engine) const {
    std::vector<abi::Primitive> all;
    std::uint64_t next = 0;
    std::vector<abi::Operand> operands;
    for (const std::uint64_t table : {kKeys, kValues, kQueries}) {
      abi::Primitive p = test::primitive(PrimitiveOp::kGather);
      p.n = columns(table);
      p.k = kTokens;
      p.weight = test::in_memory(table);
      p.output = test::on_chip(next, p.n);
      next += 2ull * kTokens * p.n;
      operands.push_back(p.output);
      all.push_back(p);
    }
    abi::Primitive append = test::primitive(PrimitiveOp::kKvAppend, {0, 1});
    append.kv_heads = shape_.kv_heads;
    append.head_dim = shape_.head_dim;
    append.layer = kLayer;
    append.input = operands[0];
    append.input2 = operands[1];
    all.push_back(append);
    abi::Primitive attention = kv_primitive(shape_);
    attention.predecessor_count = 2;
    attention.predecessors[0] = 2;
    attention.predecessors[1] = 3;
    attention.engine_mask = engine;
    attention.scale = numerics::float_bits(0.125f);
    attention.input = operands[2];
    attention.output = test::on_chip(next, columns(kQueries));
    all.push_back(attention);
    abi::Primitive store = test::primitive(PrimitiveOp::kKvAppend, {4});
    store.kv_set = 1;
    store.kv_heads = attention.heads;
    store.head_dim = shape_.head_dim;
    store.input = store.input2 = attention.output;
    all.push_back(store);
    return all;
  }

  memory::Stack::Config config_;
  Shape shape_{};
};

void check_layouts(const char* mapping, unsigned channels, unsigned row_bytes,
                   npu::PimOrder order = npu::PimOrder::kChannels) {
  AttentionRig rig(stack_config(mapping, channels, row_bytes), order);
  unsigned seed = 1;
  for (const Shape& shape : kShapes) {
    rig.prepare_tables(shape, seed++);
    std::vector<std::uint16_t> expected, outputs;
    REQUIRE(rig.attend(KvLayout::kTokenMajor, abi::kEngineNpu, expected) == Status::kOk);
    CHECK(rig.attend(KvLayout::kTokenMajor, abi::kEnginePim, outputs) == Status::kNoEngine);
    CHECK(std::set<std::uint16_t>(expected.begin(), expected.end()).size() > expected.size() / 8);
    for (const KvLayout layout :
         {KvLayout::kElementMajor, KvLayout::kBankRows, KvLayout::kHeadSplit}) {
      for (const std::uint8_t engine : {abi::kEngineNpu, abi::kEnginePim}) {
        INFO(shape.kv_heads << " heads of " << shape.head_dim << ", layout "
                            << static_cast<int>(layout) << ", engine " << int{engine});
        REQUIRE(rig.attend(layout, engine, outputs) == Status::kOk);
        CHECK((outputs == expected));
      }
    }
  }
}

}  // namespace

TEST_CASE("attention is the same from every layout and engine: rows below channels") {
  check_layouts("RoRaBgBaChCo", 4, 1024);
}
TEST_CASE("attention is the same from every layout and engine: short rows, several pages") {
  check_layouts("RoRaBgBaChCo", 4, 256);
}
TEST_CASE("attention is the same from every layout and engine: channels above rows") {
  check_layouts("ChRoRaBaBgCo", 2, 1024);
}
TEST_CASE("attention is the same from every layout and engine: one channel, long rows") {
  check_layouts("RoChRaBgBaCo", 1, 2048);
}

TEST_CASE("attention is the same from every layout and engine: request after request") {
  check_layouts("RoRaBgBaChCo", 4, 1024, npu::PimOrder::kRequests);
}

TEST_CASE("what a DRAFT may append is of no account to other commands") {
  AttentionRig rig(stack_config("RoRaBgBaChCo", 4, 1024));
  rig.prepare_tables({8, 1, 16}, 1);
  rig.max_draft = 0xFFFF'FFFF;
  std::vector<std::uint16_t> outputs;
  CHECK(rig.attend(KvLayout::kBankRows, abi::kEnginePim, outputs) == Status::kOk);
}

TEST_CASE("a sequence works in the banks of one channel, or of all") {
  AttentionRig rig(stack_config("RoRaBgBaChCo", 4, 1024));
  rig.prepare_tables({8, 1, 16}, 1);
  std::vector<std::uint16_t> outputs;
  const auto commands = [&](KvLayout layout) {
    std::vector<std::uint64_t> before, more;
    for (unsigned c = 0; c < 4; ++c) before.push_back(rig.count("commands", c));
    REQUIRE(rig.attend(layout, abi::kEnginePim, outputs) == Status::kOk);
    for (unsigned c = 0; c < 4; ++c) more.push_back(rig.count("commands", c) - before[c]);
    return more;
  };
  // Pages of bank_rows lie in channels 1 and 0 here; the second chunk of tokens reaches page 1.
  const std::vector<std::uint64_t> banked = commands(KvLayout::kBankRows);
  CHECK(banked[0] > 0);
  CHECK(banked[1] > 0);
  CHECK(banked[2] + banked[3] == 0);
  const std::vector<std::uint64_t> split = commands(KvLayout::kHeadSplit);
  for (unsigned c = 0; c < 4; ++c) CHECK(split[c] == split[0]);
  CHECK(split[0] > 0);
}

TEST_CASE("channels work at the same time on the heads of one sequence") {
  AttentionRig rig(stack_config("RoRaBgBaChCo", 8, 1024));
  rig.prepare_tables({16, 1, 128}, 1);
  std::vector<std::uint16_t> outputs;
  const auto time_ps = [&](KvLayout layout) {
    REQUIRE(rig.attend(layout, abi::kEnginePim, outputs) == Status::kOk);
    return rig.attention_ps(layout);
  };
  // The pages of bank_rows lie in two channels here.
  const std::uint64_t banked_ps = time_ps(KvLayout::kBankRows);
  const std::uint64_t split_ps = time_ps(KvLayout::kHeadSplit);
  INFO("bank_rows " << banked_ps << " ps, head_split " << split_ps << " ps");
  CHECK(2 * split_ps < banked_ps);
}

TEST_CASE("keys that share rows with other heads' are read with one activation of each row") {
  memory::Stack::Config config = stack_config("RoRaBgBaChCo", 4, 1024);
  config.device.geometry.rows = 4096;
  AttentionRig rig(config);
  rig.prepare_tables({8, 1, 128}, 1);  // four heads to a row: two rows per token
  std::vector<std::uint16_t> outputs;
  REQUIRE(rig.attend(KvLayout::kBankRows, abi::kEnginePim, outputs) == Status::kOk);
  std::uint64_t rows = 0;
  for (unsigned c = 0; c < 4; ++c) rows += rig.count("activations", c);
  // Keys: a row per token and four heads, with 147, then 150 tokens. Values: a head's 128 elements
  // take 8 lines of a bank, of which a row holds 4, in each of two pages.
  const std::uint64_t keys = 2 * (147 + 150);
  const std::uint64_t values = 2 * 8 * (8 / 4) * 16 * 2;
  CHECK(rows == keys + values);
}

TEST_CASE("bad descriptors of a banked cache end the command, and the device goes on") {
  const memory::Stack::Config config = stack_config("RoRaBgBaChCo", 4, 1024);
  AttentionRig rig(config);
  const Shape shape{4, 1, 8};
  rig.prepare_tables(shape, 1);
  std::vector<std::uint16_t> outputs;
  REQUIRE(rig.attend(KvLayout::kHeadSplit, abi::kEnginePim, outputs) == Status::kOk);
  const std::vector<std::uint16_t> expected = outputs;

  namespace regs = abi::pim;
  struct Case {
    const char* name;
    Status status;
    void (*spoil)(abi::KvSet&);
  };
  static constexpr auto put = [](std::uint32_t& word, abi::Field field, std::uint32_t value) {
    word = (word & ~field.mask()) | field.put(value);
  };
  const Case cases[] = {
      {"no such layout", Status::kBadBatch, [](abi::KvSet& kv) { kv.layout = 4; }},
      {"no strides", Status::kBadBatch, [](abi::KvSet& kv) { kv.banks = 0; }},
      {"row of 4 GiB", Status::kBadBatch,
       [](abi::KvSet& kv) { put(kv.banks, regs::BANK_LAYOUT_ROW, 32); }},
      {"banks within a row", Status::kBadBatch,
       [](abi::KvSet& kv) { put(kv.banks, regs::BANK_LAYOUT_BANK_STRIDE, 9); }},
      {"rows among the banks", Status::kBadBatch,
       [](abi::KvSet& kv) { put(kv.banks, regs::BANK_LAYOUT_ROW_STRIDE, 13); }},
      {"too many banks", Status::kBadBatch,
       [](abi::KvSet& kv) { put(kv.banks, regs::BANK_LAYOUT_BANKS, 255); }},
      {"channels among the banks", Status::kBadBatch,
       [](abi::KvSet& kv) { put(kv.channels, regs::CHANNEL_LAYOUT_CHANNEL_STRIDE, 12); }},
      {"a first channel that is not there", Status::kBadBatch,
       [](abi::KvSet& kv) { kv.channels |= 0xFFu << abi::kKvFirstChannelShift; }},
      {"too many channels", Status::kBadBatch,
       [](abi::KvSet& kv) { put(kv.channels, regs::CHANNEL_LAYOUT_CHANNELS, 9); }},
      {"page that does not divide over the banks", Status::kBadBatch,
       [](abi::KvSet& kv) {
         put(kv.banks, regs::BANK_LAYOUT_BANKS, 8);
         put(kv.banks, regs::BANK_LAYOUT_BANK_STRIDE, 10);
       }},
      {"page longer than a row", Status::kUnsupported,
       [](abi::KvSet& kv) { kv.page_tokens = 1024; }},
      {"strides beyond the memory", Status::kBusError,
       [](abi::KvSet& kv) { put(kv.banks, regs::BANK_LAYOUT_ROW_STRIDE, 32); }},
  };
  for (const Case& c : cases) {
    for (const std::uint8_t engine : {abi::kEngineNpu, abi::kEnginePim}) {
      INFO(c.name << ", engine " << int{engine});
      rig.spoil = c.spoil;
      CHECK(rig.attend(KvLayout::kHeadSplit, engine, outputs) == c.status);
    }
  }
  rig.spoil = nullptr;
  REQUIRE(rig.attend(KvLayout::kHeadSplit, abi::kEnginePim, outputs) == Status::kOk);
  CHECK(outputs == expected);
}

TEST_CASE("a head that is longer than a row is refused") {
  AttentionRig rig(stack_config("RoRaBgBaChCo", 4, 256));
  rig.prepare_tables({1, 1, 136}, 1);
  std::vector<std::uint16_t> outputs;
  CHECK(rig.attend(KvLayout::kBankRows, abi::kEngineNpu, outputs) == Status::kUnsupported);
  CHECK(rig.attend(KvLayout::kElementMajor, abi::kEnginePim, outputs) == Status::kOk);
}

TEST_CASE("full-precision BSFP on the PIM alone is NO_ENGINE: its planes lie in different rows") {
  AttentionRig rig(stack_config("RoRaBgBaChCo", 4, 1024));
  for (const abi::Format format : {abi::Format::kBsfpEFull, abi::Format::kBsfpIFull}) {
    abi::Primitive p = test::primitive(PrimitiveOp::kLinear);
    p.n = p.k = 128;
    p.input = test::on_chip(0, p.k);
    p.output = test::on_chip(0x1000, p.n);
    p.weight = test::in_memory(test::kTensors, format);
    p.remainder = test::in_memory(test::kTensors + 0x2000, abi::Format::kU32);
    p.tables = test::in_memory(test::kTensors + 0x8000, abi::Format::kU32);
    p.engine_mask = abi::kEnginePim;
    const abi::Completion refused = rig.run_program({p});
    CHECK(status_of(refused) == Status::kNoEngine);
    CHECK(refused.primitive == 0);
    p.engine_mask = abi::kEngineAuto;
    CHECK(status_of(rig.run_program({p})) == Status::kOk);
  }
}
