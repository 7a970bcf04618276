// SPDX-License-Identifier: Apache-2.0
// What a debugger sees of the hart, and when it gets it.
#include <algorithm>
#include <utility>

#include "engine.h"
#include "tandem/common/payload_pool.h"
#include "tandem/cpu_riscv/riscv_cpu.h"

namespace tandem::cpu {

void RiscvCpu::attach(CpuDebugger* debugger) {
  debugger_ = debugger;
}

// An event of its own among those of the kernel may change their order: none without need.
bool RiscvCpu::sleep_a_while() {
  if (watchpoints_.empty()) {
    wait(wake_up_);
    return true;
  }
  wait(common::from_ps(config_.quantum_ps), wake_up_);
  if (aborted_) return true;
  const std::uint64_t asleep_at = engine_->pc();
  std::uint64_t address = 0;
  if (watched_memory_changed(address)) {
    halt({CpuDebugger::Reason::kWatchpoint, address});
  } else if (debugger_->wants_halt()) {
    halt({CpuDebugger::Reason::kRequest});
  }
  return engine_->pc() == asleep_at;
}

// Before each stretch of instructions.
void RiscvCpu::meet_debugger() {
  std::uint64_t address = 0;
  const bool at_breakpoint = std::exchange(at_breakpoint_, false);
  if (watched_memory_changed(address)) {
    halt({CpuDebugger::Reason::kWatchpoint, address});
  } else if (at_breakpoint) {
    halt({CpuDebugger::Reason::kBreakpoint});
  } else if (single_step_) {
    halt({CpuDebugger::Reason::kStep});
  } else if (debugger_->wants_halt()) {
    halt({CpuDebugger::Reason::kRequest});
  }
}

void RiscvCpu::halt(const CpuDebugger::Halt& halt) {
  halted_at_ = engine_->pc();
  halted_after_ = engine_->executed();
  const CpuDebugger::Resume resume = debugger_->halted(*this, halt);
  single_step_ = resume == CpuDebugger::Resume::kStep;
  std::uint64_t ignored = 0;
  watched_memory_changed(ignored);  // what the debugger has written
  if (resume == CpuDebugger::Resume::kKill && !locked_up_) {
    locked_up_ = true;
    finish(0, "the debugger has ended the run");
  }
  if (resume != CpuDebugger::Resume::kDetach && resume != CpuDebugger::Resume::kKill) return;
  debugger_ = nullptr;
  breakpoints_.clear();
  watchpoints_.clear();
  engine_->check_breakpoints(false);
}

// --- breakpoints and watchpoints
// ------------------------------------------------------------------

bool RiscvCpu::has_breakpoint(std::uint64_t pc) const {
  if (pc == halted_at_ && engine_->executed() == halted_after_) return false;
  return std::find(breakpoints_.begin(), breakpoints_.end(), pc) != breakpoints_.end();
}

void RiscvCpu::add_breakpoint(std::uint64_t address) {
  breakpoints_.push_back(address);
  if (engine_) engine_->check_breakpoints(true);
}

void RiscvCpu::remove_breakpoint(std::uint64_t address) {
  const auto found = std::find(breakpoints_.begin(), breakpoints_.end(), address);
  if (found != breakpoints_.end()) breakpoints_.erase(found);
  if (engine_) engine_->check_breakpoints(!breakpoints_.empty());
}

void RiscvCpu::add_watchpoint(std::uint64_t address, unsigned bytes) {
  Watchpoint watchpoint{address, std::vector<unsigned char>(bytes)};
  read_memory(address, watchpoint.bytes.data(), bytes);
  watchpoints_.push_back(std::move(watchpoint));
}

void RiscvCpu::remove_watchpoint(std::uint64_t address, unsigned bytes) {
  const auto found = std::find_if(
      watchpoints_.begin(), watchpoints_.end(),
      [&](const Watchpoint& w) { return w.address == address && w.bytes.size() == bytes; });
  if (found != watchpoints_.end()) watchpoints_.erase(found);
}

bool RiscvCpu::watched_memory_changed(std::uint64_t& address) {
  bool changed = false;
  for (Watchpoint& watchpoint : watchpoints_) {
    std::vector<unsigned char> now(watchpoint.bytes.size());
    read_memory(watchpoint.address, now.data(), static_cast<unsigned>(now.size()));
    if (now == watchpoint.bytes) continue;
    watchpoint.bytes = std::move(now);
    address = watchpoint.address;
    changed = true;
  }
  return changed;
}

// --- registers and memory
// -------------------------------------------------------------------------

std::uint64_t RiscvCpu::read_register(unsigned number) const {
  if (!engine_) return 0;
  if (number < kPcRegister) return engine_->x(number);
  if (number == kPcRegister) return engine_->pc();
  if (number < kFirstCsrRegister) return engine_->f(number - kFirstFloatRegister);
  std::uint64_t value = 0;
  const std::uint32_t csr = number - kFirstCsrRegister;
  return own_csr(csr, value) ? value : engine_->csr(csr);
}

bool RiscvCpu::write_register(unsigned number, std::uint64_t value) {
  if (!engine_) return false;
  if (number < kPcRegister) {
    engine_->set_x(number, value);
  } else if (number == kPcRegister) {
    engine_->set_pc(value);
  } else if (number < kFirstCsrRegister) {
    engine_->set_f(number - kFirstFloatRegister, value);
  } else {
    const std::uint32_t csr = number - kFirstCsrRegister;
    return write_own_csr(csr, value) || engine_->set_csr(csr, value);
  }
  return true;
}

unsigned RiscvCpu::read_memory(std::uint64_t address, unsigned char* bytes, unsigned count) {
  common::Payload payload;
  common::set_attributes(payload, tlm::TLM_READ_COMMAND, address, bytes, count);
  return data->transport_dbg(payload);
}

unsigned RiscvCpu::write_memory(std::uint64_t address, const unsigned char* bytes, unsigned count) {
  std::vector<unsigned char> copy(bytes, bytes + count);
  common::Payload payload;
  common::set_attributes(payload, tlm::TLM_WRITE_COMMAND, address, copy.data(), count);
  const unsigned written = data->transport_dbg(payload);
  if (engine_) engine_->forget_code();
  return written;
}

}  // namespace tandem::cpu
