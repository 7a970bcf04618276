// SPDX-License-Identifier: Apache-2.0
// A Stack at command fidelity: the sockets behave as at transaction fidelity, the time comes from
// the schedule of commands, and the timing checker has nothing to object to.
#include <catch2/catch.hpp>
#include <random>

#include "tandem/memory/stack.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;

namespace {

memory::Stack::Config commands(const char* device, unsigned channels = 1) {
  memory::Stack::Config config = test::stack_config(device);
  config.channels = channels;
  config.fidelity = memory::Fidelity::kCommand;
  config.check_timing = true;
  return config;
}

struct Bench {
  explicit Bench(const memory::Stack::Config& config) : stack("stack", config), bus("bus") {
    bus.socket.bind(stack.target());
  }
  memory::Stack stack;
  test::LtInitiator bus;
};

}  // namespace

TEST_CASE("a lone read takes the latency of the device") {
  Bench bench(commands("hbm2_neupims"));
  const memory::Stack::Config& config = bench.stack.config();
  const memory::DeviceTiming& t = config.device.timing;
  std::uint8_t data[64];
  REQUIRE(bench.bus.read(0, data, 64) == tlm::TLM_OK_RESPONSE);
  // One cycle to enter the command queue, then activate, read, data.
  const std::uint64_t latency_ps = config.request_latency_ps + t.tCK + t.tRCDRD + t.CL +
                                   config.device.geometry.burst_ps() + config.response_latency_ps;
  CHECK(bench.bus.time_ps() == latency_ps);
  CHECK(bench.stack.timing_violations() == 0);
}

TEST_CASE("one long read streams at the bus's peak less refresh at command fidelity") {
  const unsigned channels = 4;
  Bench bench(commands("hbm2_neupims", channels));
  std::vector<std::uint8_t> data(8u << 20);
  REQUIRE(bench.bus.read(0, data.data(), static_cast<unsigned>(data.size())) == tlm::TLM_OK_RESPONSE);
  const double peak = bench.stack.config().peak_bytes_per_s();
  const double rate = static_cast<double>(data.size()) * 1e12 /
                      static_cast<double>(bench.bus.time_ps());
  CHECK(rate < peak);
  CHECK(rate > 0.85 * peak);
  CHECK(bench.stack.timing_violations() == 0);
  for (unsigned i = 0; i < channels; ++i) {
    CHECK(bench.stack.traffic(i).read_bytes == data.size() / channels);
  }
}

TEST_CASE("what is written is read back, whatever the fidelity") {
  std::mt19937_64 random(3);
  Bench bench(commands("lpddr5_6400"));
  std::vector<std::uint8_t> shadow(1u << 20);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t address = random() % (shadow.size() - 4096);
    const auto length = static_cast<unsigned>(1 + random() % 4096);
    std::vector<std::uint8_t> data(length);
    if (random() % 2 == 0) {
      for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random());
      std::copy(data.begin(), data.end(), shadow.begin() + static_cast<long>(address));
      REQUIRE(bench.bus.write(address, data.data(), length) == tlm::TLM_OK_RESPONSE);
    } else {
      REQUIRE(bench.bus.read(address, data.data(), length) == tlm::TLM_OK_RESPONSE);
      REQUIRE(std::equal(data.begin(), data.end(), shadow.begin() + static_cast<long>(address)));
    }
  }
  CHECK(bench.stack.timing_violations() == 0);
}
