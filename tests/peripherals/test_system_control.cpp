// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "registers_fixture.h"
#include "tandem/peripherals/system_control.h"

using namespace tandem;
namespace regs = abi::syscon;

namespace {

struct Bench {
  Bench() {
    bench.connect(device.registers);
    device.reset.bind(reset);
    device.on_exit([this](std::uint32_t status) { exits.push_back(status); });
    device.on_log([this](std::string_view line) { lines.emplace_back(line); });
    test::settle();
  }
  void exit(std::uint32_t value) {
    REQUIRE(bench.bus.write32(regs::EXIT, value) == tlm::TLM_OK_RESPONSE);
  }
  void log(const std::string& text) {
    for (const char c : text) bench.bus.write32(regs::LOG, static_cast<unsigned char>(c));
  }
  static peripherals::SystemControl::Config config() {
    peripherals::SystemControl::Config config;
    config.log_line_bytes = 8;
    return config;
  }

  sc_core::sc_signal<bool> reset{"reset"};
  peripherals::SystemControl device{"device", config()};
  test::RegisterBus bench;
  std::vector<std::uint32_t> exits;
  std::vector<std::string> lines;
};

}  // namespace

TEST_CASE("firmware tells once per reset that it has stopped") {
  Bench bench;
  bench.exit(regs::EXIT_STATUS.put(3));  // not STOPPED
  CHECK(bench.exits.empty());
  bench.exit(regs::EXIT_STOPPED.put(1) | regs::EXIT_STATUS.put(3));
  bench.exit(regs::EXIT_STOPPED.put(1) | regs::EXIT_STATUS.put(4));
  CHECK(bench.exits == std::vector<std::uint32_t>{3});
  bench.reset = true;
  test::run_for_ps(1000);
  bench.reset = false;
  test::run_for_ps(1000);
  bench.exit(regs::EXIT_STOPPED.put(1));
  CHECK(bench.exits == std::vector<std::uint32_t>{3, 0});
}

TEST_CASE("log text comes by lines, a long one in pieces, the last one at the end") {
  Bench bench;
  bench.log("one\n\nlonger than eight\nend");
  CHECK(bench.lines == std::vector<std::string>{"one", "longer t", "han eigh", "t"});
  bench.exit(regs::EXIT_STOPPED.put(1));
  CHECK(bench.lines.back() == "end");
}

TEST_CASE("a log line of no length is refused") {
  peripherals::SystemControl::Config config;
  config.log_line_bytes = 0;
  CHECK_THROWS_WITH(config.validate(), "log_line_bytes is 0, must be at least 1");
}

TEST_CASE("firmware asks for resets, which the platform carries out") {
  Bench bench;
  std::vector<std::uint32_t> requests;
  bench.device.on_reset_request([&](std::uint32_t targets) { requests.push_back(targets); });
  CHECK(bench.bench.bus.write32(regs::RESET, regs::RESET_NPU.put(1)) == tlm::TLM_OK_RESPONSE);
  CHECK(bench.bench.bus.write32(regs::RESET, regs::RESET_PLATFORM.put(1)) == tlm::TLM_OK_RESPONSE);
  CHECK(requests == std::vector<std::uint32_t>{2, 1});
  observe::StatisticsTable table;
  bench.device.collect(table);
  CHECK(table.find("reset_requests")->integer == 2);
}
