// SPDX-License-Identifier: Apache-2.0
// The sequencer keeps the memory busy: weights of later primitives arrive while earlier ones
// compute. Measured on one decoder layer of width 2,048 with random weights.
#include <catch2/catch.hpp>

#include "decoder_layer.h"

using namespace tandem;
using test::NpuRig;

namespace {

// Share of the memory's effective bandwidth (peak less refresh) that the layer's weights got.
double bandwidth_share(bool serial) {
  npu::Config config = test::small_npu();
  // A tile holds as many whole rows as the array has columns, so fetches are contiguous.
  config.contexts = 2;
  config.weight_tile_bytes = 32 * 2 * test::kDim;
  config.weight_buffer_bytes = 4 * config.weight_tile_bytes;
  config.serial = serial;
  NpuRig rig(config);
  const std::uint64_t page = test::kPages;
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, page));
  const test::DecoderLayer layer(rig);
  abi::Command command = rig.prepare(layer.program());
  command.phase = static_cast<std::uint16_t>(abi::Phase::kDecode);
  REQUIRE(test::status_of(rig.run(command)) == abi::Status::kOk);
  const memory::DeviceConfig& device = rig.memory.config().device;
  const double refresh =
      static_cast<double>(device.timing.tRFC) / static_cast<double>(device.timing.tREFI);
  const double effective = rig.memory.config().peak_bytes_per_s() * (1.0 - refresh);
  const std::uint64_t time_ps = rig.npu.phase_times().phase_ps[4];
  const double rate =
      static_cast<double>(layer.weight_bytes()) / (1e-12 * static_cast<double>(time_ps));
  INFO("share of " << effective << " B/s: " << rate / effective);
  CHECK(rate <= rig.memory.config().peak_bytes_per_s());
  return rate / effective;
}

}  // namespace

TEST_CASE("Plain decoding takes at least 90 % of the effective bandwidth") {
  CHECK(bandwidth_share(false) >= 0.90);
}

TEST_CASE("A serial sequencer does not: the measurement sees the difference") {
  CHECK(bandwidth_share(true) < 0.90);
}
