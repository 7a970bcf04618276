// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "debug/commands.h"
#include "debug/connection.h"
#include "debug/monitor.h"
#include "tandem/cpu_riscv/riscv_cpu.h"

namespace tandem::platform::debug {

// gdb beside a RISC-V core.
class HartDebugger : public cpu::CpuDebugger {
 public:
  // Called before the first instruction; waits for gdb.
  using Connect = std::function<std::unique_ptr<Connection>()>;

  HartDebugger(cpu::RiscvCpu& cpu, std::vector<MappedBlock> blocks, Connect connect);

  ~HartDebugger() override;

  Resume halted(cpu::RiscvCpu& cpu, const Halt& halt) override;
  bool wants_halt() override;

  // gdb has asked for the end of the run.
  bool killed() const { return killed_; }
  // The run is over. gdb, if it is still there, may have a last look if there is a reason `why` the
  // run is incomplete, and is told the exit status.
  void end(int status, const std::string& why);

 private:
  class CpuHart;

  std::optional<std::string> receive();
  void tell(const Halt& halt);
  Resume let_go();

  cpu::RiscvCpu& cpu_;
  std::unique_ptr<CpuHart> hart_;
  Monitor monitor_;
  Commands commands_;
  Connect connect_;
  std::optional<PacketLink> link_;  // from the first instruction until gdb leaves
  std::chrono::steady_clock::time_point asked_;
  bool locked_up_ = false;  // and gdb has seen it
  bool heard_ = false;      // gdb has said something
  bool killed_ = false;
};

}  // namespace tandem::platform::debug
