// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tandem/abi/command.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/common/protocol_checker.h"
#include "tandem/pim/pim_stack.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"

namespace tandem::test {

namespace regs = abi::pim;
constexpr std::uint64_t kBase = 0x8000'0000;
constexpr auto kOk = tlm::TLM_OK_RESPONSE;

// A PIM with LT initiators on its registers and its memory, a protocol checker on each. Where a
// test needs several, they are made with begin = false before the first of them is started.
struct PimBench {
  explicit PimBench(const pim::Config& config, const std::string& name = "bench", bool begin = true)
      : pim((name + "_pim").c_str(), config),
        bus((name + "_bus").c_str()),
        ram((name + "_ram").c_str()),
        bus_checker((name + "_bus_checker").c_str()),
        ram_checker((name + "_ram_checker").c_str()) {
    bus.socket.bind(bus_checker.target);
    bus_checker.initiator.bind(pim.registers);
    ram.socket.bind(ram_checker.target);
    ram_checker.initiator.bind(pim.memory().target(0));
    pim.reset.bind(reset);
    pim.irq.bind(irq);
    if (begin) start();
  }

  void start() {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    enable();
  }

  void enable() { bus.write32(regs::CONTROL, regs::CONTROL_ENABLE.put(1)); }
  tlm::tlm_response_status send(const abi::PimCommand& command) {
    return bus.write(abi::kPimCommandWindow, &command, sizeof command);
  }
  tlm::tlm_response_status write_vectors(std::uint32_t offset,
                                         const std::vector<std::uint16_t>& x) {
    return bus.write(abi::kPimVectorWindow + offset, x.data(), static_cast<unsigned>(2 * x.size()));
  }
  tlm::tlm_response_status read_results(std::uint32_t offset, std::vector<std::uint16_t>& y) {
    return bus.read(abi::kPimResultWindow + offset, y.data(), static_cast<unsigned>(2 * y.size()));
  }
  // Lets everything finish and brings the local times of the initiators back to the kernel's.
  void settle() {
    sc_core::sc_start(sc_core::sc_time(10, sc_core::SC_SEC));
    bus.delay = ram.delay = sc_core::SC_ZERO_TIME;
  }

  pim::PimStack pim;
  sc_core::sc_signal<bool> reset;
  sc_core::sc_signal<bool> irq;
  LtInitiator bus, ram;
  common::ProtocolChecker bus_checker, ram_checker;
};

inline pim::Config small_config(pim::RowBuffer row_buffer = pim::RowBuffer::kDual) {
  pim::Config config;
  config.memory.device = device("hbm2_neupims");
  config.memory.channels = 4;
  config.memory.chunk_bytes = std::uint64_t{1} << 20;
  config.row_buffer = row_buffer;
  return config;
}

// One GEMV over a whole FP16 matrix at `address`.
inline abi::PimCommand gemv(std::uint64_t address, std::uint32_t rows, std::uint32_t columns,
                            std::uint16_t vectors = 1) {
  abi::PimCommand command{};
  command.opcode = static_cast<abi::u8>(abi::PimOpcode::kGemv);
  command.abi_version = abi::kAbiVersion;
  command.format = static_cast<abi::u8>(abi::Format::kFp16);
  command.flags = abi::kPimFirst | abi::kPimLast;
  command.weights = address;
  command.rows = rows;
  command.columns = columns;
  command.row_elements = columns;
  command.vectors = vectors;
  command.vector_stride = 2 * columns;
  command.output_stride = 2 * rows;
  return command;
}

inline std::vector<std::uint8_t> random_bytes(std::mt19937& random, std::size_t n) {
  std::vector<std::uint8_t> bytes(n);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// FP16 patterns of magnitude 2^-4 to 2^3, of either sign.
inline std::vector<std::uint16_t> random_fp16(std::mt19937& random, std::size_t n) {
  std::vector<std::uint16_t> values(n);
  for (std::uint16_t& value : values) {
    value = static_cast<std::uint16_t>((random() & 0x83FFu) | (11 + random() % 8) << 10);
  }
  return values;
}

}  // namespace tandem::test
