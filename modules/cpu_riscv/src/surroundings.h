// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "engine.h"
#include "tandem/cpu_riscv/riscv_cpu.h"

namespace tandem::cpu {

// What the engine asks, answered over the hart's sockets.
class RiscvCpu::Surroundings : public Engine::Surroundings {
 public:
  explicit Surroundings(RiscvCpu& cpu) : cpu_(cpu) {}

  bool load(std::uint64_t address, unsigned bytes, std::uint64_t& value) override {
    ++cpu_.counters_.loads;
    return cpu_.transport(tlm::TLM_READ_COMMAND, address, bytes, value);
  }
  bool store(std::uint64_t address, unsigned bytes, std::uint64_t value) override {
    ++cpu_.counters_.stores;
    return cpu_.transport(tlm::TLM_WRITE_COMMAND, address, bytes, value);
  }
  Engine::Direct direct(std::uint64_t address, bool fetch) override;
  bool executes(std::uint32_t instruction) override { return cpu_.executes(instruction); }
  bool breakpoint(std::uint64_t pc) override { return cpu_.has_breakpoint(pc); }

 private:
  RiscvCpu& cpu_;
};

}  // namespace tandem::cpu
