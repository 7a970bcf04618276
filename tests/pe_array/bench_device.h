// SPDX-License-Identifier: Apache-2.0
// A PE array on a bench: an LT initiator, an interrupt wire, a reset wire.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstring>
#include <vector>

#include "tandem/abi/pe_array_registers.h"
#include "tandem/pe_array/pe_array.h"

namespace tandem::test {

namespace pe_regs = abi::pe_array;

class PeArrayBench : public sc_core::sc_module {
 public:
  explicit PeArrayBench(const sc_core::sc_module_name& name = "bench",
                        const pe_array::DeviceConfig& config = small())
      : sc_module(name), socket("socket"), irq("irq"), reset("reset"), device("device", config) {
    socket.bind(device.target);
    device.irq(irq);
    device.reset(reset);
    run(0);
  }

  static pe_array::DeviceConfig small() {
    pe_array::DeviceConfig config;
    config.array.rows = 16;
    config.array.columns = 16;
    config.window_bytes = 64 * 1024;
    return config;
  }

  tlm_utils::simple_initiator_socket<PeArrayBench> socket;
  sc_core::sc_signal<bool> irq;
  sc_core::sc_signal<bool> reset;
  pe_array::PeArray device;
  sc_core::sc_time delay;  // of the last access

  static void run(std::uint64_t ps) {
    sc_core::sc_start(common::from_ps(ps));
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }

  tlm::tlm_response_status access(tlm::tlm_command command, std::uint64_t address, void* data,
                                  unsigned length) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(length);
    payload.set_streaming_width(length);
    delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    return payload.get_response_status();
  }
  tlm::tlm_response_status write(std::uint64_t address, const void* data, std::size_t length) {
    return access(tlm::TLM_WRITE_COMMAND, address, const_cast<void*>(data),
                  static_cast<unsigned>(length));
  }
  tlm::tlm_response_status write32(std::uint64_t address, std::uint32_t value) {
    return write(address, &value, sizeof value);
  }
  std::uint32_t read32(std::uint64_t address) {
    std::uint32_t value = 0xDEAD'BEEF;
    if (access(tlm::TLM_READ_COMMAND, address, &value, sizeof value) != tlm::TLM_OK_RESPONSE) {
      return 0xBAD0'BAD0;
    }
    return value;
  }
  template <typename T>
  tlm::tlm_response_status load(std::uint64_t window, const std::vector<T>& data) {
    return data.empty() ? tlm::TLM_OK_RESPONSE
                        : write(window, data.data(), data.size() * sizeof(T));
  }
  std::vector<std::uint16_t> output(std::size_t elements) {
    std::vector<std::uint16_t> data(elements);
    access(tlm::TLM_READ_COMMAND, abi::kPeOutputWindow, data.data(),
           static_cast<unsigned>(elements * 2));
    return data;
  }

  void enable() { write32(pe_regs::CONTROL, 1); }
  void shape(abi::Format format, std::uint32_t rows, std::uint32_t columns, std::uint32_t vectors) {
    write32(pe_regs::FORMAT, static_cast<std::uint32_t>(format));
    write32(pe_regs::ROWS, rows);
    write32(pe_regs::COLUMNS, columns);
    write32(pe_regs::VECTORS, vectors);
  }
  void start() { write32(pe_regs::START, 1); }
  bool busy() { return (read32(pe_regs::STATUS) & 1) != 0; }
  bool done() { return (read32(pe_regs::IRQ_RAW) & 1) != 0; }
};

}  // namespace tandem::test
