// SPDX-License-Identifier: Apache-2.0
// LINEAR and GATHER of weights in BankTiles: the bits of weights in rows on either engine, rows of
// the memory opened once per slice, and faults for slices that cannot be.
#include <catch2/catch.hpp>

#include "decoder_layer.h"
#include "pim_rig.h"
#include "tandem/numerics/quant.h"

using namespace tandem;
using abi::Format;
using abi::Grouping;
using abi::PrimitiveOp;
using abi::Status;

namespace {

constexpr std::uint32_t kInputs = 340, kOutputs = 208, kRows = 5, kSlice = 128, kHigh = 256;
constexpr std::uint64_t kEmbedding = test::kTensors, kBias = kEmbedding + 0x10'0000,
                        kMatrix = kBias + 0x10'0000, kScales = kMatrix + 0x100'0000,
                        kTables = kScales + 0x10'0000;

// Items of 4 x `nibbles` bits [rows][columns], in slices of `width` columns and `high` rows.
std::vector<std::uint8_t> sliced(const std::vector<std::uint8_t>& bytes, unsigned nibbles,
                                 std::uint32_t rows, std::uint32_t columns, std::uint32_t width,
                                 std::uint32_t high) {
  const std::uint32_t slices = (columns + width - 1) / width;
  std::vector<std::uint8_t> out(std::size_t{slices} * high * width * nibbles / 2, 0);
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t column = 0; column < columns; ++column) {
      const std::size_t from = std::size_t{row} * columns + column;
      const std::size_t to = (std::size_t{column / width} * high + row) * width + column % width;
      for (unsigned i = 0; i < nibbles; ++i) {
        const std::size_t a = from * nibbles + i, b = to * nibbles + i;
        const unsigned nibble = bytes[a / 2] >> 4 * (a % 2) & 0xF;
        out[b / 2] = static_cast<std::uint8_t>(out[b / 2] | nibble << 4 * (b % 2));
      }
    }
  }
  return out;
}

std::vector<std::uint8_t> bytes_of(const std::vector<std::uint16_t>& values) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(values.data());
  return {begin, begin + 2 * values.size()};
}

struct Weights {
  Format format = Format::kFp16;
  Grouping grouping = Grouping::kNone;
  std::vector<std::uint8_t> stream, scales, tables;
};

Weights weights_in(Format format, Grouping grouping) {
  const auto fp16 = test::random_fp16(std::size_t{kOutputs} * kInputs, 2);
  if (format == Format::kFp16) return {format, grouping, bytes_of(fp16), {}, {}};
  const numerics::QuantTensor q = numerics::quantize(fp16.data(), kOutputs, kInputs, format,
                                                     grouping, numerics::ScaleRule::kAbsmax);
  return {format, grouping, q.stream, q.scales, {}};
}

// Rows of an embedding, multiplied; the results go out as keys.
std::vector<abi::Primitive> program(const Weights& weights, std::uint8_t engines, bool tiled) {
  abi::Primitive gather = test::primitive(PrimitiveOp::kGather);
  gather.n = kInputs;
  gather.k = 8;
  gather.weight = test::in_memory(kEmbedding);
  gather.output = test::on_chip(0, kInputs);
  abi::Primitive linear = test::primitive(PrimitiveOp::kLinear, {0});
  linear.engine_mask = engines;
  linear.n = kOutputs;
  linear.k = kInputs;
  linear.grouping = static_cast<std::uint8_t>(weights.grouping);
  linear.input = test::on_chip(0, kInputs);
  linear.output = test::on_chip(0x8000, kOutputs);
  linear.weight = test::in_memory(kMatrix, weights.format);
  linear.scales = test::in_memory(kScales);
  linear.bias = test::in_memory(kBias);
  if (tiled) {
    gather.weight.layout = linear.weight.layout =
        static_cast<std::uint8_t>(abi::OperandLayout::kBankTiles);
    gather.slice_columns = linear.slice_columns = kSlice;
    gather.slice_rows = 16;
    linear.slice_rows = kHigh;
  }
  abi::Primitive append = test::primitive(PrimitiveOp::kKvAppend, {1});
  append.kv_heads = 1;
  append.head_dim = kOutputs;
  append.n = kOutputs;
  append.input = append.input2 = test::on_chip(0x8000, kOutputs);
  return {gather, linear, append};
}

class TilesRig : public test::PimRig {
 public:
  using PimRig::PimRig;

  std::vector<std::uint16_t> results(const Weights& weights, std::uint8_t engines, bool tiled) {
    const auto embedding = bytes_of(test::random_fp16(std::size_t{8} * kInputs, 1));
    put(kEmbedding, tiled ? sliced(embedding, 4, 8, kInputs, kSlice, 16) : embedding);
    const unsigned nibbles = abi::stream_bits(weights.format) / 4;
    put(kMatrix,
        tiled ? sliced(weights.stream, nibbles, kOutputs, kInputs, kSlice, kHigh) : weights.stream);
    const bool groups = weights.grouping == Grouping::kGroup128;
    put(kScales, tiled && groups ? sliced(weights.scales, 4, kOutputs, (kInputs + 127) / 128,
                                          kSlice / 128, kHigh)
                                 : weights.scales);
    put(kBias, test::random_fp16(kOutputs, 3));
    put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
    std::vector<std::uint16_t> values(std::size_t{kRows} * kOutputs);
    put(test::kPages, values);
    const abi::Command command = prepare(program(weights, engines, tiled));
    put(test::kBatch, entry(kRows));
    std::vector<std::uint32_t> tokens(kRows);
    for (std::uint32_t i = 0; i < kRows; ++i) tokens[i] = i % 8;
    put(test::kTokens, tokens);
    REQUIRE(test::status_of(run(command)) == Status::kOk);
    memory.store().read(test::kPages, reinterpret_cast<std::uint8_t*>(values.data()),
                        2 * values.size());
    return values;
  }

  // A LINEAR alone, of weights that nobody looks at.
  abi::Command linear(std::uint8_t engines, std::uint32_t n, std::uint32_t k, std::uint32_t rows,
                      std::uint32_t slice_columns, Format format = Format::kFp16,
                      Grouping grouping = Grouping::kNone) {
    abi::Primitive linear = test::primitive(PrimitiveOp::kLinear);
    linear.engine_mask = engines;
    linear.n = n;
    linear.k = k;
    linear.input = test::on_chip(0, k);
    linear.output = test::on_chip(1 << 20, n);
    linear.weight = test::in_memory(kMatrix, format);
    linear.grouping = static_cast<std::uint8_t>(grouping);
    linear.scales = test::in_memory(kScales);
    if (slice_columns != 0) {
      linear.weight.layout = static_cast<std::uint8_t>(abi::OperandLayout::kBankTiles);
      linear.slice_columns = slice_columns;
      linear.slice_rows = n;
    }
    const abi::Command command = prepare({linear});
    put(test::kBatch, entry(rows));
    put(test::kTokens, std::vector<std::uint32_t>(rows, 0));
    return command;
  }
  std::uint64_t time_ps(const abi::Command& command) {
    const std::uint64_t before_ps = npu.phase_times().phase_ps[0];
    REQUIRE(test::status_of(run(command)) == Status::kOk);
    return npu.phase_times().phase_ps[0] - before_ps;
  }
  std::uint64_t counter(const std::string& name) {
    observe::StatisticsTable table;
    pim.collect(table);
    std::uint64_t sum = 0;
    for (unsigned c = 0; c < pim.config().memory.channels; ++c) {
      const observe::Statistic* found = table.find("channel" + std::to_string(c) + "." + name);
      REQUIRE(found != nullptr);
      sum += found->integer;
    }
    return sum;
  }
};

void check_same_bits(const npu::Config& npu, const pim::Config& pim, const Weights& weights) {
  TilesRig rig(npu, pim);
  const auto expected = rig.results(weights, abi::kEngineNpu, false);
  CHECK(rig.results(weights, abi::kEngineNpu, true) == expected);
  CHECK(rig.results(weights, abi::kEnginePim, true) == expected);
  CHECK(rig.results(weights, abi::kEngineAuto, true) == expected);
}

npu::Config timing_npu() {
  npu::Config npu = test::npu_with_pim();
  npu.timing_only = true;
  npu.array.rows = 128;
  npu.array.columns = 256;
  npu.weight_buffer_bytes = 4 << 20;
  npu.weight_tile_bytes = 1 << 18;
  npu.activation_bytes = 4 << 20;
  return npu;
}

}  // namespace

TEST_CASE("bank tiles: FP16 gives the same bits as rows, on NPU and PIM") {
  check_same_bits(test::npu_with_pim(), test::plain_aim(),
                  weights_in(Format::kFp16, Grouping::kNone));
}
TEST_CASE("bank tiles: INT8 with scales per group") {
  check_same_bits(test::npu_with_pim(), test::plain_aim(),
                  weights_in(Format::kInt8, Grouping::kGroup128));
}
TEST_CASE("bank tiles: INT4 with scales per group") {
  check_same_bits(test::npu_with_pim(), test::plain_aim(),
                  weights_in(Format::kInt4, Grouping::kGroup128));
}
TEST_CASE("bank tiles: E2M1 with scales per row") {
  check_same_bits(test::npu_with_pim(), test::plain_aim(),
                  weights_in(Format::kE2m1, Grouping::kRow));
}
TEST_CASE("bank tiles: one primitive at a time") {
  npu::Config npu = test::npu_with_pim();
  npu.serial = true;
  check_same_bits(npu, test::plain_aim(), weights_in(Format::kFp16, Grouping::kNone));
}
TEST_CASE("bank tiles: windows that hold two vectors and some rows") {
  pim::Config pim = test::plain_aim();
  pim.vector_bytes = 1408;  // 2 x 2 x 340 and less than 3 x 2 x 340
  pim.result_bytes = 512;
  check_same_bits(test::npu_with_pim(), pim, weights_in(Format::kFp16, Grouping::kNone));
}
TEST_CASE("bank tiles: a weight buffer of less than a row of a slice") {
  npu::Config npu = test::npu_with_pim();
  npu.weight_buffer_bytes = 2048;
  npu.weight_tile_bytes = 512;
  check_same_bits(npu, test::plain_aim(), weights_in(Format::kFp16, Grouping::kNone));
}

TEST_CASE("bank tiles: row after row of the matrix, the same bits") {
  npu::Config npu = test::npu_with_pim();
  npu.pim_tile_order = npu::PimTileOrder::kRows;
  check_same_bits(npu, test::plain_aim(), weights_in(Format::kFp16, Grouping::kNone));
}
TEST_CASE("bank tiles: row after row of the matrix, INT4 with scales per group, small windows") {
  npu::Config npu = test::npu_with_pim();
  npu.pim_tile_order = npu::PimTileOrder::kRows;
  pim::Config pim = test::plain_aim();
  pim.vector_bytes = 1408;
  pim.result_bytes = 512;
  check_same_bits(npu, pim, weights_in(Format::kInt4, Grouping::kGroup128));
}

TEST_CASE(
    "bank tiles: row after row of the matrix, pieces of the vector are loaded for each tile") {
  pim::Config pim = test::plain_aim();
  pim.timing_only = true;
  npu::Config npu = timing_npu();
  npu.pim_tile_order = npu::PimTileOrder::kRows;
  TilesRig rig(npu, pim);
  const std::uint32_t banks = pim.memory.device.geometry.banks() * pim.memory.channels;
  const std::uint32_t n = 8 * banks, k = 3 * 1024 + 512;
  rig.time_ps(rig.linear(abi::kEnginePim, n, k, 1, 1024));
  CHECK(rig.counter("activations") == 4ull * 8 * banks);
  CHECK(rig.counter("buffer_loads") == 8 * 2ull * k * pim.memory.channels / 32);
  CHECK(rig.counter("internal_bytes") == 2ull * n * k);
}

TEST_CASE("bank tiles: each row is opened once, each piece of the vector loaded once") {
  pim::Config pim = test::plain_aim();
  pim.timing_only = true;
  TilesRig rig(timing_npu(), pim);
  const std::uint32_t banks = pim.memory.device.geometry.banks() * pim.memory.channels;
  const std::uint32_t n = 8 * banks, k = 3 * 1024 + 512;
  // 1,024 columns to a row of a bank: eight rows in each for a slice, four slices.
  rig.time_ps(rig.linear(abi::kEnginePim, n, k, 1, 1024));
  CHECK(rig.counter("activations") == 4ull * 8 * banks);
  CHECK(rig.counter("buffer_loads") == 2ull * k * pim.memory.channels / 32);
  CHECK(rig.counter("internal_bytes") == 2ull * n * k);
}

TEST_CASE("bank tiles: a scale of the tensor is read once, not with every slice") {
  pim::Config pim = test::plain_aim();
  pim.timing_only = true;
  TilesRig rig(timing_npu(), pim);
  const std::uint32_t banks = pim.memory.device.geometry.banks() * pim.memory.channels;
  // Four rows of 1,024 weights to a row of a bank.
  rig.time_ps(
      rig.linear(abi::kEnginePim, 8 * banks, 3 * 1024, 1, 1024, Format::kInt4, Grouping::kTensor));
  CHECK(rig.counter("activations") == 3ull * 2 * banks + 1);
}

TEST_CASE("bank tiles: all banks work on a piece, in rows a quarter of them") {
  pim::Config pim = test::plain_aim();
  pim.timing_only = true;
  TilesRig rig(timing_npu(), pim);
  const std::uint32_t banks = pim.memory.device.geometry.banks() * pim.memory.channels;
  rig.time_ps(rig.linear(abi::kEnginePim, 8 * banks, 4096, 1, 1024));
  const std::uint64_t tiled_ps = rig.counter("busy");
  rig.time_ps(rig.linear(abi::kEnginePim, 8 * banks, 4096, 1, 0));
  const double ratio =
      static_cast<double>(rig.counter("busy") - tiled_ps) / static_cast<double>(tiled_ps);
  // Four commands, with mode switches of their own, in place of one.
  CHECK(ratio > 3.7);
  CHECK(ratio < 4.0);
}

namespace {

void check_auto(npu::PimTileOrder order) {
  pim::Config pim = test::plain_aim();
  pim.timing_only = true;
  npu::Config npu = timing_npu();
  npu.pim_tile_order = order;
  npu.memory_bytes_per_us = static_cast<std::uint64_t>(pim.memory.peak_bytes_per_s() / 1e6);
  TilesRig rig(npu, pim);
  rig.time_ps(rig.linear(abi::kEnginePim, 1024, 1024, 1, 1024));  // reads the PIM's registers
  for (const std::uint32_t k : {1024u, 1280u, 4096u}) {
    unsigned on_pim = 0, on_npu = 0;
    for (const std::uint32_t rows : {1u, 2u, 4u, 6u, 8u, 12u, 16u, 24u, 32u}) {
      const auto time_ps = [&](std::uint8_t engines) {
        return rig.time_ps(rig.linear(engines, 1024, k, rows, 1024));
      };
      const std::uint64_t pim_ps = time_ps(abi::kEnginePim);
      const std::uint64_t npu_ps = time_ps(abi::kEngineNpu);
      const std::uint64_t auto_ps = time_ps(abi::kEngineAuto);
      INFO(k << " columns, " << rows << " rows: PIM " << pim_ps << " ps, NPU " << npu_ps
             << " ps, auto " << auto_ps << " ps");
      CHECK(static_cast<double>(auto_ps) <= 1.10 * static_cast<double>(std::min(pim_ps, npu_ps)));
      on_pim += pim_ps < npu_ps ? 1 : 0;
      on_npu += npu_ps < pim_ps ? 1 : 0;
    }
    CHECK(on_pim > 0);
    CHECK(on_npu > 0);
  }
}

}  // namespace

TEST_CASE("bank tiles: auto keeps to the faster engine from 1 to 32 rows, within 10 %") {
  check_auto(npu::PimTileOrder::kSlices);
}
TEST_CASE("bank tiles: so it does row after row of the matrix") {
  check_auto(npu::PimTileOrder::kRows);
}

TEST_CASE("bank tiles: slices that cannot be are refused") {
  TilesRig rig(test::npu_with_pim(), test::plain_aim());
  const Weights weights = weights_in(Format::kFp16, Grouping::kNone);
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
  const auto status = [&](auto change) {
    std::vector<abi::Primitive> primitives = program(weights, abi::kEngineNpu, true);
    change(primitives[1]);
    const abi::Completion completion = rig.run_program(primitives);
    if (completion.status != 0) CHECK(completion.primitive == 1);
    return test::status_of(completion);
  };
  CHECK(status([](abi::Primitive&) {}) == Status::kOk);
  CHECK(status([](auto& p) { p.weight.layout = 2; }) == Status::kUnsupported);
  CHECK(status([](auto& p) { p.slice_columns = 0; }) == Status::kBadOperand);
  CHECK(status([](auto& p) { p.slice_columns = 100; }) == Status::kBadOperand);
  CHECK(status([](auto& p) { p.slice_columns = 0xFFFF'FF80; }) == Status::kBadOperand);
  CHECK(status([](auto& p) { p.slice_rows = kOutputs - 1; }) == Status::kBadOperand);
  CHECK(status([](auto& p) { p.slice_rows = ~0u; }) == Status::kBadOperand);
  // Fits the memory but for its padding.
  const std::uint64_t end = rig.memory.config().size_bytes();
  const std::uint64_t bytes = 2ull * 3 * kHigh * kSlice;
  CHECK(status([&](auto& p) { p.weight.offset = end - bytes; }) == Status::kOk);
  CHECK(status([&](auto& p) { p.weight.offset = end - bytes + 2; }) == Status::kBadOperand);
}
