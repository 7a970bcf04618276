// SPDX-License-Identifier: Apache-2.0
// Independent primitives on the NPU and on the PIM run at the same time.
#include <catch2/catch.hpp>

#include "pim_rig.h"

using namespace tandem;
using abi::PrimitiveOp;

namespace {

constexpr std::uint32_t kDim = 2048;

npu::Config npu_config(bool serial) {
  npu::Config config = test::small_npu();
  config.contexts = 2;
  config.weight_tile_bytes = 32 * 2 * kDim;
  config.weight_buffer_bytes = 4 * config.weight_tile_bytes;
  config.pim_bound = true;
  config.serial = serial;
  return config;
}

pim::Config pim_config() {
  pim::Config config;
  config.memory = test::stack_config("lpddr5_6400");
  config.dram_base = 0;
  config.lanes.fp16 = 1;  // so that both sides take about as long
  return config;
}

class OverlapRig : public test::PimRig {
 public:
  explicit OverlapRig(bool serial) : PimRig(npu_config(serial), pim_config()) {}

  // Time of a program of LINEARs [kDim][kDim] that do not depend on each other.
  std::uint64_t time_ps(std::uint32_t on_npu, std::uint32_t on_pim) {
    std::vector<abi::Primitive> program;
    const auto add = [&](std::uint8_t engine) {
      abi::Primitive p = test::primitive(PrimitiveOp::kLinear);
      p.engine_mask = engine;
      p.n = p.k = kDim;
      p.input = test::on_chip(0, kDim);
      p.output = test::on_chip((program.size() + 1) * 2 * kDim, kDim);
      p.weight = test::in_memory(test::kTensors + program.size() * 2ull * kDim * kDim);
      program.push_back(p);
    };
    for (std::uint32_t i = 0; i < on_npu; ++i) add(abi::kEngineNpu);
    for (std::uint32_t i = 0; i < on_pim; ++i) add(abi::kEnginePim);
    const std::uint64_t before_ps = npu.phase_times().phase_ps[0];
    REQUIRE(test::status_of(run_program(program)) == abi::Status::kOk);
    return npu.phase_times().phase_ps[0] - before_ps;
  }
};

// Share of the shorter side that was hidden behind the longer one.
double overlap(bool serial) {
  OverlapRig rig(serial);
  rig.time_ps(0, 1);  // the first use reads the PIM's capabilities
  const std::uint64_t npu_ps = rig.time_ps(2, 0);
  const std::uint64_t pim_ps = rig.time_ps(0, 2);
  const std::uint64_t both_ps = rig.time_ps(2, 2);
  INFO("NPU " << npu_ps << " ps, PIM " << pim_ps << " ps, both " << both_ps << " ps");
  CHECK(both_ps >= std::max(npu_ps, pim_ps));
  const auto hidden = static_cast<double>(npu_ps + pim_ps) - static_cast<double>(both_ps);
  return hidden / static_cast<double>(std::min(npu_ps, pim_ps));
}

}  // namespace

TEST_CASE("Independent NPU and PIM primitives overlap by at least 80 % of the shorter") {
  CHECK(overlap(false) >= 0.80);
}

TEST_CASE("A serial sequencer overlaps nothing: the measurement sees the difference") {
  CHECK(overlap(true) < 0.10);
}
