// SPDX-License-Identifier: Apache-2.0
// What every peripheral does with register accesses, right and wrong ones, as its table says.
#include <catch2/catch.hpp>

#include "registers_fixture.h"
#include "tandem/peripherals/interrupt_controller.h"
#include "tandem/peripherals/mailbox.h"
#include "tandem/peripherals/system_control.h"
#include "tandem/peripherals/timer.h"
#include "tandem/peripherals/uart.h"

using namespace tandem;

namespace {

// The time since reset is not a constant.
bool is_constant(const abi::RegisterInfo& info) {
  return std::string_view(info.name) != "TIME_LO";
}

void check_accesses(const abi::RegisterBlock& block, common::RegisterSocket& registers) {
  test::RegisterBus bench;
  bench.connect(registers);
  test::settle();
  std::uint8_t data[8] = {};
  for (std::size_t i = 0; i < block.register_count; ++i) {
    const abi::RegisterInfo& info = block.registers[i];
    INFO(block.name << "." << info.name);
    if (is_constant(info)) CHECK(bench.bus.read32(info.offset) == info.reset);
    for (const unsigned length : {1u, 2u, 8u}) {
      CHECK(bench.bus.read(info.offset, data, length) == tlm::TLM_BURST_ERROR_RESPONSE);
      CHECK(bench.bus.write(info.offset, data, length) == tlm::TLM_BURST_ERROR_RESPONSE);
    }
    CHECK(bench.bus.read(info.offset + 2, data, 4) == tlm::TLM_BURST_ERROR_RESPONSE);
    if (abi::is_read_only(info.access)) {
      CHECK(bench.bus.write32(info.offset, 0) == tlm::TLM_COMMAND_ERROR_RESPONSE);
    }
    CHECK(bench.bus.debug(tlm::TLM_WRITE_COMMAND, info.offset, data, 4) == 0);
    CHECK(bench.bus.debug(tlm::TLM_READ_COMMAND, info.offset, data, 4) == 4);
  }
  CHECK(bench.bus.read(0xFF0, data, 4) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bench.bus.read(0x1000, data, 4) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bench.checker.violations().empty());
}

// Accepts debug transport, so that a mailbox can be elaborated.
struct NoMemory : sc_core::sc_module {
  tlm_utils::simple_target_socket<NoMemory> socket{"socket"};
  explicit NoMemory(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_transport_dbg(this, &NoMemory::transport_dbg);
  }
  unsigned transport_dbg(common::Payload&) { return 0; }
};

}  // namespace

// None of these binds interrupts, lines or reset: all of them may stay unbound.
TEST_CASE("interrupt controller: register accesses") {
  peripherals::InterruptController device("device", {});
  check_accesses(abi::intc::kBlock, device.registers);
}

TEST_CASE("timer: register accesses") {
  peripherals::Timer device("device", {});
  check_accesses(abi::timer::kBlock, device.registers);
}

TEST_CASE("mailbox: register accesses") {
  peripherals::Mailbox device("device", {});
  NoMemory memory("memory");
  device.memory.bind(memory.socket);
  check_accesses(abi::mailbox::kBlock, device.registers);
}

TEST_CASE("uart: register accesses, with its FIFO empty") {
  peripherals::Uart device("device", {});
  static_assert(abi::uart::STATUS_EMPTY.mask() == 0x2, "the reset value of STATUS");
  check_accesses(abi::uart::kBlock, device.registers);
}

TEST_CASE("a mailbox that cannot be is refused with its reason") {
  peripherals::Mailbox::Config config;
  config.prompt_base = 4;
  CHECK_THROWS_WITH(config.validate(), "prompt_base is 4, must be a multiple of 64");
  config.prompt_base = ~std::uint64_t{63};
  config.prompt_bytes = 64;
  CHECK_THROWS_WITH(config.validate(), Catch::Contains("must not reach beyond"));
}

TEST_CASE("system control: register accesses") {
  peripherals::SystemControl device("device", {});
  check_accesses(abi::syscon::kBlock, device.registers);
}
