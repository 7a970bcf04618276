// SPDX-License-Identifier: Apache-2.0
// A platform of somebody else's: its own memory, its own initiator, and Tandem's PE array. It
// multiplies two vectors with a 2 x 3 matrix and checks the four results.
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <systemc>
#include <tlm>
#include <vector>

#include "tandem/abi/pe_array_registers.h"
#include "tandem/pe_array/pe_array.h"

namespace abi = tandem::abi;
namespace regs = tandem::abi::pe_array;

namespace {

using Halves = std::vector<std::uint16_t>;

constexpr std::uint32_t kRows = 2;
constexpr std::uint32_t kColumns = 3;
constexpr std::uint32_t kVectors = 2;
const Halves kWeights = {0x3C00, 0x4000, 0x4200,   // 1 2 3
                         0x4400, 0x3800, 0xBC00};  // 4 0.5 -1
const Halves kInputs = {0x4000, 0x3C00, 0x3800,    // 2 1 0.5
                        0x3C00, 0x0000, 0x4400};   // 1 0 4
const Halves kExpected = {0x4580, 0x4800,          // 5.5 8
                          0x4A80, 0x0000};         // 13 0

struct Memory : sc_core::sc_module {
  tlm_utils::simple_target_socket<Memory> socket{"socket"};
  std::array<std::uint8_t, 4096> bytes{};

  explicit Memory(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_b_transport(this, &Memory::b_transport);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    std::uint8_t* at = bytes.data() + payload.get_address();
    if (payload.is_read()) {
      std::memcpy(payload.get_data_ptr(), at, payload.get_data_length());
    } else {
      std::memcpy(at, payload.get_data_ptr(), payload.get_data_length());
    }
    delay += sc_core::sc_time(10, sc_core::SC_NS);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
};

struct Host : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Host> memory{"memory"};
  tlm_utils::simple_initiator_socket<Host> array{"array"};
  sc_core::sc_in<bool> irq{"irq"};
  bool passed = false;

  SC_HAS_PROCESS(Host);
  explicit Host(const sc_core::sc_module_name& name) : sc_module(name) { SC_THREAD(run); }

  template <typename Socket>
  void access(Socket& socket, tlm::tlm_command command, std::uint64_t address, void* data,
              std::size_t length) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(static_cast<unsigned>(length));
    payload.set_streaming_width(static_cast<unsigned>(length));
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    wait(delay);
    if (payload.is_response_error()) {
      SC_REPORT_FATAL("/consumer", payload.get_response_string().c_str());
    }
  }
  void set(std::uint32_t offset, std::uint32_t value) {
    access(array, tlm::TLM_WRITE_COMMAND, offset, &value, sizeof value);
  }
  void copy_to_array(std::uint64_t memory_address, std::uint32_t window, std::size_t count) {
    Halves halves(count);
    access(memory, tlm::TLM_READ_COMMAND, memory_address, halves.data(), 2 * count);
    access(array, tlm::TLM_WRITE_COMMAND, window, halves.data(), 2 * count);
  }

  void run() {
    Halves weights = kWeights;
    Halves inputs = kInputs;
    access(memory, tlm::TLM_WRITE_COMMAND, 0x000, weights.data(), 2 * weights.size());
    access(memory, tlm::TLM_WRITE_COMMAND, 0x100, inputs.data(), 2 * inputs.size());

    set(regs::CONTROL, regs::CONTROL_ENABLE.mask());
    set(regs::IRQ_MASK, regs::IRQ_RAW_DONE.mask() | regs::IRQ_RAW_ERROR.mask());
    set(regs::FORMAT, static_cast<std::uint32_t>(abi::Format::kFp16));
    set(regs::ROWS, kRows);
    set(regs::COLUMNS, kColumns);
    set(regs::VECTORS, kVectors);
    copy_to_array(0x000, abi::kPeWeightWindow, kWeights.size());
    copy_to_array(0x100, abi::kPeInputWindow, kInputs.size());
    set(regs::START, 1);
    if (!irq.read()) wait(irq.posedge_event());

    Halves results(kExpected.size());
    access(array, tlm::TLM_READ_COMMAND, abi::kPeOutputWindow, results.data(), 2 * results.size());
    passed = results == kExpected;
  }
};

}  // namespace

int sc_main(int, char*[]) {
  tandem::pe_array::PeArray array("array", {});
  Memory memory("memory");
  Host host("host");
  sc_core::sc_signal<bool> irq("irq_signal");
  host.memory.bind(memory.socket);
  host.array.bind(array.target);
  array.irq(irq);
  host.irq(irq);

  sc_core::sc_start(1, sc_core::SC_MS);
  std::printf("consumer: %s\n", host.passed ? "results as expected" : "WRONG RESULTS");
  return host.passed ? 0 : 1;
}
