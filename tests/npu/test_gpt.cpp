// SPDX-License-Identifier: Apache-2.0
// What models with layer norms and learned positions need, computed and refused.
#include <catch2/catch.hpp>

#include "npu_rig.h"
#include "tandem/npu/vector_unit.h"
#include "tandem/numerics/fp.h"

using namespace tandem;
using abi::PrimitiveOp;
using abi::Status;
using test::NpuRig;
using test::status_of;

namespace {

constexpr std::uint32_t kDim = 64;
constexpr std::uint32_t kTableRows = 8;
constexpr std::uint64_t kEmbedding = test::kTensors, kPositions = test::kTensors + 0x1000,
                        kGain = test::kTensors + 0x2000, kBias = test::kTensors + 0x3000;

std::vector<std::uint16_t> wave(std::size_t n, float step, unsigned period) {
  std::vector<std::uint16_t> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = numerics::float_to_fp16(step * static_cast<float>(i % period) - 1.0f);
  }
  return values;
}

// Embedding of token 3, position added, layer norm; the result goes out as a key.
std::vector<abi::Primitive> program() {
  abi::Primitive gather = test::primitive(PrimitiveOp::kGather);
  gather.n = kDim;
  gather.k = kTableRows;
  gather.weight = test::in_memory(kEmbedding);
  gather.output = test::on_chip(0, kDim);
  abi::Primitive position = test::primitive(PrimitiveOp::kPosition, {0});
  position.kind = static_cast<std::uint8_t>(abi::PositionKind::kLearned);
  position.n = kDim;
  position.k = kTableRows;
  position.input = test::on_chip(0, kDim);
  position.input2 = test::in_memory(kPositions);
  position.output = test::on_chip(0x100, kDim);
  abi::Primitive norm = test::primitive(PrimitiveOp::kNorm, {1});
  norm.kind = static_cast<std::uint8_t>(abi::NormKind::kLayer);
  norm.n = kDim;
  norm.epsilon = numerics::float_bits(1e-5f);
  norm.input = test::on_chip(0x100, kDim);
  norm.weight = test::in_memory(kGain);
  norm.bias = test::in_memory(kBias);
  norm.output = test::on_chip(0x200, kDim);
  abi::Primitive append = test::primitive(PrimitiveOp::kKvAppend, {2});
  append.kv_heads = 1;
  append.head_dim = kDim;
  append.n = kDim;
  append.input = test::on_chip(0x200, kDim);
  append.input2 = test::on_chip(0x100, kDim);
  return {gather, position, norm, append};
}

// Runs the program for a token at `position`.
abi::Completion run(NpuRig& rig, std::uint32_t position,
                    const std::vector<abi::Primitive>& primitives) {
  rig.put(kEmbedding, wave(kTableRows * kDim, 0.03f, 61));
  rig.put(kPositions, wave(kTableRows * kDim, 0.05f, 43));
  rig.put(kGain, wave(kDim, 0.04f, 37));
  rig.put(kBias, wave(kDim, 0.02f, 53));
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
  const abi::Command command = rig.prepare(primitives);
  abi::BatchEntry entry = rig.entry();
  entry.position_base = position;
  rig.put(test::kBatch, entry);
  return rig.run(command);
}

}  // namespace

TEST_CASE("Learned positions are added and layer norms have a gain and a bias") {
  NpuRig rig;
  constexpr std::uint32_t kPosition = 5, kToken = 3;
  REQUIRE(status_of(run(rig, kPosition, program())) == Status::kOk);

  const auto table = wave(kTableRows * kDim, 0.03f, 61);
  const auto positions = wave(kTableRows * kDim, 0.05f, 43);
  std::vector<std::uint16_t> sum(kDim), normed(kDim);
  npu::VectorUnit::add(&table[kToken * kDim], &positions[kPosition * kDim], kDim, sum.data());
  npu::VectorUnit::layer_norm(sum.data(), wave(kDim, 0.04f, 37).data(),
                              wave(kDim, 0.02f, 53).data(), 1e-5f, kDim, normed.data());
  for (std::uint32_t i = 0; i < kDim; ++i) {
    INFO(i);
    REQUIRE(rig.get<std::uint16_t>(test::kPages + 2 * i) == normed[i]);
  }
}

TEST_CASE("A position beyond the table fails with its number") {
  NpuRig rig;
  const abi::Completion completion = run(rig, kTableRows, program());
  CHECK(status_of(completion) == Status::kBadBatch);
  CHECK(completion.primitive == 1);
  CHECK(completion.value == kTableRows);
}

TEST_CASE("A bias has no place in an RMS norm, and must lie in its slot") {
  NpuRig rig;
  auto primitives = program();
  primitives[2].kind = static_cast<std::uint8_t>(abi::NormKind::kRms);
  CHECK(status_of(run(rig, 0, primitives)) == Status::kUnsupported);
  primitives = program();
  primitives[2].bias.offset = rig.memory.config().size_bytes() - 2;
  CHECK(status_of(run(rig, 0, primitives)) == Status::kBadOperand);
  primitives = program();
  primitives[1].k = 1u << 31;
  CHECK(status_of(run(rig, 0, primitives)) == Status::kBadOperand);
  CHECK(status_of(run(rig, 0, program())) == Status::kOk);
}
