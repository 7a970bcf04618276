// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "pim_bench.h"

using namespace tandem;
using namespace tandem::test;
using Catch::Matchers::Contains;

TEST_CASE("impossible configurations are refused by field") {
  const auto refused = [](auto change, const char* message) {
    pim::Config config = small_config();
    change(config);
    CHECK_THROWS_AS(config.validate(), std::invalid_argument);
    CHECK_THROWS_WITH(config.validate(), Contains(message));
  };
  REQUIRE_NOTHROW(small_config().validate());
  refused([](auto& c) { c.memory.channels = 0; }, "channels is 0");
  refused([](auto& c) { c.clock_period_ps = 0; }, "pim.clock_period_ps = 0");
  refused([](auto& c) { c.lanes.fp16 = 0; }, "pim.lanes = 0");
  refused([](auto& c) { c.formats = 1u << 11; }, "pim.formats = 2048");
  refused([](auto& c) { c.global_buffer_rows = 0; }, "pim.global_buffer_rows");
  refused([](auto& c) { c.accumulators_per_bank = 0; }, "pim.accumulators_per_bank");
  refused([](auto& c) { c.queue_depth = 0; }, "pim.queue_depth");
  refused([](auto& c) { c.vector_bytes = 1 << 20; }, "pim.vector_bytes = 1048576");
  refused([](auto& c) { c.result_bytes = 100; }, "pim.result_bytes = 100");
  refused([](auto& c) { c.port_bytes_per_cycle = 0; }, "pim.port_bytes_per_cycle");
  refused([](auto& c) { c.max_outstanding = 0; }, "pim.max_outstanding");
  refused([](auto& c) { c.energy.fp16_mac_pj = -1.0; }, "pim.energy.fp16_mac_pj");
  // A column of 64 draft weights takes one lane of 30 MHz 2,133 ns, more than lies between
  // refreshes.
  refused(
      [](auto& c) {
        c.clock_period_ps = 33'333;
        c.lanes.bsfp_draft = 1;
      },
      "pim.clock_period_ps = 33333: with lanes.bsfp_draft = 1 a column takes");
  // Without refresh the count of a command bounds it.
  refused(
      [](auto& c) {
        c.memory.device.timing.tREFI = 0;
        c.clock_period_ps = 100'000'000;
      },
      "at most 65535 are possible");
  refused([](auto& c) { c.clock_period_ps = ~0ull; }, "pim.clock_period_ps = 18446744073709551615");
  refused([](auto& c) { c.memory.device.timing.tREFI = 700'000; }, "timing.tREFI = 700000");
  pim::Config slow = small_config();
  slow.clock_period_ps = 33'333;
  slow.lanes.bsfp_draft = 1;
  slow.formats = pim::format_bit(abi::Format::kFp16);
  CHECK_NOTHROW(slow.validate());
  pim::Config without_int8 = small_config();
  without_int8.lanes.int8 = 0;
  without_int8.formats &= ~pim::format_bit(abi::Format::kInt8);
  CHECK_NOTHROW(without_int8.validate());
}

TEST_CASE("lanes beyond what a column access delivers do not raise the peak") {
  // 4 channels of 32 banks, columns of 32 bytes (16 FP16 weights) every 2 ns at best.
  constexpr double kBanks = 4.0 * 32.0;
  pim::Config config = small_config();
  const auto peak = [&] { return config.peak_macs_per_s(abi::Format::kFp16, 1'000); };
  config.lanes.fp16 = 4;
  CHECK(peak() == Approx(kBanks * 4e9));
  config.lanes.fp16 = 16;
  CHECK(peak() == Approx(kBanks * 8e9));
  config.lanes.fp16 = 64;
  CHECK(peak() == Approx(kBanks * 8e9));
  CHECK(config.peak_macs_per_s(abi::Format::kFp16, 4'000) == Approx(kBanks * 16e12 / 4'000));
}

TEST_CASE("registers tell what the PIM is") {
  pim::Config config = small_config(pim::RowBuffer::kSingle);
  config.formats = pim::format_bit(abi::Format::kFp16);
  config.dram_base = 0x12'8000'0000;
  PimBench bench(config);
  auto& bus = bench.bus;
  CHECK(bus.read32(regs::ID) == 0x5450'494D);
  CHECK(bus.read32(regs::CAPABILITY) == regs::CAPABILITY_FORMATS.put(2));
  CHECK(bus.read32(regs::CHANNELS) == 4);
  CHECK(bus.read32(regs::BANKS) == 32);
  CHECK(bus.read32(regs::LANES) == 16);
  CHECK(bus.read32(regs::DRAFT_LANES) == 16);
  CHECK(bus.read32(regs::ROW_BYTES) == 1024);
  CHECK(bus.read32(regs::VECTOR_BYTES) == 256 * 1024);
  CHECK(bus.read32(regs::RESULT_BYTES) == 256 * 1024);
  CHECK(bus.read32(regs::QUEUE_DEPTH) == 64);
  CHECK(bus.read32(regs::QUEUE_FREE) == 64);
  CHECK(bus.read32(regs::CLOCK_PS) == 1'000);
  CHECK(bus.read32(regs::DRAM_BASE_LO) == 0x8000'0000);
  CHECK(bus.read32(regs::DRAM_BASE_HI) == 0x12);

  // A base that software sets is the one that commands count from.
  bus.write32(regs::DRAM_BASE_HI, 0);
  bus.write32(regs::DRAM_BASE_LO, 0x1000);
  CHECK(bench.send(gemv(0x1000, 4, 8)) == kOk);
  bench.settle();
  CHECK(bus.read32(regs::ERROR_COUNT) == 0);
  abi::PimCommand int4 = gemv(0x1000, 4, 8);
  int4.format = static_cast<abi::u8>(abi::Format::kInt4);
  bench.send(int4);
  bench.settle();
  CHECK(bus.read32(regs::ERROR_CAUSE) == static_cast<std::uint32_t>(abi::Status::kUnsupported));
}
