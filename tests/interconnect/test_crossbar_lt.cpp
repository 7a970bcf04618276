// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>

#include "tandem/interconnect/crossbar.h"
#include "tandem/memory/sram.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;
using interconnect::Crossbar;

namespace {

constexpr std::uint64_t kSramBytes = 0x10000;

Crossbar::Config two_by_two() {
  Crossbar::Config config;
  config.initiators = {{"cpu", 8, 1000, 1}, {"npu", 16, 1000, 1}};
  config.targets = {{"sram0", 16, 1000, 2}, {"sram1", 4, 2000, 0}};
  config.ranges = {{"low", 0x1000'0000, kSramBytes, 0},
                   {"alias", 0x3000'0000, 0x100, 0},
                   {"high", 0x0, kSramBytes, 1, false}};
  return config;
}

memory::Sram::Config fast_sram() {
  memory::Sram::Config config;
  config.size_bytes = kSramBytes;
  config.width_bytes = 64;
  config.clock_period_ps = 1000;
  config.latency_cycles = 0;
  return config;
}

struct Bench {
  explicit Bench(const Crossbar::Config& config = two_by_two())
      : cpu("cpu"),
        npu("npu"),
        crossbar("crossbar", config),
        sram0("sram0", fast_sram()),
        sram1("sram1", fast_sram()) {
    cpu.socket.bind(crossbar.from_initiator(0));
    npu.socket.bind(crossbar.from_initiator(1));
    crossbar.to_target(0).bind(sram0.target());
    crossbar.to_target(1).bind(sram1.target());
  }
  test::LtInitiator cpu;
  test::LtInitiator npu;
  Crossbar crossbar;
  memory::Sram sram0;
  memory::Sram sram1;
};

}  // namespace

TEST_CASE("addresses are translated on the way and restored on the way back") {
  Bench bench;
  REQUIRE(bench.cpu.write32(0x1000'0010, 0xCAFE) == tlm::TLM_OK_RESPONSE);
  REQUIRE(bench.cpu.payload.get_address() == 0x1000'0010);
  REQUIRE(bench.npu.read32(0x3000'0010) == 0xCAFE);
  std::uint32_t raw = 0;
  bench.sram0.store().read(0x10, &raw, 4);
  REQUIRE(raw == 0xCAFE);
  REQUIRE(bench.cpu.write32(0x20, 7) == tlm::TLM_OK_RESPONSE);
  bench.sram1.store().read(0x20, &raw, 4);
  REQUIRE(raw == 7);
}

TEST_CASE("an access takes latency and transfer of both ports each way") {
  Bench bench;
  std::uint8_t bytes[64] = {};
  // Request: 1 cycle + latencies 1 + 2; SRAM 1; response: 64 B over 8 B per cycle + latencies.
  bench.cpu.read(0x1000'0000, bytes, 64);
  REQUIRE(bench.cpu.time_ps() == (1 + 3) * 1000 + 1000 + (8 + 3) * 1000);
  // A write carries its data with the request, here through the wider port.
  bench.npu.delay = common::from_ps(100'000);
  bench.npu.write(0x1000'0000, bytes, 64);
  REQUIRE(bench.npu.time_ps() == 100'000 + (4 + 3) * 1000 + 1000 + (1 + 3) * 1000);
}

TEST_CASE("a long response passes while the target sends, and no faster than the ports carry it") {
  constexpr std::uint64_t kBytes = 1 << 20;
  for (const unsigned target_width : {4u, 64u}) {
    CAPTURE(target_width);
    const std::string suffix = std::to_string(target_width);
    Crossbar::Config config;
    config.initiators = {{"npu", 16, 1000, 1}};
    config.targets = {{"sram", 16, 1000, 2}};
    config.ranges = {{"all", 0, kBytes, 0}};
    Crossbar crossbar(("crossbar" + suffix).c_str(), config);
    memory::Sram::Config memory = fast_sram();
    memory.size_bytes = kBytes;
    memory.width_bytes = target_width;
    memory::Sram sram(("sram" + suffix).c_str(), memory);
    test::LtInitiator npu(("npu" + suffix).c_str());
    npu.socket.bind(crossbar.from_initiator(0));
    crossbar.to_target(0).bind(sram.target());
    std::vector<std::uint8_t> bytes(kBytes);
    npu.delay = common::from_ps(100'000'000'000);  // the paths have been free for long
    REQUIRE(npu.read(0, bytes.data(), kBytes) == tlm::TLM_OK_RESPONSE);
    const std::uint64_t taken_ps = npu.time_ps() - 100'000'000'000;
    const std::uint64_t slowest_ps = kBytes / std::min(16u, target_width) * 1000;
    CHECK(taken_ps >= slowest_ps);
    CHECK(taken_ps < slowest_ps + slowest_ps / 50);
  }
}

TEST_CASE("the slower port sets the pace") {
  Bench bench;
  std::uint8_t bytes[64] = {};
  // 16 beats of 2 ns at the target; no latency there, 1 ns at the initiator.
  bench.npu.write(0, bytes, 64);
  REQUIRE(bench.npu.time_ps() == 32'000 + 1000 + 1000 + 2000 + 1000);
}

TEST_CASE("clock periods may change at run time") {
  Bench bench;
  std::uint8_t bytes[64] = {};
  bench.crossbar.set_initiator_clock_period_ps(0, 500);
  bench.crossbar.set_target_clock_period_ps(0, 250);
  bench.cpu.read(0x1000'0000, bytes, 64);
  REQUIRE(bench.cpu.time_ps() == 500 + 500 + 500 + 1000 + 8 * 500 + 500 + 500);
}

TEST_CASE("accesses contend for a target but not across targets") {
  Bench bench;
  std::uint8_t bytes[640] = {};
  bench.npu.write(0x1000'0000, bytes, 640);  // takes target 0's request path for 40 cycles
  bench.cpu.write32(0x1000'0000, 1);
  REQUIRE(bench.cpu.time_ps() >= 40'000);
  observe::StatisticsTable table;
  bench.crossbar.collect(table);
  REQUIRE(table.find("cpu.request_wait")->integer == 40'000);
  REQUIRE(table.find("npu.request_wait")->integer == 0);
  REQUIRE(table.find("sram0.write_bytes")->integer == 644);
  REQUIRE(table.find("sram0.transactions")->integer == 2);
  REQUIRE(table.find("sram1.transactions")->integer == 0);
}

TEST_CASE("holes and accesses across the end of a range get an address error") {
  Bench bench;
  std::uint8_t bytes[8] = {};
  REQUIRE(bench.cpu.read(0x2000'0000, bytes, 4) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  REQUIRE(bench.cpu.read(0x1000'0000 + kSramBytes - 2, bytes, 4) ==
          tlm::TLM_ADDRESS_ERROR_RESPONSE);
  REQUIRE(bench.cpu.time_ps() > 0);
  observe::StatisticsTable table;
  bench.crossbar.collect(table);
  REQUIRE(table.find("cpu.holes")->integer == 2);
}

TEST_CASE("debug access is translated, cut at the end of a range and takes no time") {
  Bench bench;
  std::uint32_t value = 0x1234;
  REQUIRE(bench.cpu.debug(tlm::TLM_WRITE_COMMAND, 0x1000'0100, &value, 4) == 4);
  REQUIRE(bench.npu.read32(0x1000'0100) == 0x1234);
  std::uint8_t bytes[16] = {};
  REQUIRE(bench.cpu.debug(tlm::TLM_READ_COMMAND, 0x3000'00F8, bytes, 16) == 8);
  REQUIRE(bench.cpu.payload.get_data_length() == 16);
  REQUIRE(bench.cpu.debug(tlm::TLM_READ_COMMAND, 0x2000'0000, bytes, 16) == 0);
  REQUIRE(bench.cpu.time_ps() == 0);
}

TEST_CASE("DMI regions are translated and clipped to their range") {
  Bench bench;
  tlm::tlm_dmi dmi;
  REQUIRE(bench.cpu.direct(0x3000'0040, dmi));
  REQUIRE(dmi.get_start_address() == 0x3000'0000);
  REQUIRE(dmi.get_end_address() == 0x3000'00FF);
  dmi.get_dmi_ptr()[0x40] = 0x99;
  REQUIRE((bench.cpu.read32(0x1000'0040) & 0xFF) == 0x99);
  REQUIRE(bench.cpu.direct(0x1000'0040, dmi));
  REQUIRE(dmi.get_start_address() == 0x1000'0000);
  REQUIRE(dmi.get_end_address() == 0x1000'0000 + kSramBytes - 1);
  REQUIRE(bench.cpu.direct(0x40, dmi));
  REQUIRE(dmi.get_start_address() == 0);
  REQUIRE_FALSE(bench.cpu.direct(0x2000'0000, dmi));
}

TEST_CASE("DMI invalidation reaches every initiator at every alias") {
  Bench bench;
  bench.sram0.set_dmi_allowed(false);
  for (const test::LtInitiator* initiator : {&bench.cpu, &bench.npu}) {
    REQUIRE(initiator->invalidations.size() == 2);
    REQUIRE(initiator->invalidations[0].start == 0x1000'0000);
    REQUIRE(initiator->invalidations[0].end == 0x1000'0000 + kSramBytes - 1);
    REQUIRE(initiator->invalidations[1].start == 0x3000'0000);
    REQUIRE(initiator->invalidations[1].end == 0x3000'00FF);
  }
}

TEST_CASE("impossible crossbars are refused") {
  auto config = two_by_two();
  config.ranges[1].base = 0x1000'8000;
  REQUIRE_THROWS_WITH(config.validate(), Catch::Contains("'low'") && Catch::Contains("'alias'"));
  config = two_by_two();
  config.ranges[0].target = 2;
  REQUIRE_THROWS_WITH(config.validate(), Catch::Contains("'low' names target 2"));
  config = two_by_two();
  config.initiators[1].width_bytes = 0;
  REQUIRE_THROWS_WITH(config.validate(),
                      Catch::Contains("'npu'") && Catch::Contains("width_bytes"));
  config = two_by_two();
  config.targets.clear();
  REQUIRE_THROWS_WITH(config.validate(), Catch::Contains("no target ports"));
}
