// SPDX-License-Identifier: Apache-2.0
// Layers with experts, where an oracle chooses them.
#include <catch2/catch.hpp>

#include "npu_rig.h"

using namespace tandem;
using abi::PrimitiveOp;
using abi::Status;
using test::NpuRig;
using test::status_of;

namespace {

constexpr std::uint32_t kDim = 128, kFfn = 64, kExperts = 8, kTopK = 2;
constexpr std::uint64_t kRouterBytes = 2 * kExperts * kDim, kExpertBytes = 2 * kFfn * kDim;
constexpr std::uint8_t kList = 0;

// Token at position p goes to experts p, p + 1, ...
class Ring : public npu::TokenOracle {
 public:
  std::uint32_t target(std::uint32_t, std::uint32_t) override { return 0; }
  Drafted draft(std::uint32_t, std::uint32_t, std::uint32_t) override { return {0, 1.0f}; }
  void experts(std::uint32_t, std::uint32_t position, std::uint32_t, std::uint32_t experts,
               std::uint32_t top_k, std::vector<std::uint32_t>& chosen) override {
    chosen.clear();
    for (std::uint32_t i = 0; i < top_k; ++i) chosen.push_back((position + i) % experts);
  }
};

npu::Config timing_npu() {
  npu::Config config = test::small_npu();
  config.timing_only = true;
  return config;
}

abi::Primitive linear(std::initializer_list<std::uint16_t> after, std::uint32_t n, std::uint32_t k,
                      std::uint64_t weights) {
  abi::Primitive p = test::primitive(PrimitiveOp::kLinear, after);
  p.n = n;
  p.k = k;
  p.weight = test::in_memory(weights);
  return p;
}

abi::Primitive expert_linear(std::initializer_list<std::uint16_t> after, abi::ExpertInput input,
                             std::uint32_t n, std::uint32_t k, std::uint64_t weights) {
  abi::Primitive p = linear(after, n, k, weights);
  p.kind = static_cast<std::uint8_t>(input);
  p.groups = kExperts;
  p.top_k = kTopK;
  p.index_slot = kList;
  return p;
}

// Router, choice, up, down, sum.
std::vector<abi::Primitive> program() {
  abi::Primitive router = linear({}, kExperts, kDim, test::kTensors);
  router.input = test::on_chip(0, kDim);
  router.output = test::on_chip(0x4000, kExperts);
  abi::Primitive route = test::primitive(PrimitiveOp::kRoute, {0});
  route.n = kExperts;
  route.top_k = kTopK;
  route.index_slot = kList;
  route.input = test::on_chip(0x4000, kExperts);
  route.output = test::on_chip(0x5000, kTopK);
  abi::Primitive up =
      expert_linear({1}, abi::ExpertInput::kShared, kFfn, kDim, test::kTensors + 0x1'0000);
  up.input = test::on_chip(0, kDim);
  up.output = test::on_chip(0x6000, kTopK * kFfn);
  abi::Primitive down =
      expert_linear({1, 2}, abi::ExpertInput::kPerChoice, kDim, kFfn, test::kTensors + 0x8'0000);
  down.input = test::on_chip(0x6000, kTopK * kFfn);
  down.output = test::on_chip(0x8000, kTopK * kDim);
  abi::Primitive combine = test::primitive(PrimitiveOp::kCombine, {3});
  combine.n = kDim;
  combine.top_k = kTopK;
  combine.input = test::on_chip(0x8000, kTopK * kDim);
  combine.input2 = test::on_chip(0x5000, kTopK);
  combine.output = test::on_chip(0xC000, kDim);
  return {router, route, up, down, combine};
}

// Runs it for `tokens` pending tokens of one sequence.
abi::Completion run(NpuRig& rig, std::uint32_t tokens,
                    const std::vector<abi::Primitive>& primitives) {
  abi::Command command = rig.prepare(primitives);
  command.phase = static_cast<std::uint16_t>(abi::Phase::kDecode);
  rig.put(test::kBatch, rig.entry(tokens));
  rig.put(test::kTokens, std::vector<std::uint32_t>(tokens, 3));
  return rig.run(command);
}

std::uint64_t weight_bytes(const NpuRig& rig) {
  return rig.npu.pass_counters(abi::Phase::kDecode).weight_bytes;
}

void check_bytes(const npu::Config& config) {
  NpuRig rig(config);
  Ring oracle;
  rig.npu.set_oracle(&oracle);
  REQUIRE(status_of(run(rig, 1, program())) == Status::kOk);
  const std::uint64_t one = weight_bytes(rig);
  CHECK(one == kRouterBytes + 2 * 2 * kExpertBytes);
  // Three tokens meet experts 0 to 3, each fetched once.
  REQUIRE(status_of(run(rig, 3, program())) == Status::kOk);
  CHECK(weight_bytes(rig) - one == kRouterBytes + 4 * 2 * kExpertBytes);
}

}  // namespace

TEST_CASE("The weights of every chosen expert are streamed once") {
  check_bytes(timing_npu());
}

TEST_CASE("The weights of every chosen expert are streamed once, one primitive at a time") {
  npu::Config config = timing_npu();
  config.serial = true;
  check_bytes(config);
}

TEST_CASE("The weights of every chosen expert are streamed once, in bulk") {
  npu::Config config = timing_npu();
  config.bulk_bytes = 1u << 20;
  check_bytes(config);
}

TEST_CASE("Nothing behind the choice is fetched before it is made") {
  npu::Config config = timing_npu();
  config.vector.special_cycles = 100'000;  // 100 us for a reciprocal: ROUTE takes its time
  NpuRig rig(config);
  Ring oracle;
  rig.npu.set_oracle(&oracle);
  const auto read = [&rig] { return rig.memory.traffic(0).read_bytes; };
  abi::Command command = rig.prepare(program());
  rig.submit(command);
  sc_core::sc_start(sc_core::sc_time(50, sc_core::SC_US));
  const std::uint64_t before = read();
  CHECK(before >= kRouterBytes);
  CHECK(before < kRouterBytes + kExpertBytes);
  REQUIRE(status_of(rig.wait()) == Status::kOk);
  CHECK(read() >= before + 4 * kExpertBytes);
}

TEST_CASE("Programs over experts that cannot work are refused") {
  Ring oracle;
  struct Case {
    const char* what;
    Status expected;
    std::uint16_t primitive;
    void (*spoil)(std::vector<abi::Primitive>&);
  };
  static const Case kCases[] = {
      {"no list", Status::kBadProgram, 1,
       [](std::vector<abi::Primitive>& p) { p[1].index_slot = abi::kNoSlot; }},
      {"another list", Status::kBadProgram, 2,
       [](std::vector<abi::Primitive>& p) { p[2].index_slot = 7; }},
      {"ROUTE is no predecessor", Status::kBadProgram, 3,
       [](std::vector<abi::Primitive>& p) { p[3].predecessors[0] = 2; }},
      {"other choices", Status::kBadProgram, 2,
       [](std::vector<abi::Primitive>& p) { p[2].top_k = 1; }},
      {"more choices than experts", Status::kBadOperand, 1,
       [](std::vector<abi::Primitive>& p) {
         for (int i = 1; i < 4; ++i) p[static_cast<std::size_t>(i)].top_k = 9;
       }},
      {"a bias", Status::kUnsupported, 2,
       [](std::vector<abi::Primitive>& p) { p[2].bias = test::in_memory(test::kTensors); }},
      {"weights beyond the slot", Status::kBadOperand, 2,
       [](std::vector<abi::Primitive>& p) { p[2].weight.offset = 1ull << 50; }},
  };
  NpuRig rig(timing_npu());
  rig.npu.set_oracle(&oracle);
  for (const Case& spoiled : kCases) {
    INFO(spoiled.what);
    auto primitives = program();
    spoiled.spoil(primitives);
    const abi::Completion completion = run(rig, 1, primitives);
    CHECK(status_of(completion) == spoiled.expected);
    CHECK(completion.primitive == spoiled.primitive);
    CHECK(status_of(run(rig, 1, program())) == Status::kOk);
  }
}

TEST_CASE("Experts need an oracle") {
  NpuRig rig(timing_npu());
  CHECK(status_of(run(rig, 1, program())) == Status::kNoEngine);
}

TEST_CASE("Experts of tensors that are computed are not supported") {
  NpuRig rig;
  CHECK(status_of(run(rig, 1, program())) == Status::kUnsupported);
}
