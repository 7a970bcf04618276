// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <string>

#include "registers_fixture.h"
#include "tandem/peripherals/uart.h"

using namespace tandem;
namespace regs = abi::uart;

namespace {

constexpr std::uint64_t kByteTimePs = 100'000;
constexpr unsigned kFifoBytes = 4;

peripherals::Uart::Config config() {
  peripherals::Uart::Config config;
  config.fifo_bytes = kFifoBytes;
  config.byte_time_ps = kByteTimePs;
  return config;
}

struct Bench {
  Bench() {
    bench.connect(uart.registers);
    uart.reset.bind(reset);
    uart.on_byte([this](char c) {
      text += c;
      times_ps.push_back(common::now_ps());
    });
    test::settle();
  }
  void send(const std::string& bytes) {
    for (const char c : bytes) {
      bench.bus.delay = sc_core::SC_ZERO_TIME;
      REQUIRE(bench.bus.write32(regs::TX, static_cast<unsigned char>(c)) == tlm::TLM_OK_RESPONSE);
    }
  }
  std::uint32_t read(std::uint32_t offset) {
    bench.bus.delay = sc_core::SC_ZERO_TIME;
    return bench.bus.read32(offset);
  }

  sc_core::sc_signal<bool> reset{"reset"};
  peripherals::Uart uart{"uart", config()};
  test::RegisterBus bench;
  std::string text;
  std::vector<std::uint64_t> times_ps;
};

}  // namespace

TEST_CASE("bytes leave one after the other, each in its time") {
  Bench bench;
  CHECK(bench.read(regs::STATUS) == regs::STATUS_EMPTY.mask());
  bench.send("abc");
  CHECK(bench.read(regs::STATUS) == 0);
  test::run_for_ps(10 * kByteTimePs);
  CHECK(bench.text == "abc");
  CHECK(bench.times_ps ==
        std::vector<std::uint64_t>{kByteTimePs, 2 * kByteTimePs, 3 * kByteTimePs});
  bench.send("\xFF");
  test::run_for_ps(kByteTimePs);
  test::settle();
  CHECK(bench.text == "abc\xFF");
  CHECK(bench.times_ps.back() == 11 * kByteTimePs);
}

TEST_CASE("a write to a full FIFO is lost and counted") {
  Bench bench;
  bench.send("1234");
  CHECK(bench.read(regs::STATUS) == regs::STATUS_FULL.mask());
  bench.send("56");
  CHECK(bench.read(regs::OVERRUNS) == 2);
  test::run_for_ps(kByteTimePs);
  test::settle();
  CHECK(bench.read(regs::STATUS) == regs::STATUS_OVERRUN.mask());
  bench.send("7");
  test::run_for_ps(10 * kByteTimePs);
  CHECK(bench.text == "12347");
  bench.bench.bus.write32(regs::OVERRUNS, 1);
  CHECK(bench.read(regs::OVERRUNS) == 2);
  bench.bench.bus.write32(regs::OVERRUNS, 0);
  CHECK(bench.read(regs::OVERRUNS) == 0);
  CHECK(regs::STATUS_OVERRUN.get(bench.read(regs::STATUS)) == 0);
}

TEST_CASE("a byte may be lost on demand, as by an overrun") {
  Bench bench;
  unsigned asked = 0;
  bench.uart.on_write([&asked] { return ++asked == 2; });
  bench.send("abc");
  CHECK(bench.read(regs::OVERRUNS) == 1);
  test::run_for_ps(10 * kByteTimePs);
  CHECK(bench.text == "ac");
}

TEST_CASE("an initiator ahead of simulated time fills the FIFO at its own time") {
  Bench bench;
  bench.bench.bus.delay = common::from_ps(1'000 * kByteTimePs);
  for (int i = 0; i < 8; ++i) {
    bench.bench.bus.write32(regs::TX, 'a' + i);
    bench.bench.bus.delay += common::from_ps(kByteTimePs);
  }
  CHECK(bench.read(regs::OVERRUNS) == 0);
  test::run_for_ps(2'000 * kByteTimePs);
  CHECK(bench.text == "abcdefgh");
}

TEST_CASE("reset drops what has not been sent") {
  Bench bench;
  bench.send("1234");
  test::run_for_ps(2 * kByteTimePs + 1);
  bench.reset.write(true);
  test::run_for_ps(kByteTimePs);
  bench.reset.write(false);
  test::run_for_ps(10 * kByteTimePs);
  CHECK(bench.text == "12");
  bench.send("5");
  test::run_for_ps(2 * kByteTimePs);
  CHECK(bench.text == "125");
  observe::StatisticsTable table;
  bench.uart.collect(table);
  CHECK(table.find("bytes_sent")->integer == 3);
  CHECK(table.find("bytes_lost")->integer == 2);
}

TEST_CASE("an impossible UART is refused with its reason") {
  peripherals::Uart::Config config;
  config.fifo_bytes = 0;
  CHECK_THROWS_WITH(config.validate(), "fifo_bytes is 0, must be 1..65536");
  config.fifo_bytes = 1;
  config.byte_time_ps = 0;
  CHECK_THROWS_WITH(config.validate(), "byte_time_ps is 0, must be at least 1");
}
