// SPDX-License-Identifier: Apache-2.0
// What latent attention needs: a LINEAR with a matrix for each group of columns, and a KV cache in
// which values are part of the keys.
#include <catch2/catch.hpp>
#include <random>

#include "npu_rig.h"
#include "tandem/npu/vector_unit.h"
#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"

using namespace tandem;
using abi::PrimitiveOp;
using abi::Status;
using test::NpuRig;
using test::status_of;

namespace {

using Halves = std::vector<std::uint16_t>;

constexpr std::uint32_t kTokens = 3;  // pending ones: ids 0, 1, 2
constexpr std::uint64_t kResultTable = test::kPageTable + 0x1000, kResultPage = 0x80'0000;

Halves random_halves(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  Halves values(n);
  for (std::uint16_t& value : values) {
    value = numerics::float_to_fp16(static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
  }
  return values;
}

// Row of the token id of each pending token to `offset` on chip.
abi::Primitive gather(std::uint64_t table, std::uint32_t columns, std::uint64_t offset) {
  abi::Primitive p = test::primitive(PrimitiveOp::kGather);
  p.n = columns;
  p.k = kTokens;
  p.weight = test::in_memory(table);
  p.output = test::on_chip(offset, columns);
  return p;
}

// What is at `offset` on chip to kResultPage, in KV set 1, where values are all of the keys.
abi::Primitive bring_out(std::uint16_t after, std::uint64_t offset, std::uint32_t columns) {
  abi::Primitive p = test::primitive(PrimitiveOp::kKvAppend, {after});
  p.kv_set = 1;
  p.kv_heads = 1;
  p.head_dim = static_cast<std::uint16_t>(columns);
  p.value_dim = columns;
  p.input = test::on_chip(offset, columns);
  return p;
}

Halves brought_out(NpuRig& rig, std::size_t n) {
  Halves values;
  for (std::size_t i = 0; i < n; ++i) {
    values.push_back(rig.get<std::uint16_t>(kResultPage + 2 * i));
  }
  return values;
}

// Runs for three tokens after `committed` ones.
abi::Completion run(NpuRig& rig, const std::vector<abi::Primitive>& program,
                    std::uint32_t committed = 0) {
  abi::Command command = rig.prepare(program);
  command.phase = static_cast<std::uint16_t>(abi::Phase::kDecode);
  abi::BatchEntry entry = rig.entry(kTokens);
  entry.kv[0].committed_length = committed;
  entry.kv[1].page_table = kResultTable;
  rig.put(test::kBatch, entry);
  rig.put(test::kTokens, std::vector<std::uint32_t>{0, 1, 2});
  rig.put(kResultTable, std::vector<std::uint64_t>(4, kResultPage));
  return rig.run(command);
}

// --- LINEAR
// --------------------------------------------------------------------------------------

constexpr std::uint32_t kGroups = 5, kN = 48, kK = 136;  // more than a chunk of the dot product
constexpr std::uint64_t kInputs = test::kTensors, kWeights = test::kTensors + 0x1'0000;
constexpr std::uint64_t kOutputs = 0x8000;  // on chip

std::vector<abi::Primitive> grouped_program() {
  abi::Primitive linear = test::primitive(PrimitiveOp::kLinear, {0});
  linear.groups = kGroups;
  linear.n = kN;
  linear.k = kK;
  linear.input = test::on_chip(0, kGroups * kK);
  linear.weight = test::in_memory(kWeights);
  linear.output = test::on_chip(kOutputs, kGroups * kN);
  return {gather(kInputs, kGroups * kK, 0), linear, bring_out(1, kOutputs, kGroups * kN)};
}

void check_groups(npu::Config config) {
  NpuRig rig(config);
  const Halves inputs = random_halves(kTokens * kGroups * kK, 1);
  const Halves weights = random_halves(kGroups * kN * kK, 2);
  rig.put(kInputs, inputs);
  rig.put(kWeights, weights);
  REQUIRE(status_of(run(rig, grouped_program())) == Status::kOk);
  const Halves outputs = brought_out(rig, kTokens * kGroups * kN);
  for (std::uint32_t row = 0; row < kTokens; ++row) {
    for (std::uint32_t column = 0; column < kGroups * kN; ++column) {
      INFO("row " << row << ", column " << column);
      const std::uint16_t* const x = &inputs[row * kGroups * kK + column / kN * kK];
      const std::uint16_t expected =
          numerics::float_to_fp16(numerics::dot(x, 1, &weights[column * kK], 1, kK));
      REQUIRE(outputs[row * kGroups * kN + column] == expected);
    }
  }
  const npu::PassCounters& counters = rig.npu.pass_counters(abi::Phase::kDecode);
  CHECK(counters.weight_bytes == 2 * kGroups * kK * (kN + kTokens));  // rows gathered as well
}

// --- Attention
// -----------------------------------------------------------------------------------

constexpr std::uint16_t kLayer = 1, kKvHeads = 2, kHeads = 6, kHeadDim = 160;
constexpr std::uint32_t kValueDim = 136, kRest = kHeadDim - kValueDim, kPageTokens = 128;
constexpr std::uint32_t kCommitted = 150, kLength = kCommitted + kTokens;  // two pages
constexpr std::uint64_t kHalfBytes = 2ull * kKvHeads * kPageTokens * kHeadDim;
constexpr std::uint64_t kKeyFirst = test::kTensors, kKeyRest = test::kTensors + 0x1'0000,
                        kQueryFirst = test::kTensors + 0x2'0000,
                        kQueryRest = test::kTensors + 0x3'0000;
constexpr float kScale = 0.05f;

std::vector<abi::Primitive> attention_program() {
  abi::Primitive append = test::primitive(PrimitiveOp::kKvAppend, {0, 1});
  append.layer = kLayer;
  append.kv_heads = kKvHeads;
  append.head_dim = kHeadDim;
  append.value_dim = kValueDim;
  append.input = test::on_chip(0, kKvHeads * kValueDim);
  append.input2 = test::on_chip(0x1000, kKvHeads * kRest);
  abi::Primitive attention = append;
  attention = test::primitive(PrimitiveOp::kAttention, {2, 3, 4});
  attention.layer = kLayer;
  attention.heads = kHeads;
  attention.kv_heads = kKvHeads;
  attention.head_dim = kHeadDim;
  attention.value_dim = kValueDim;
  attention.scale = numerics::float_bits(kScale);
  attention.input = test::on_chip(0x2000, kHeads * kValueDim);
  attention.input2 = test::on_chip(0x4000, kHeads * kRest);
  attention.output = test::on_chip(0x6000, kHeads * kValueDim);
  return {gather(kKeyFirst, kKvHeads * kValueDim, 0),
          gather(kKeyRest, kKvHeads * kRest, 0x1000),
          gather(kQueryFirst, kHeads * kValueDim, 0x2000),
          gather(kQueryRest, kHeads * kRest, 0x4000),
          append,
          attention,
          bring_out(5, 0x6000, kHeads * kValueDim)};
}

std::uint64_t key_address(std::uint32_t head, std::uint32_t token) {
  const std::uint64_t page = test::kPages + token / kPageTokens * 0x10'0000;
  const std::uint64_t in_head = (std::uint64_t{head} * kPageTokens + token % kPageTokens);
  return page + kLayer * kHalfBytes + 2 * in_head * kHeadDim;
}

struct AttentionData {
  Halves key_first = random_halves(kTokens * kKvHeads * kValueDim, 3),
         key_rest = random_halves(kTokens * kKvHeads * kRest, 4),
         query_first = random_halves(kTokens * kHeads * kValueDim, 5),
         query_rest = random_halves(kTokens * kHeads * kRest, 6),
         committed = random_halves(kKvHeads * kCommitted * kHeadDim, 7);

  void put(NpuRig& rig) const {
    rig.put(kKeyFirst, key_first);
    rig.put(kKeyRest, key_rest);
    rig.put(kQueryFirst, query_first);
    rig.put(kQueryRest, query_rest);
    rig.put(test::kPageTable,
            std::vector<std::uint64_t>{test::kPages, test::kPages + 0x10'0000, 0, 0});
    for (std::uint32_t head = 0; head < kKvHeads; ++head) {
      for (std::uint32_t t = 0; t < kCommitted; ++t) rig.put(key_address(head, t), key(head, t));
    }
  }
  Halves key(std::uint32_t head, std::uint32_t token) const {
    if (token >= kCommitted) {
      return joined(key_first, key_rest, (token - kCommitted) * kKvHeads + head);
    }
    const auto from = committed.begin() + (head * kCommitted + token) * kHeadDim;
    return Halves(from, from + kHeadDim);
  }
  Halves query(std::uint32_t head, std::uint32_t row) const {
    return joined(query_first, query_rest, row * kHeads + head);
  }

 private:
  static Halves joined(const Halves& first, const Halves& rest, std::size_t index) {
    Halves both(first.begin() + static_cast<std::ptrdiff_t>(index * kValueDim),
                first.begin() + static_cast<std::ptrdiff_t>((index + 1) * kValueDim));
    both.insert(both.end(), rest.begin() + static_cast<std::ptrdiff_t>(index * kRest),
                rest.begin() + static_cast<std::ptrdiff_t>((index + 1) * kRest));
    return both;
  }
};

// Of a head of a row, by plain loops.
Halves attended(const AttentionData& data, std::uint32_t head, std::uint32_t row) {
  const std::uint32_t kv_head = head / (kHeads / kKvHeads), visible = kCommitted + row + 1;
  const Halves query = data.query(head, row);
  Halves scores, keys;
  for (std::uint32_t t = 0; t < visible; ++t) {
    const Halves key = data.key(kv_head, t);
    const float score = numerics::fp16_to_float(
        numerics::float_to_fp16(numerics::dot(query.data(), 1, key.data(), 1, kHeadDim)));
    scores.push_back(numerics::float_to_fp16(score * kScale));
    keys.insert(keys.end(), key.begin(), key.end());
  }
  npu::VectorUnit vector{npu::VectorUnit::Config{}};
  vector.softmax_row(scores.data(), visible, scores.data());
  Halves output;
  for (std::uint32_t e = 0; e < kValueDim; ++e) {
    output.push_back(numerics::float_to_fp16(
        numerics::dot(scores.data(), 1, keys.data() + e, kHeadDim, visible)));
  }
  return output;
}

npu::Config timing_npu() {
  npu::Config config = test::small_npu();
  config.timing_only = true;
  return config;
}

constexpr auto kDecode = static_cast<std::size_t>(abi::Phase::kDecode);
constexpr auto kOther = static_cast<std::size_t>(abi::Stage::kOther);

void check_group_costs(std::uint64_t bulk_bytes) {
  npu::Config config = timing_npu();
  config.bulk_bytes = bulk_bytes;
  NpuRig rig(config);
  const auto totals = [&rig] {
    return std::make_pair(rig.npu.pass_counters(abi::Phase::kDecode).weight_bytes,
                          rig.npu.stage_counters(kDecode, kOther).matrix_ps);
  };
  // Rows that fill the array's columns, so that no group's last tile is narrower.
  auto program = grouped_program();
  program[1].n = 64;
  program[1].output = test::on_chip(kOutputs, kGroups * 64);
  REQUIRE(status_of(run(rig, program)) == Status::kOk);
  const auto grouped = totals();
  CHECK(grouped.first == 2 * kGroups * kK * (64 + kTokens));
  program[1].groups = 0;
  program[1].n *= kGroups;
  REQUIRE(status_of(run(rig, program)) == Status::kOk);
  CHECK(totals().first == 2 * grouped.first);
  CHECK(totals().second == 2 * grouped.second);
}

void check_kv_bytes(std::uint64_t bulk_bytes) {
  npu::Config config = timing_npu();
  config.bulk_bytes = bulk_bytes;
  NpuRig rig(config);
  AttentionData().put(rig);
  auto program = attention_program();
  program.pop_back();
  const auto traffic = [&rig] {
    std::pair<std::uint64_t, std::uint64_t> sum;
    for (unsigned channel = 0; channel < rig.memory.config().channels; ++channel) {
      sum.first += rig.memory.traffic(channel).read_bytes;
      sum.second += rig.memory.traffic(channel).write_bytes;
    }
    return sum;
  };
  const std::uint64_t token_bytes = 2ull * kKvHeads * kHeadDim;
  const std::uint64_t gathered = 2ull * kTokens * (kKvHeads + kHeads) * kHeadDim;
  REQUIRE(status_of(run(rig, program, kCommitted)) == Status::kOk);
  CHECK(rig.npu.stage_counters(kDecode, kOther).read_bytes == gathered + kLength * token_bytes);
  CHECK(traffic().first >= gathered + kLength * token_bytes);
  CHECK(traffic().first < gathered + (kLength + 20) * token_bytes);  // and what a command names
  CHECK(traffic().second >= kTokens * token_bytes);
  CHECK(traffic().second < (kTokens + 1) * token_bytes);
}

}  // namespace

TEST_CASE("groups of a LINEAR are multiplied with their own columns") {
  check_groups(test::small_npu());
}

TEST_CASE("groups of a LINEAR that take several tiles each, one primitive at a time") {
  npu::Config config = test::small_npu();
  config.serial = true;
  config.weight_tile_bytes = 4096;
  check_groups(config);
}

TEST_CASE("groups of a LINEAR are streamed once and as fast as one matrix of as many rows") {
  check_group_costs(0);
}

TEST_CASE("groups of a LINEAR are streamed once and as fast as one matrix, in bulk") {
  check_group_costs(1u << 20);
}

TEST_CASE("groups that cannot work are refused") {
  NpuRig rig;
  const auto refused = [&rig](Status expected, void (*spoil)(abi::Primitive&)) {
    auto program = grouped_program();
    spoil(program[1]);
    const abi::Completion completion = run(rig, program);
    CHECK(status_of(completion) == expected);
    CHECK(completion.primitive == 1);
    CHECK(status_of(run(rig, grouped_program())) == Status::kOk);
  };
  refused(Status::kUnsupported,
          [](abi::Primitive& p) { p.bias = test::in_memory(test::kTensors); });
  refused(Status::kUnsupported, [](abi::Primitive& p) { p.kind = 1; });
  refused(Status::kBadProgram, [](abi::Primitive& p) { p.top_k = 2; });
  refused(Status::kBadOperand, [](abi::Primitive& p) { p.groups = 1u << 30; });
  refused(Status::kBadOperand, [](abi::Primitive& p) { p.input.stride = 2 * kK; });
  refused(Status::kBadOperand, [](abi::Primitive& p) { p.output.stride = 2 * kN; });
  refused(Status::kNoEngine, [](abi::Primitive& p) { p.engine_mask = abi::kEnginePim; });
}

TEST_CASE("attention whose values begin its keys is that of plain loops") {
  NpuRig rig;
  const AttentionData data;
  data.put(rig);
  REQUIRE(status_of(run(rig, attention_program(), kCommitted)) == Status::kOk);
  for (std::uint32_t head = 0; head < kKvHeads; ++head) {
    for (std::uint32_t t = kCommitted; t < kLength; ++t) {
      const Halves key = data.key(head, t);
      for (std::uint32_t e = 0; e < kHeadDim; ++e) {
        REQUIRE(rig.get<std::uint16_t>(key_address(head, t) + 2 * e) == key[e]);
      }
    }
  }
  const Halves outputs = brought_out(rig, kTokens * kHeads * kValueDim);
  for (std::uint32_t row = 0; row < kTokens; ++row) {
    for (std::uint32_t head = 0; head < kHeads; ++head) {
      INFO("row " << row << ", head " << head);
      const auto from = outputs.begin() + (row * kHeads + head) * kValueDim;
      REQUIRE(Halves(from, from + kValueDim) == attended(data, head, row));
    }
  }
}

TEST_CASE("keys are written once and read once, values never") {
  check_kv_bytes(0);
}

TEST_CASE("keys are written once and read once in bulk, values never") {
  check_kv_bytes(1u << 20);
}

TEST_CASE("values that cannot be part of the keys are refused") {
  NpuRig rig;
  AttentionData().put(rig);
  const auto refused = [&rig](std::uint16_t primitive, void (*spoil)(abi::Primitive&)) {
    auto program = attention_program();
    spoil(program[primitive]);
    const abi::Completion completion = run(rig, program, kCommitted);
    CHECK(status_of(completion) == Status::kBadOperand);
    CHECK(completion.primitive == primitive);
  };
  for (std::uint16_t primitive = 4; primitive <= 5; ++primitive) {
    refused(primitive, [](abi::Primitive& p) { p.value_dim = kHeadDim + 1u; });
    refused(primitive, [](abi::Primitive& p) { p.value_dim = 0xFFFF'FFFF; });
    refused(primitive, [](abi::Primitive& p) { p.input2 = test::absent(); });
    refused(primitive, [](abi::Primitive& p) { p.input.stride = 2 * kValueDim; });
  }
  CHECK(status_of(run(rig, attention_program(), kCommitted)) == Status::kOk);
}

TEST_CASE("a layout with values is refused where values are part of the keys") {
  NpuRig rig;
  AttentionData().put(rig);
  abi::Command command = rig.prepare(attention_program());
  abi::BatchEntry entry = rig.entry(kTokens);
  entry.kv[0].layout = static_cast<std::uint32_t>(abi::KvLayout::kElementMajor);
  rig.put(test::kBatch, entry);
  rig.put(test::kTokens, std::vector<std::uint32_t>{0, 1, 2});
  const abi::Completion completion = rig.run(command);
  CHECK(status_of(completion) == Status::kBadBatch);
  CHECK(completion.primitive == 4);
}
