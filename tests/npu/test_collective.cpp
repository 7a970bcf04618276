// SPDX-License-Identifier: Apache-2.0
// COLLECTIVE: exchanges with devices that are not simulated.
#include <catch2/catch.hpp>

#include "npu_rig.h"

using namespace tandem;
using abi::CollectiveOp;
using abi::PrimitiveOp;
using abi::Status;
using npu::Link;
using test::NpuRig;
using test::status_of;

namespace {

constexpr std::uint32_t kColumns = 4096;
constexpr std::uint64_t kBytes = 2 * kColumns;  // of the one row of a pass

npu::Config linked(std::uint32_t devices, Link::Topology topology = Link::Topology::kRing) {
  npu::Config config = test::small_npu();
  config.timing_only = devices > 1;
  config.link.devices = devices;
  config.link.bandwidth_bytes_per_s = 32'000'000'000;
  config.link.latency_ps = 500'000;
  config.link.topology = topology;
  return config;
}

abi::Primitive collective(CollectiveOp op, std::uint64_t input = 0, std::uint64_t output = 0) {
  abi::Primitive p = test::primitive(PrimitiveOp::kCollective);
  p.collective = static_cast<std::uint8_t>(op);
  p.n = kColumns;
  p.input = test::on_chip(input, kColumns);
  p.output = test::on_chip(output, kColumns);
  return p;
}

abi::Primitive linear() {
  abi::Primitive p = test::primitive(PrimitiveOp::kLinear);
  p.n = p.k = 512;
  p.input = test::on_chip(0x1'0000, 512);
  p.output = test::on_chip(0x1'1000, 512);
  p.weight = test::in_memory(test::kTensors);
  return p;
}

abi::Completion run(NpuRig& rig, const std::vector<abi::Primitive>& program, std::uint32_t size,
                    std::uint32_t rank = 0) {
  const abi::Command command = rig.prepare(program);
  abi::ParameterBlock parameters = rig.parameters();
  parameters.collective_size = size;
  parameters.collective_rank = rank;
  rig.put(test::kParameters, parameters);
  return rig.run(command);
}

std::uint64_t command_ps(const NpuRig& rig) {
  return rig.npu.phase_times().phase_ps[0];
}

}  // namespace

TEST_CASE("the time of an exchange is its closed form") {
  const auto time_ps = [](Link::Topology topology, CollectiveOp op, std::uint64_t bytes,
                          std::uint32_t devices) {
    return Link(linked(8, topology).link).exchange_ps(op, bytes, devices);
  };
  // 2 (N - 1) / N bytes at 32 GB/s, which is 31.25 ps a byte, and a latency per step.
  const std::uint64_t sums_of_8 = 14 * 1024 * 3125 / 100;
  CHECK(time_ps(Link::Topology::kRing, CollectiveOp::kAllReduce, 8192, 8) ==
        sums_of_8 + 14 * 500'000);
  CHECK(time_ps(Link::Topology::kSwitch, CollectiveOp::kAllReduce, 8192, 8) ==
        sums_of_8 + 2 * 500'000);
  CHECK(time_ps(Link::Topology::kRing, CollectiveOp::kAllGather, 8192, 8) ==
        sums_of_8 / 2 + 7 * 500'000);
  CHECK(time_ps(Link::Topology::kSwitch, CollectiveOp::kAllGather, 8192, 2) ==
        4096 * 3125 / 100 + 500'000);
  // A part that does not divide evenly is as long as the longest.
  CHECK(Link::sent_bytes(CollectiveOp::kAllReduce, 10, 4) == 2 * 3 * 3);
}

TEST_CASE("COLLECTIVE waits for the link, which counts what it carries") {
  constexpr std::uint32_t devices = 8;
  NpuRig rig(linked(devices));
  REQUIRE(status_of(run(rig, {collective(CollectiveOp::kAllReduce)}, 1)) == Status::kOk);
  CHECK(rig.npu.link().bytes() == 0);
  const std::uint64_t alone_ps = command_ps(rig);
  REQUIRE(status_of(run(rig, {collective(CollectiveOp::kAllReduce)}, devices)) == Status::kOk);
  const std::uint64_t exchange_ps =
      rig.npu.link().exchange_ps(CollectiveOp::kAllReduce, kBytes, devices);
  CHECK(rig.npu.link().busy_ps() == exchange_ps);
  CHECK(rig.npu.link().bytes() == 2 * (devices - 1) * kBytes / devices);
  CHECK(rig.npu.stage_counters(0, 0).link_ps == exchange_ps);
  // Refreshes and the like may fall into one command and not into the other.
  CHECK(command_ps(rig) - 2 * alone_ps == Approx(exchange_ps).margin(400'000));
  namespace reg = abi::npu;
  CHECK(reg::CAPABILITY_LINK.get(rig.driver.read32(reg::CAPABILITY)) == 1);
  CHECK(rig.driver.read32(reg::LINK_DEVICES) == devices);
}

TEST_CASE("the link works beside the array") {
  npu::Config config = linked(4);
  config.link.latency_ps = 10'000'000;
  NpuRig rig(config);
  REQUIRE(status_of(run(rig, {linear()}, 4)) == Status::kOk);
  const std::uint64_t linear_ps = command_ps(rig);
  REQUIRE(status_of(run(rig, {collective(CollectiveOp::kAllReduce)}, 4)) == Status::kOk);
  const std::uint64_t exchange_ps = command_ps(rig) - linear_ps;
  REQUIRE(status_of(run(rig, {linear(), collective(CollectiveOp::kAllReduce)}, 4)) == Status::kOk);
  const std::uint64_t both_ps = command_ps(rig) - linear_ps - exchange_ps;
  CHECK(both_ps < std::max(linear_ps, exchange_ps) + std::min(linear_ps, exchange_ps) / 10);
}

TEST_CASE("alone, COLLECTIVE copies its rows") {
  NpuRig rig(linked(1));
  std::vector<std::uint16_t> row(kColumns);
  for (std::uint32_t i = 0; i < kColumns; ++i) row[i] = static_cast<std::uint16_t>(i);
  rig.put(test::kTensors, row);
  abi::Primitive gather = test::primitive(PrimitiveOp::kGather);
  gather.n = kColumns;
  gather.k = 4;
  gather.weight = test::in_memory(test::kTensors - 3 * kBytes);  // the row of the pending token
  gather.output = test::on_chip(0, kColumns);
  abi::Primitive copied = collective(CollectiveOp::kAllReduce, 0, kBytes);
  copied.predecessors[copied.predecessor_count++] = 0;
  abi::Primitive add = test::primitive(PrimitiveOp::kElementwise, {1});
  add.n = kColumns;
  add.input = test::on_chip(kBytes, kColumns);
  add.input2 = test::on_chip(2 * kBytes, kColumns);  // zeros
  add.output = test::on_chip(3 * kBytes, kColumns);
  abi::Primitive append = test::primitive(PrimitiveOp::kKvAppend, {2});
  append.kv_heads = 1;
  append.head_dim = kColumns;
  append.input = append.input2 = test::on_chip(3 * kBytes, kColumns);
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
  REQUIRE(status_of(run(rig, {gather, copied, add, append}, 1)) == Status::kOk);
  std::vector<std::uint16_t> found(kColumns);
  rig.memory.store().read(test::kPages, reinterpret_cast<std::uint8_t*>(found.data()), kBytes);
  CHECK(found == row);
  namespace reg = abi::npu;
  CHECK(reg::CAPABILITY_LINK.get(rig.driver.read32(reg::CAPABILITY)) == 0);
  CHECK(rig.driver.read32(reg::LINK_DEVICES) == 1);
}

TEST_CASE("an exchange that cannot be is refused, and the next command works") {
  struct Case {
    const char* what;
    std::uint32_t size, rank;
    Status expected;
    void (*spoil)(abi::Primitive&);
  };
  static const Case kCases[] = {
      {"the last rank of all", 4, 3, Status::kOk, [](abi::Primitive&) {}},
      {"a part of the devices", 2, 1, Status::kOk, [](abi::Primitive&) {}},
      {"more devices than there are", 5, 0, Status::kUnsupported, [](abi::Primitive&) {}},
      {"a rank beyond the devices", 4, 4, Status::kBadParameter, [](abi::Primitive&) {}},
      {"an unknown operation", 4, 0, Status::kUnsupported,
       [](abi::Primitive& p) { p.collective = 2; }},
      {"no columns", 4, 0, Status::kBadOperand, [](abi::Primitive& p) { p.n = 0; }},
      {"an output beyond the buffer", 4, 0, Status::kBadOperand,
       [](abi::Primitive& p) { p.output.offset = 1u << 30; }},
      {"an input that is not there", 4, 0, Status::kBadOperand,
       [](abi::Primitive& p) { p.input = test::absent(); }},
      {"on the PIM", 4, 0, Status::kNoEngine,
       [](abi::Primitive& p) { p.engine_mask = abi::kEnginePim; }},
  };
  NpuRig rig(linked(4));
  for (const Case& spoiled : kCases) {
    INFO(spoiled.what);
    abi::Primitive primitive = collective(CollectiveOp::kAllReduce);
    spoiled.spoil(primitive);
    CHECK(status_of(run(rig, {primitive}, spoiled.size, spoiled.rank)) == spoiled.expected);
    CHECK(status_of(run(rig, {collective(CollectiveOp::kAllGather)}, 4)) == Status::kOk);
  }
}

TEST_CASE("a reset gives an exchange up") {
  npu::Config config = linked(4);
  config.link.latency_ps = 1'000'000'000;
  NpuRig rig(config);
  const abi::Command command = rig.prepare({collective(CollectiveOp::kAllReduce)});
  abi::ParameterBlock parameters = rig.parameters();
  parameters.collective_size = 4;
  rig.put(test::kParameters, parameters);
  rig.submit(command);
  sc_core::sc_start(sc_core::sc_time(100, sc_core::SC_US));
  CHECK(!rig.npu.idle());
  rig.driver.write32(abi::npu::CONTROL, abi::npu::CONTROL_SOFT_RESET.put(1));
  CHECK(rig.npu.idle());
  CHECK(rig.npu.link().busy_ps() < 100'000'000);
}

TEST_CASE("links that cannot be are refused by name") {
  const auto refused = [](const char* field, void (*spoil)(npu::Config&)) {
    npu::Config config = linked(4);
    spoil(config);
    CHECK_THROWS_WITH(config.validate(), Catch::Contains(field));
  };
  CHECK_NOTHROW(linked(4).validate());
  refused("bandwidth_bytes_per_s", [](npu::Config& c) { c.link.bandwidth_bytes_per_s = 0; });
  refused("link.devices", [](npu::Config& c) { c.link.devices = 0; });
  refused("timing_only", [](npu::Config& c) { c.timing_only = false; });
  refused("latency_ps", [](npu::Config& c) { c.link.latency_ps = ~0ull; });
  refused("energy", [](npu::Config& c) { c.link.energy_pj_per_bit = -1; });
}
