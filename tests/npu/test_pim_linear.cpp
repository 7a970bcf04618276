// SPDX-License-Identifier: Apache-2.0
// LINEAR with and without a bias gives the same bits on the matrix unit and in the banks, and
// `auto` takes the one that is faster for the rows of the command.
#include <catch2/catch.hpp>

#include "decoder_layer.h"
#include "pim_rig.h"

using namespace tandem;
using abi::PrimitiveOp;

namespace {

constexpr std::uint32_t kInputs = 320, kOutputs = 208, kRows = 20;
constexpr std::uint64_t kEmbedding = test::kTensors, kBias = kEmbedding + 0x10'0000,
                        kMatrix = kBias + 0x10'0000;

// Rows of an embedding, multiplied; the results go out as keys.
std::vector<abi::Primitive> program(std::uint8_t engines, bool biased) {
  abi::Primitive gather = test::primitive(PrimitiveOp::kGather);
  gather.n = kInputs;
  gather.k = 8;
  gather.weight = test::in_memory(kEmbedding);
  gather.output = test::on_chip(0, kInputs);
  abi::Primitive linear = test::primitive(PrimitiveOp::kLinear, {0});
  linear.engine_mask = engines;
  linear.n = kOutputs;
  linear.k = kInputs;
  linear.input = test::on_chip(0, kInputs);
  linear.output = test::on_chip(0x8000, kOutputs);
  linear.weight = test::in_memory(kMatrix);
  if (biased) linear.bias = test::in_memory(kBias);
  abi::Primitive append = test::primitive(PrimitiveOp::kKvAppend, {1});
  append.kv_heads = 1;
  append.head_dim = kOutputs;
  append.n = kOutputs;
  append.input = append.input2 = test::on_chip(0x8000, kOutputs);
  return {gather, linear, append};
}

class LinearRig : public test::PimRig {
 public:
  using PimRig::PimRig;

  std::vector<std::uint16_t> results(std::uint8_t engines, bool biased) {
    put(kEmbedding, test::random_fp16(std::size_t{8} * kInputs, 1));
    put(kMatrix, test::random_fp16(std::size_t{kOutputs} * kInputs, 2));
    put(kBias, test::random_fp16(kOutputs, 3));
    put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
    std::vector<std::uint16_t> values(std::size_t{kRows} * kOutputs);
    put(test::kPages, values);
    const abi::Command command = prepare(program(engines, biased));
    put(test::kBatch, entry(kRows));
    std::vector<std::uint32_t> tokens(kRows);
    for (std::uint32_t i = 0; i < kRows; ++i) tokens[i] = i % 8;
    put(test::kTokens, tokens);
    REQUIRE(test::status_of(run(command)) == abi::Status::kOk);
    memory.store().read(test::kPages, reinterpret_cast<std::uint8_t*>(values.data()),
                        2 * values.size());
    return values;
  }

  // Of one LINEAR with `rows` rows.
  std::uint64_t time_ps(std::uint8_t engines, std::uint32_t rows, std::uint32_t n,
                        std::uint32_t k) {
    abi::Primitive linear = test::primitive(PrimitiveOp::kLinear);
    linear.engine_mask = engines;
    linear.n = n;
    linear.k = k;
    linear.input = test::on_chip(0, k);
    linear.output = test::on_chip(1 << 20, n);
    linear.weight = test::in_memory(kMatrix);
    linear.bias = test::in_memory(kBias);
    const abi::Command command = prepare({linear});
    put(test::kBatch, entry(rows));
    put(test::kTokens, std::vector<std::uint32_t>(rows, 0));
    const std::uint64_t before_ps = npu.phase_times().phase_ps[0];
    REQUIRE(test::status_of(run(command)) == abi::Status::kOk);
    return npu.phase_times().phase_ps[0] - before_ps;
  }
};

void check_same_bits(bool serial, const pim::Config& pim) {
  LinearRig rig(test::npu_with_pim(serial), pim);
  const auto plain = rig.results(abi::kEngineNpu, false);
  const auto biased = rig.results(abi::kEngineNpu, true);
  REQUIRE(plain != biased);
  CHECK(rig.results(abi::kEnginePim, false) == plain);
  CHECK(rig.results(abi::kEnginePim, true) == biased);
  CHECK(rig.results(abi::kEngineAuto, true) == biased);
}

}  // namespace

TEST_CASE("A LINEAR gives the same bits on the NPU and on the PIM, with a bias and without") {
  check_same_bits(false, test::plain_aim());
}

TEST_CASE("Also one primitive at a time") {
  check_same_bits(true, test::plain_aim());
}

TEST_CASE("Also where the windows hold three of its vectors and some of its rows") {
  pim::Config pim = test::plain_aim();
  pim.vector_bytes = 3 * 2 * kInputs;
  pim.result_bytes = 512;
  check_same_bits(false, pim);
}

TEST_CASE("A vector longer than the window has no place on the PIM") {
  pim::Config pim = test::plain_aim();
  pim.vector_bytes = 2 * kInputs - 64;
  LinearRig rig(test::npu_with_pim(), pim);
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
  const abi::Completion completion = rig.run_program(program(abi::kEnginePim, true));
  CHECK(test::status_of(completion) == abi::Status::kNoSpace);
  CHECK(completion.primitive == 1);
  CHECK(test::status_of(rig.run_program(program(abi::kEngineAuto, true))) == abi::Status::kOk);
}

TEST_CASE("auto keeps to the faster engine from 1 to 32 rows, within 10 %") {
  npu::Config npu = test::npu_with_pim();
  npu.timing_only = true;
  npu.array.rows = 128;
  npu.array.columns = 256;
  npu.weight_buffer_bytes = 4 << 20;
  npu.weight_tile_bytes = 1 << 18;
  npu.activation_bytes = 4 << 20;
  pim::Config pim = test::plain_aim();
  pim.timing_only = true;
  npu.memory_bytes_per_us = static_cast<std::uint64_t>(pim.memory.peak_bytes_per_s() / 1e6);
  LinearRig rig(npu, pim);
  rig.time_ps(abi::kEnginePim, 1, 1024, 1024);  // the first use reads the PIM's registers
  for (const std::uint32_t k : {1024u, 1280u}) {
    unsigned on_pim = 0, on_npu = 0;
    for (const std::uint32_t rows : {1u, 2u, 4u, 6u, 8u, 12u, 16u, 24u, 32u}) {
      const std::uint64_t pim_ps = rig.time_ps(abi::kEnginePim, rows, 1024, k);
      const std::uint64_t npu_ps = rig.time_ps(abi::kEngineNpu, rows, 1024, k);
      const std::uint64_t auto_ps = rig.time_ps(abi::kEngineAuto, rows, 1024, k);
      INFO(k << " columns, " << rows << " rows: PIM " << pim_ps << " ps, NPU " << npu_ps
             << " ps, auto " << auto_ps << " ps");
      CHECK(static_cast<double>(auto_ps) <= 1.10 * static_cast<double>(std::min(pim_ps, npu_ps)));
      on_pim += pim_ps < npu_ps ? 1 : 0;
      on_npu += npu_ps < pim_ps ? 1 : 0;
    }
    CHECK(on_pim > 0);  // or there would be no crossover to be seen
    CHECK(on_npu > 0);
  }
}
