// SPDX-License-Identifier: Apache-2.0
// The device as a driver sees it: registers, windows, errors, interrupts, reset.
#include <algorithm>
#include <catch2/catch.hpp>

#include "bench_device.h"

using namespace tandem;
using namespace tandem::test;
using abi::Format;
using abi::Status;

namespace {

struct Error {
  std::uint32_t cause;
  std::uint32_t address;
};

Error error_of(PeArrayBench& bench) {
  return {bench.read32(pe_regs::ERROR_CAUSE), bench.read32(pe_regs::ERROR_ADDRESS_LO)};
}

struct BadValue {
  std::uint32_t register_offset;
  std::uint32_t value;
  Status status;
};

const BadValue kBadValues[] = {
    {pe_regs::FORMAT, 0, Status::kBadOperand},  // FP32
    {pe_regs::FORMAT, 7, Status::kBadOperand},  // token ids
    {pe_regs::FORMAT, 12, Status::kBadOperand},
    {pe_regs::FORMAT, 0xFFFF'FFFF, Status::kBadOperand},
    {pe_regs::ROWS, 0, Status::kBadOperand},
    {pe_regs::COLUMNS, 0, Status::kBadOperand},
    {pe_regs::VECTORS, 0, Status::kBadOperand},
    {pe_regs::DATAFLOW, 2, Status::kBadOperand},
    {pe_regs::GROUPING, 4, Status::kBadOperand},
    {pe_regs::SCOPE, 2, Status::kBadOperand},
    {pe_regs::ROWS, 2049, Status::kNoSpace},  // 16 columns: 65,568 bytes
    {pe_regs::ROWS, 0xFFFF'FFFF, Status::kNoSpace},
    {pe_regs::COLUMNS, 0xFFFF'FFFF, Status::kNoSpace},
    {pe_regs::VECTORS, 0xFFFF'FFFF, Status::kNoSpace},
};

void write_valid_tile(PeArrayBench& bench) {
  bench.shape(Format::kFp16, 16, 16, 4);
  bench.write32(pe_regs::DATAFLOW, 0);
  bench.write32(pe_regs::GROUPING, 0);
  bench.write32(pe_regs::SCOPE, 0);
}

void clear(PeArrayBench& bench) {
  bench.write32(pe_regs::IRQ_STATUS, 3);
  bench.write32(pe_regs::ERROR_COUNT, 0);
  PeArrayBench::run(0);
}

}  // namespace

TEST_CASE("identity, capability and geometry can be read") {
  PeArrayBench bench;
  CHECK(bench.read32(pe_regs::ID) == 0x5450'4541);
  CHECK(bench.read32(pe_regs::VERSION) == 0x0001'0000);
  const std::uint32_t capability = bench.read32(pe_regs::CAPABILITY);
  CHECK(pe_regs::CAPABILITY_FORMATS.get(capability) == 0xF7E);  // all but FP32 and U32
  CHECK(pe_regs::CAPABILITY_WEIGHT_STATIONARY.get(capability) == 1);
  CHECK(pe_regs::CAPABILITY_OUTPUT_STATIONARY.get(capability) == 1);
  CHECK(bench.read32(pe_regs::ARRAY_ROWS) == 16);
  CHECK(bench.read32(pe_regs::ARRAY_COLUMNS) == 16);
  CHECK(bench.read32(pe_regs::WINDOW_BYTES) == 64 * 1024);
}

TEST_CASE("every register has its reset value and keeps to its access rule") {
  PeArrayBench bench;
  for (const abi::RegisterInfo& info : pe_regs::kRegisters) {
    CAPTURE(info.name);
    const std::uint32_t value = bench.read32(info.offset);
    if (info.access == abi::Access::kInstance) {
      CHECK(value != 0);
    } else {
      CHECK(value == info.reset);
    }
    const tlm::tlm_response_status status = bench.write32(info.offset, 0);
    CHECK(status == (abi::is_read_only(info.access) ? tlm::TLM_COMMAND_ERROR_RESPONSE
                                                    : tlm::TLM_OK_RESPONSE));
  }
}

TEST_CASE("bad shapes, formats and modes are refused, the next tile works") {
  PeArrayBench bench;
  bench.enable();
  bench.write32(pe_regs::IRQ_MASK, 3);
  for (const BadValue& bad : kBadValues) {
    CAPTURE(bad.register_offset, bad.value);
    write_valid_tile(bench);
    bench.write32(bad.register_offset, bad.value);
    bench.start();
    PeArrayBench::run(1'000'000);
    CHECK(bench.read32(pe_regs::ERROR_COUNT) == 1);
    CHECK(error_of(bench).cause == static_cast<std::uint32_t>(bad.status));
    CHECK(error_of(bench).address == bad.register_offset);
    CHECK(bench.read32(pe_regs::IRQ_STATUS) == pe_regs::IRQ_RAW_ERROR.mask());
    CHECK(bench.irq.read());
    CHECK_FALSE(bench.busy());
    clear(bench);

    write_valid_tile(bench);
    bench.start();
    PeArrayBench::run(1'000'000);
    CHECK(bench.done());
    CHECK(bench.read32(pe_regs::ERROR_COUNT) == 0);
    clear(bench);
  }
}

TEST_CASE("a start while disabled or busy is refused and disturbs nothing") {
  PeArrayBench bench;
  bench.shape(Format::kFp16, 16, 16, 4);
  bench.start();
  CHECK(error_of(bench).address == pe_regs::CONTROL);
  CHECK_FALSE(bench.busy());
  bench.write32(pe_regs::ERROR_COUNT, 0);
  CHECK(error_of(bench).cause == 0);

  bench.enable();
  bench.start();
  bench.start();
  CHECK(error_of(bench).cause == static_cast<std::uint32_t>(Status::kUnsupported));
  CHECK(error_of(bench).address == pe_regs::START);
  CHECK(bench.busy());
  PeArrayBench::run(1'000'000);
  CHECK(bench.done());
}

TEST_CASE("a second error is counted, the first stays described until cleared") {
  PeArrayBench bench;
  bench.enable();
  bench.start();  // no rows
  bench.shape(Format::kU32, 16, 16, 4);
  bench.start();
  CHECK(bench.read32(pe_regs::ERROR_COUNT) == 2);
  CHECK(error_of(bench).address == pe_regs::ROWS);
  CHECK((bench.read32(pe_regs::STATUS) & 2) != 0);
  bench.write32(pe_regs::ERROR_COUNT, 0);
  CHECK(bench.read32(pe_regs::STATUS) == 0);
}

TEST_CASE("the interrupt is a level: mask, clear, nothing lost") {
  PeArrayBench bench;
  bench.enable();
  bench.shape(Format::kFp16, 16, 16, 4);
  bench.start();
  PeArrayBench::run(1'000'000);
  CHECK_FALSE(bench.irq.read());
  CHECK(bench.read32(pe_regs::IRQ_STATUS) == 0);
  bench.write32(pe_regs::IRQ_MASK, 1);
  PeArrayBench::run(0);
  CHECK(bench.irq.read());
  bench.start();
  bench.write32(pe_regs::IRQ_STATUS, 1);
  PeArrayBench::run(0);
  CHECK_FALSE(bench.irq.read());
  PeArrayBench::run(1'000'000);
  CHECK(bench.irq.read());
}

TEST_CASE("windows are memory within their bounds and nothing beyond") {
  PeArrayBench bench;
  const std::uint32_t window_bytes = bench.read32(pe_regs::WINDOW_BYTES);
  std::vector<std::uint8_t> data(3, 0xA5);
  for (std::uint32_t window = abi::kPeWeightWindow; window < abi::kPeWindowBytes;
       window += 0x10'0000) {
    CHECK(bench.load(window + 5, data) == tlm::TLM_OK_RESPONSE);
    std::vector<std::uint8_t> back(3);
    CHECK(bench.access(tlm::TLM_READ_COMMAND, window + 5, back.data(), 3) == tlm::TLM_OK_RESPONSE);
    CHECK(back == data);
    CHECK(bench.load(window + window_bytes - 3, data) == tlm::TLM_OK_RESPONSE);
    CHECK(bench.load(window + window_bytes - 2, data) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  }
  CHECK(bench.load(0x2000, data) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bench.load(abi::kPeWindowBytes, data) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bench.load(~std::uint64_t{0}, data) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST_CASE("bad accesses get the response of the protocol") {
  PeArrayBench bench;
  std::uint8_t data[8] = {};
  const auto write = [&](std::uint64_t address, unsigned length) {
    return bench.access(tlm::TLM_WRITE_COMMAND, address, data, length);
  };
  CHECK(write(pe_regs::ROWS + 1, 4) == tlm::TLM_BURST_ERROR_RESPONSE);
  CHECK(write(pe_regs::ROWS, 2) == tlm::TLM_BURST_ERROR_RESPONSE);
  CHECK(write(pe_regs::ROWS, 8) == tlm::TLM_BURST_ERROR_RESPONSE);
  CHECK(write(0x074, 4) == tlm::TLM_ADDRESS_ERROR_RESPONSE);  // a hole behind CYCLES
  CHECK(write(pe_regs::ID, 4) == tlm::TLM_COMMAND_ERROR_RESPONSE);

  tlm::tlm_generic_payload payload;
  payload.set_command(tlm::TLM_WRITE_COMMAND);
  payload.set_address(abi::kPeInputWindow);
  payload.set_data_ptr(data);
  payload.set_data_length(8);
  payload.set_streaming_width(4);
  sc_core::sc_time delay;
  bench.socket->b_transport(payload, delay);
  CHECK(payload.get_response_status() == tlm::TLM_BURST_ERROR_RESPONSE);
  payload.set_streaming_width(8);
  payload.set_byte_enable_ptr(data);
  payload.set_byte_enable_length(8);
  bench.socket->b_transport(payload, delay);
  CHECK(payload.get_response_status() == tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
}

TEST_CASE("a window access takes the port for its bytes, a delay never shrinks") {
  PeArrayBench bench;
  std::vector<std::uint8_t> data(640);
  bench.load(abi::kPeInputWindow, data);
  CHECK(bench.delay == common::from_ps(10 * 1000 + 10'000));
  bench.load(abi::kPeInputWindow, data);  // waits for the first
  CHECK(bench.delay == common::from_ps(20 * 1000 + 10'000));
}

TEST_CASE("debug accesses have no side effect and no time") {
  PeArrayBench bench;
  bench.enable();
  bench.shape(Format::kFp16, 16, 16, 4);
  std::uint32_t one = 1;
  tlm::tlm_generic_payload payload;
  payload.set_command(tlm::TLM_WRITE_COMMAND);
  payload.set_address(pe_regs::START);
  payload.set_data_ptr(reinterpret_cast<unsigned char*>(&one));
  payload.set_data_length(4);
  CHECK(bench.socket->transport_dbg(payload) == 0);
  CHECK_FALSE(bench.busy());
  payload.set_address(abi::kPeInputWindow + 8);
  CHECK(bench.socket->transport_dbg(payload) == 4);
  payload.set_command(tlm::TLM_READ_COMMAND);
  one = 0;
  CHECK(bench.socket->transport_dbg(payload) == 4);
  CHECK(one == 1);
  payload.set_address(pe_regs::ARRAY_ROWS);
  CHECK(bench.socket->transport_dbg(payload) == 4);
  CHECK(one == 16);
  payload.set_address(abi::kPeWindowBytes);
  CHECK(bench.socket->transport_dbg(payload) == 0);
}

namespace {

template <typename Reset>
void check_reset_in_flight(Reset do_reset) {
  PeArrayBench bench;
  bench.enable();
  bench.write32(pe_regs::IRQ_MASK, 3);
  bench.start();  // refused: an error is pending
  bench.shape(Format::kInt4, 16, 16, 4);
  bench.load(abi::kPeInputWindow, std::vector<std::uint8_t>(64, 0x11));
  bench.start();
  PeArrayBench::run(5'000);
  REQUIRE(bench.busy());
  REQUIRE(bench.irq.read());
  do_reset(bench);
  PeArrayBench::run(0);
  CHECK_FALSE(bench.irq.read());
  for (const abi::RegisterInfo& info : pe_regs::kRegisters) {
    CAPTURE(info.name);
    if (info.offset == pe_regs::ARRAY_ROWS) CHECK(bench.read32(info.offset) == 16);
    if (info.access == abi::Access::kInstance) continue;
    CHECK(bench.read32(info.offset) == info.reset);
  }
  PeArrayBench::run(1'000'000);
  CHECK_FALSE(bench.done());  // the tile was dropped
  std::uint8_t byte = 0xFF;
  bench.access(tlm::TLM_READ_COMMAND, abi::kPeInputWindow, &byte, 1);
  CHECK(byte == 0);

  bench.enable();
  bench.shape(Format::kFp16, 16, 16, 4);
  bench.start();
  CHECK(bench.read32(pe_regs::CYCLES) ==
        bench.device.core().tile_timing(Format::kFp16, 16, 16, 4).latency_cycles());
  PeArrayBench::run(1'000'000);
  CHECK(bench.done());
}

}  // namespace

TEST_CASE("a reset by the pin in flight leaves the device like new") {
  check_reset_in_flight([](PeArrayBench& bench) {
    bench.reset.write(true);
    PeArrayBench::run(0);
    bench.reset.write(false);
  });
}

TEST_CASE("a soft reset in flight leaves the device like new") {
  check_reset_in_flight([](PeArrayBench& bench) {
    bench.write32(pe_regs::CONTROL, pe_regs::CONTROL_SOFT_RESET.mask());
  });
}

TEST_CASE("the device refuses an impossible configuration") {
  pe_array::DeviceConfig config = PeArrayBench::small();
  config.window_bytes = 100;
  CHECK_THROWS_WITH(config.validate(),
                    "pe_array.window_bytes = 100: must be a multiple of 64, 64..1048576");
  config.window_bytes = 2 * 1024 * 1024;
  CHECK_THROWS_AS(config.validate(), std::invalid_argument);
  config = PeArrayBench::small();
  config.port_bytes_per_cycle = 0;
  CHECK_THROWS_AS(config.validate(), std::invalid_argument);
  config = PeArrayBench::small();
  config.array.rows = 0;
  CHECK_THROWS_AS(config.validate(), std::invalid_argument);
}
