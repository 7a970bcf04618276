// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>

#include "tandem/common/timing_only.h"
#include "tandem/memory/sram.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;

namespace {

struct Bench {
  explicit Bench(const memory::Sram::Config& config = make_config())
      : sram("sram", config), bus("bus") {
    bus.socket.bind(sram.target());
  }
  static memory::Sram::Config make_config() {
    memory::Sram::Config config;
    config.size_bytes = 4096;
    config.width_bytes = 16;
    config.clock_period_ps = 1000;
    config.latency_cycles = 2;
    return config;
  }
  memory::Sram sram;
  test::LtInitiator bus;
};

}  // namespace

TEST_CASE("an SRAM access takes its latency and a cycle per beat") {
  Bench bench;
  std::uint8_t bytes[64] = {};
  REQUIRE(bench.bus.read(0, bytes, 16) == tlm::TLM_OK_RESPONSE);
  REQUIRE(bench.bus.time_ps() == 3000);
  bench.bus.read(0, bytes, 17);  // from 3,000: two beats
  REQUIRE(bench.bus.time_ps() == 3000 + 4000);
  bench.sram.set_clock_period_ps(500);
  bench.bus.read(0, bytes, 64);
  REQUIRE(bench.bus.time_ps() == 7000 + 3000);
}

TEST_CASE("an SRAM's data path is shared") {
  Bench bench;
  std::uint8_t bytes[160] = {};
  bench.bus.read(0, bytes, 160);
  bench.bus.delay = sc_core::SC_ZERO_TIME;
  bench.bus.read(0, bytes, 16);  // waits for ten beats
  REQUIRE(bench.bus.time_ps() == 10'000 + 3000);
  observe::StatisticsTable table;
  bench.sram.collect(table);
  REQUIRE(table.find("wait")->integer == 10'000);
  REQUIRE(table.find("read_bytes")->integer == 176);
  REQUIRE(table.find("busy")->integer == 11'000);
}

TEST_CASE("an SRAM refuses what it does not support with the right response") {
  Bench bench;
  std::uint8_t bytes[16] = {};
  auto& bus = bench.bus;
  REQUIRE(bus.read(4096, bytes, 1) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  REQUIRE(bus.read(4095, bytes, 2) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  REQUIRE(bus.read(~std::uint64_t{0}, bytes, 2) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  REQUIRE(bus.read(0, bytes, 0) == tlm::TLM_BURST_ERROR_RESPONSE);
  REQUIRE(bus.read(0, nullptr, 4) == tlm::TLM_GENERIC_ERROR_RESPONSE);

  std::uint8_t enables[4] = {0xFF, 0, 0, 0};
  common::set_attributes(bus.payload, tlm::TLM_WRITE_COMMAND, 0, bytes, 4);
  bus.payload.set_byte_enable_ptr(enables);
  bus.payload.set_byte_enable_length(4);
  REQUIRE(bus.send() == tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);

  common::set_attributes(bus.payload, tlm::TLM_WRITE_COMMAND, 0, bytes, 8);
  bus.payload.set_streaming_width(4);
  REQUIRE(bus.send() == tlm::TLM_BURST_ERROR_RESPONSE);

  common::set_attributes(bus.payload, tlm::TLM_IGNORE_COMMAND, 0, bytes, 8);
  REQUIRE(bus.send() == tlm::TLM_OK_RESPONSE);
}

TEST_CASE("DMI, debug and transport see the same bytes of an SRAM") {
  Bench bench;
  tlm::tlm_dmi dmi;
  REQUIRE(bench.bus.direct(100, dmi));
  REQUIRE(dmi.get_start_address() == 0);
  REQUIRE(dmi.get_end_address() == 4095);
  REQUIRE(dmi.is_read_write_allowed());
  dmi.get_dmi_ptr()[100] = 0x5A;
  std::uint8_t byte = 0;
  REQUIRE(bench.bus.read(100, &byte, 1) == tlm::TLM_OK_RESPONSE);
  REQUIRE(byte == 0x5A);
  REQUIRE(bench.bus.payload.is_dmi_allowed());
  byte = 0x77;
  const std::uint64_t time_ps = bench.bus.time_ps();
  REQUIRE(bench.bus.debug(tlm::TLM_WRITE_COMMAND, 100, &byte, 1) == 1);
  REQUIRE(dmi.get_dmi_ptr()[100] == 0x77);
  std::uint8_t tail[8] = {};
  REQUIRE(bench.bus.debug(tlm::TLM_READ_COMMAND, 4092, tail, 8) == 4);
  REQUIRE(bench.bus.debug(tlm::TLM_READ_COMMAND, 4096, tail, 8) == 0);
  REQUIRE(bench.bus.time_ps() == time_ps);
  REQUIRE_FALSE(bench.bus.direct(4096, dmi));

  bench.sram.set_dmi_allowed(false);
  REQUIRE(bench.bus.invalidations.size() == 1);
  REQUIRE(bench.bus.invalidations[0].start == 0);
  REQUIRE(bench.bus.invalidations[0].end == 4095);
  REQUIRE_FALSE(bench.bus.direct(100, dmi));
  bench.bus.read(100, &byte, 1);
  REQUIRE_FALSE(bench.bus.payload.is_dmi_allowed());
  REQUIRE(byte == 0x77);
}

TEST_CASE("a pointer reaches over a large SRAM") {
  memory::Sram::Config config = Bench::make_config();
  config.size_bytes = std::uint64_t{192} << 20;
  Bench bench(config);
  tlm::tlm_dmi dmi;
  REQUIRE(bench.bus.direct(100, dmi));
  REQUIRE(dmi.get_start_address() == 0);
  REQUIRE(dmi.get_end_address() == config.size_bytes - 1);
}

TEST_CASE("a timing-only access takes its time and leaves the bytes alone") {
  Bench bench;
  bench.bus.write32(0, 0x12345678);
  const std::uint64_t before_ps = bench.bus.time_ps();
  common::TimingOnly mark;
  std::uint32_t value = 0xFFFFFFFF;
  common::set_attributes(bench.bus.payload, tlm::TLM_WRITE_COMMAND, 0,
                         reinterpret_cast<std::uint8_t*>(&value), 4);
  bench.bus.payload.set_extension(&mark);
  REQUIRE(bench.bus.send() == tlm::TLM_OK_RESPONSE);
  bench.bus.payload.clear_extension(&mark);
  REQUIRE(bench.bus.time_ps() == before_ps + 3000);
  REQUIRE(bench.bus.read32(0) == 0x12345678);
}

TEST_CASE("an SRAM's energy is its bytes times the energy per byte") {
  auto config = Bench::make_config();
  config.energy_pj_per_byte = 0.5;
  config.energy_source = "test";
  Bench bench(config);
  bench.bus.write32(0, 1);
  bench.bus.read32(0);
  observe::EnergyLedger ledger;
  bench.sram.collect_energy(ledger);
  REQUIRE(ledger.total_picojoules() == Approx(4.0));
  REQUIRE(ledger.entries()[0].source == "test");
}

TEST_CASE("an impossible SRAM is refused") {
  auto config = Bench::make_config();
  config.width_bytes = 0;
  REQUIRE_THROWS_WITH(Bench(config), Catch::Contains("width_bytes is 0"));
}
