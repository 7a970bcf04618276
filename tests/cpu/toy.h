// SPDX-License-Identifier: Apache-2.0
// A RAM with registers that fail, and a bench around one CPU.
#pragma once
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstring>
#include <string>

#include "tandem/cpu/native_cpu.h"

namespace tandem::test {

// 4 KiB of memory, 20 ns per access. Accesses from `kHole` on are answered with an error; direct
// access ends there, too.
class ToyMemory : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kHole = 0x800;
  static constexpr std::uint64_t kLatencyPs = 20'000;
  tlm_utils::simple_target_socket<ToyMemory> socket;
  std::array<unsigned char, 4096> bytes{};
  bool grants_dmi = true;

  explicit ToyMemory(const sc_core::sc_module_name& name) : sc_module(name), socket("socket") {
    socket.register_b_transport(this, &ToyMemory::transport);
    socket.register_get_direct_mem_ptr(this, &ToyMemory::direct);
  }
  std::uint32_t word(std::uint64_t address) const {
    std::uint32_t value;
    std::memcpy(&value, bytes.data() + address, sizeof value);
    return value;
  }

 private:
  void transport(common::Payload& payload, sc_core::sc_time& delay) {
    delay += common::from_ps(kLatencyPs);
    const std::uint64_t address = payload.get_address();
    if (address >= kHole) return payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    if (payload.is_read()) {
      std::memcpy(payload.get_data_ptr(), bytes.data() + address, payload.get_data_length());
    } else {
      std::memcpy(bytes.data() + address, payload.get_data_ptr(), payload.get_data_length());
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  bool direct(common::Payload&, tlm::tlm_dmi& region) {
    region.set_dmi_ptr(bytes.data());
    region.set_start_address(0);
    region.set_end_address(kHole - 1);
    region.allow_read_write();
    return grants_dmi;
  }
};

struct Bench {
  explicit Bench(const tandem_firmware& firmware,
                 const cpu::NativeCpu::Config& config = cpu::NativeCpu::Config(),
                 const std::string& suffix = "")
      : memory(("memory" + suffix).c_str()), cpu(("cpu" + suffix).c_str(), firmware, config) {
    cpu.bus.bind(memory.socket);
    cpu.irq(irq);
    cpu.reset(reset);
  }
  std::uint64_t statistic(const std::string& name) const {
    observe::StatisticsTable table;
    cpu.collect(table);
    const observe::Statistic* const found = table.find(name);
    return found == nullptr ? ~std::uint64_t{0} : found->integer;
  }

  ToyMemory memory;
  sc_core::sc_signal<bool> irq;
  sc_core::sc_signal<bool> reset;
  cpu::NativeCpu cpu;
};

}  // namespace tandem::test
