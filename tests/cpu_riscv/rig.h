// SPDX-License-Identifier: Apache-2.0
// A hart with memory, interrupt controller, timer and system controller around a bus, and the
// programs of programs.S.
#pragma once
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "tandem/cpu/elf_image.h"
#include "tandem/cpu_riscv/riscv_cpu.h"
#include "tandem/interconnect/crossbar.h"
#include "tandem/memory/sram.h"
#include "tandem/peripherals/interrupt_controller.h"
#include "tandem/peripherals/system_control.h"
#include "tandem/peripherals/timer.h"

namespace tandem::test {

constexpr std::uint64_t kMemory = 0x4000'0000;
constexpr std::uint64_t kMemoryBytes = 0x10'0000;
constexpr std::uint64_t kPeriodPs = 1'000;

inline const cpu::ElfImage& programs() {
  static const cpu::ElfImage image = [] {
    std::ifstream file(TANDEM_TEST_PROGRAMS, std::ios::binary);
    return cpu::ElfImage::parse(
        std::vector<std::uint8_t>(std::istreambuf_iterator<char>(file), {}));
  }();
  return image;
}

inline std::uint64_t address_of(const std::string& symbol) {
  return programs().address_of(symbol).value();
}

// Memory whose first page never grants direct access; a store there calls `on_switch`. The rest
// grants what the test says.
class Buffer : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kBase = 0x5000'0000;
  static constexpr std::uint64_t kBytes = 0x4000;
  static constexpr std::uint64_t kSwitchBytes = 0x1000;
  enum class Grant { kNone, kRead, kAll };

  explicit Buffer(const sc_core::sc_module_name& name) : sc_module(name), target("target") {
    target.register_b_transport(this, &Buffer::b_transport);
    target.register_get_direct_mem_ptr(this, &Buffer::direct);
  }
  void withdraw() {
    grant = Grant::kNone;
    target->invalidate_direct_mem_ptr(kSwitchBytes, kBytes - 1);
  }

  tlm_utils::simple_target_socket<Buffer> target;
  Grant grant = Grant::kAll;
  bool hints = false;  // that direct access is possible
  std::function<void()> on_switch;
  unsigned accesses = 0;  // by the bus, but of the first page

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    const std::uint64_t address = payload.get_address();
    std::uint8_t* const place = bytes_.data() + address;
    const bool is_switch = address < kSwitchBytes;
    if (payload.is_write()) {
      std::memcpy(place, payload.get_data_ptr(), payload.get_data_length());
      if (is_switch && on_switch) on_switch();
    } else {
      std::memcpy(payload.get_data_ptr(), place, payload.get_data_length());
    }
    if (!is_switch) ++accesses;
    payload.set_dmi_allowed(hints && !is_switch && grant != Grant::kNone);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  bool direct(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& region) {
    if (payload.get_address() < kSwitchBytes || grant == Grant::kNone) return false;
    region.set_start_address(kSwitchBytes);
    region.set_end_address(kBytes - 1);
    region.set_dmi_ptr(bytes_.data() + kSwitchBytes);
    if (grant == Grant::kAll) {
      region.allow_read_write();
    } else {
      region.allow_read();
    }
    return grant == Grant::kAll || payload.is_read();
  }

  std::array<std::uint8_t, kBytes> bytes_{};
};

class HartRig : public sc_core::sc_module {
 public:
  explicit HartRig(const std::string& program, std::uint64_t quantum_ps = 1'000'000,
                   const char* name = "rig")
      : sc_module(sc_core::sc_module_name(name)),
        cpu("cpu", config(program, quantum_ps)),
        bus("bus", bus_config()),
        memory("memory", memory_config()),
        intc("intc", {}),
        timer("timer", {}),
        syscon("syscon", {}),
        buffer("buffer"),
        timer_line("timer_line"),
        irq_line("irq_line"),
        reset("reset") {
    cpu.data.bind(bus.from_initiator(0));
    cpu.fetch.bind(bus.from_initiator(1));
    bus.to_target(0).bind(memory.target());
    bus.to_target(1).bind(intc.registers);
    bus.to_target(2).bind(timer.registers);
    bus.to_target(3).bind(syscon.registers);
    bus.to_target(4).bind(buffer.target);
    timer.irq(timer_line);
    cpu.timer_irq(timer_line);
    intc.irq(irq_line);
    cpu.irq(irq_line);
    cpu.reset(reset);
    syscon.on_exit([this](std::uint32_t status) {
      exit_status = status;
      sc_core::sc_pause();
    });
    load();
  }

  void load() {
    for (const cpu::ElfImage::Segment& segment : programs().segments()) {
      memory.store().write(segment.address - kMemory, segment.bytes.data(), segment.bytes.size());
    }
  }
  // Until the program ends, or a millisecond has passed.
  void run() { sc_core::sc_start(1, sc_core::SC_MS); }
  std::uint64_t result(unsigned index) {
    std::uint64_t value = 0;
    memory.store().read(address_of("results") + 8 * index - kMemory, &value, sizeof value);
    return value;
  }

  cpu::RiscvCpu cpu;
  interconnect::Crossbar bus;
  memory::Sram memory;
  peripherals::InterruptController intc;
  peripherals::Timer timer;
  peripherals::SystemControl syscon;
  Buffer buffer;
  sc_core::sc_signal<bool> timer_line;
  sc_core::sc_signal<bool> irq_line;
  sc_core::sc_signal<bool> reset;
  std::optional<std::uint32_t> exit_status;

 private:
  static cpu::RiscvCpu::Config config(const std::string& program, std::uint64_t quantum_ps) {
    cpu::RiscvCpu::Config config;
    config.entry = address_of(program);
    config.boot_info_address = 0x1234;
    config.hart_id = 3;
    config.clock_period_ps = kPeriodPs;
    config.quantum_ps = quantum_ps;
    config.symbol_of = [](std::uint64_t address) { return programs().describe(address); };
    return config;
  }
  static interconnect::Crossbar::Config bus_config() {
    interconnect::Crossbar::Config config;
    config.initiators.resize(2);
    config.initiators[0].name = "data";
    config.initiators[1].name = "fetch";
    const auto target = [&config](const char* name, std::uint64_t base, std::uint64_t bytes) {
      const auto index = static_cast<unsigned>(config.targets.size());
      config.targets.emplace_back();
      config.targets.back().name = name;
      config.ranges.push_back({name, base, bytes, index, true});
    };
    target("memory", kMemory, kMemoryBytes);
    target("intc", 0x0200'0000, 0x1000);
    target("timer", 0x0201'0000, 0x1000);
    target("syscon", 0x0204'0000, 0x1000);
    target("buffer", Buffer::kBase, Buffer::kBytes);
    return config;
  }
  static memory::Sram::Config memory_config() {
    memory::Sram::Config config;
    config.size_bytes = kMemoryBytes;
    return config;
  }
};

}  // namespace tandem::test
