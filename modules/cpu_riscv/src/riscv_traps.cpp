// SPDX-License-Identifier: Apache-2.0
// What the engine leaves to the hart: traps, and instructions that read the time or wait for it.
// Numbers are those of the RISC-V privileged specification.
#include <algorithm>
#include <cstdio>

#include "causes.h"
#include "engine.h"
#include "tandem/cpu_riscv/riscv_cpu.h"

namespace tandem::cpu {
namespace {

constexpr std::uint64_t kStatusMie = 1u << 3;
constexpr std::uint64_t kStatusMpie = 1u << 7;

constexpr std::uint32_t kOpcodeMask = 0x7F;
constexpr std::uint32_t kSystemOpcode = 0x73;
constexpr std::uint32_t kEcall = 0x0000'0073;
constexpr std::uint32_t kEbreak = 0x0010'0073;
constexpr std::uint32_t kMret = 0x3020'0073;
constexpr std::uint32_t kWfi = 0x1050'0073;
constexpr std::uint32_t kFenceIMask = 0x707F;
constexpr std::uint32_t kFenceI = 0x100F;
constexpr unsigned kReturnAddress = 1;     // x1
constexpr unsigned kInstructionBytes = 4;  // of those of the SYSTEM opcode

// misa: 64 bits, extensions A, C, D, F, I and M.
constexpr std::uint64_t kExtensions = (std::uint64_t{2} << 62) | 0x112D;

constexpr const char* kNoHandler = ", and no trap handler is set (mtvec is 0)";

const char* exception_name(std::uint64_t cause) {
  switch (cause) {
    case kMisalignedFetch:
      return "misaligned instruction address";
    case kFetchFault:
      return "instruction access fault";
    case kIllegalInstruction:
      return "illegal instruction";
    case kBreakpoint:
      return "breakpoint";
    case kMisalignedLoad:
      return "misaligned load";
    case kLoadFault:
      return "load access fault";
    case kMisalignedStore:
      return "misaligned store";
    case kStoreFault:
      return "store access fault";
    case kMachineCall:
      return "environment call";
    default:
      return "unknown exception";
  }
}

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

bool is_read_only(std::uint32_t csr) {
  return csr >> 10 == 3;
}

// Read as 0: events are not counted.
bool is_absent_counter(std::uint32_t csr) {
  return (csr >= kMhpmcounter3 && csr <= kMhpmcounter31) ||
         (csr >= kHpmcounter3 && csr <= kHpmcounter31) ||
         (csr >= kMhpmevent3 && csr <= kMhpmevent31);
}

// The fields of a CSR instruction.
struct CsrAccess {
  explicit CsrAccess(std::uint32_t instruction)
      : number(instruction >> 20),
        source((instruction >> 15) & 31),
        destination((instruction >> 7) & 31),
        funct3((instruction >> 12) & 7) {}

  bool is_csr() const { return (funct3 & 3) != 0; }
  bool is_immediate() const { return (funct3 & 4) != 0; }
  bool writes() const { return (funct3 & 3) == 1 || source != 0; }
  std::uint64_t combined(std::uint64_t old, std::uint64_t operand) const {
    switch (funct3 & 3) {
      case 2:
        return old | operand;
      case 3:
        return old & ~operand;
      default:
        return operand;
    }
  }

  std::uint32_t number;
  std::uint32_t source;
  std::uint32_t destination;
  std::uint32_t funct3;
};

}  // namespace

// --- traps
// ----------------------------------------------------------------------------------------

std::uint64_t RiscvCpu::pending() const {
  const bool timer = timer_irq.size() > 0 && timer_irq->read();
  return (std::uint64_t{irq_level()} << kExternalInterrupt) |
         (std::uint64_t{timer} << kTimerInterrupt);
}

// The lines follow what the hart has accessed only when the kernel has caught up.
void RiscvCpu::settle_lines() {
  if (bus_used_) synchronise();
}

void RiscvCpu::take_interrupt() {
  if (pending() == 0 || (engine_->csr(kMstatus) & kStatusMie) == 0) return;
  const std::uint64_t enabled = engine_->csr(kMie);
  if ((pending() & enabled) == 0) return;
  settle_lines();
  const std::uint64_t taken = pending() & enabled;
  if (taken == 0 || aborted_) return;
  const bool external = (taken >> kExternalInterrupt & 1) != 0;
  ++counters_.interrupts;
  counters_.interrupt_latency_ps +=
      common::local_time_ps(ahead_) - (external ? external_since_ps_ : timer_since_ps_);
  const std::uint64_t cause = kInterruptFlag | (external ? kExternalInterrupt : kTimerInterrupt);
  if (engine_->csr(kMtvec) != 0) return enter_trap(cause, 0);
  lock_up((external ? "external" : "timer") + (" interrupt at pc " + position()) + kNoHandler,
          cause);
}

void RiscvCpu::engine_exception() {
  const std::uint32_t cause = engine_->cause();
  if (cause == kIllegalInstruction) return exception(cause, engine_->instruction());
  const bool misaligned = cause == kMisalignedLoad || cause == kMisalignedStore;
  if (misaligned) return exception(cause, engine_->address());
  exception(cause == kUserCall ? kMachineCall : cause, cause == kBreakpoint ? engine_->pc() : 0);
}

void RiscvCpu::exception(std::uint32_t cause, std::uint64_t value) {
  ++counters_.exceptions;
  if (engine_->csr(kMtvec) == 0) {
    return lock_up(trap_text(cause, value) + kNoHandler, cause);
  }
  if (++nested_traps_ > config_.most_nested_traps) {
    return lock_up("its trap handler does not return: " + std::to_string(nested_traps_) +
                       " exceptions without an MRET, the last one a " + trap_text(cause, value),
                   cause);
  }
  enter_trap(cause, value);
}

std::string RiscvCpu::trap_text(std::uint64_t cause, std::uint64_t value) const {
  std::string text = std::string(exception_name(cause)) + " at pc " + position();
  if (cause >= kMisalignedLoad && cause <= kStoreFault) {
    text += ", address " + place(value);
  }
  if (cause == kIllegalInstruction) text += ", instruction " + hex(value);
  // A jump to nowhere is explained by where it came from.
  if (cause == kFetchFault) text += ", ra " + place(engine_->x(kReturnAddress));
  return text;
}

void RiscvCpu::enter_trap(std::uint64_t cause, std::uint64_t value) {
  const bool interrupt = (cause & kInterruptFlag) != 0;
  const std::uint64_t status = engine_->csr(kMstatus);
  const std::uint64_t previous = (status & kStatusMie) != 0 ? kStatusMpie : 0;
  engine_->set_csr(kMstatus, (status & ~(kStatusMie | kStatusMpie)) | previous | kStatusMpp);
  engine_->set_csr(kMepc, engine_->pc());
  engine_->set_csr(kMcause, cause);
  engine_->set_csr(kMtval, value);
  const std::uint64_t vector = engine_->csr(kMtvec);
  const std::uint64_t base = vector & ~std::uint64_t{3};
  const bool vectored = interrupt && (vector & 3) == 1;
  engine_->set_pc(vectored ? base + 4 * (cause & ~kInterruptFlag) : base);
}

// MPP stays machine mode, the only one there is. The engine would change it, and with it forget all
// that it knows of memory.
void RiscvCpu::return_from_trap() {
  const std::uint64_t status = engine_->csr(kMstatus);
  if ((status & kStatusMpp) != kStatusMpp) {
    return lock_up("MRET at pc " + position() +
                       " leaves machine mode, which is the only one here (mstatus.MPP is not 3)",
                   kIllegalInstruction);
  }
  nested_traps_ = 0;
  const std::uint64_t enabled = (status & kStatusMpie) != 0 ? kStatusMie : 0;
  engine_->set_csr(kMstatus, (status & ~kStatusMie) | enabled | kStatusMpie);
  engine_->retire(engine_->csr(kMepc) & ~std::uint64_t{1});
  account_instructions();
}

// --- instructions of the SYSTEM opcode
// ------------------------------------------------------------

// While no line is up, instructions that only change what the engine keeps let no interrupt in.
bool RiscvCpu::executes(std::uint32_t instruction) const {
  const CsrAccess access(instruction);
  const bool plain = (instruction & kOpcodeMask) == kSystemOpcode && access.is_csr() &&
                     Engine::has_csr(access.number);
  return !plain || pending() != 0;
}

void RiscvCpu::system_instruction() {
  const std::uint32_t instruction = engine_->instruction();
  if (instruction == kWfi) return wait_for_interrupt();
  if (instruction == kEcall) return exception(kMachineCall, 0);
  if (instruction == kEbreak) return exception(kBreakpoint, engine_->pc());
  if (instruction == kMret) return return_from_trap();
  if ((instruction & kFenceIMask) == kFenceI) {
    engine_->forget_code();
    return execute_natively();
  }
  const CsrAccess access(instruction);
  if (access.is_csr() && Engine::has_csr(access.number)) return execute_natively();
  std::uint64_t value = 0;
  if (access.is_csr() && own_csr(access.number, value)) return csr_instruction(instruction);
  exception(kIllegalInstruction, instruction);  // of another mode, or of none
}

void RiscvCpu::execute_natively() {
  engine_->run_one_native();
  account_instructions();
  handle_stop();
}

void RiscvCpu::csr_instruction(std::uint32_t instruction) {
  const CsrAccess access(instruction);
  const std::uint64_t operand = access.is_immediate() ? access.source : engine_->x(access.source);
  if (access.number == kMip) settle_lines();
  std::uint64_t old = 0;
  own_csr(access.number, old);
  if (access.writes() && !write_own_csr(access.number, access.combined(old, operand))) {
    return exception(kIllegalInstruction, instruction);
  }
  engine_->set_x(access.destination, old);
  engine_->retire(engine_->pc() + kInstructionBytes);
  account_instructions();
}

bool RiscvCpu::own_csr(std::uint32_t number, std::uint64_t& value) const {
  const std::uint64_t now_ps = common::local_time_ps(ahead_);
  switch (number) {
    case kCycle:
    case kMcycle:
      value = now_ps / config_.clock_period_ps + static_cast<std::uint64_t>(cycle_offset_);
      return true;
    case kInstret:
    case kMinstret:
      value = engine_->executed() + static_cast<std::uint64_t>(instret_offset_);
      return true;
    case kTime:
      value = now_ps / 1000;
      return true;
    case kMip:
      value = pending();
      return true;
    case kMhartid:
      value = config_.hart_id;
      return true;
    case kMisa:
      value = kExtensions;
      return true;
    case kMvendorid:
    case kMarchid:
    case kMimpid:
    case kMcountinhibit:
      value = 0;
      return true;
    default:
      value = 0;
      return is_absent_counter(number);
  }
}

// False: it is read-only, or not of the hart's.
bool RiscvCpu::write_own_csr(std::uint32_t number, std::uint64_t value) {
  std::uint64_t old = 0;
  if (is_read_only(number) || !own_csr(number, old)) return false;
  // Of the others, the bits that there are follow their lines or are fixed.
  const auto change = static_cast<std::int64_t>(value - old);
  if (number == kMcycle) cycle_offset_ += change;
  if (number == kMinstret) instret_offset_ += change;
  return true;
}

void RiscvCpu::wait_for_interrupt() {
  engine_->retire(engine_->pc() + kInstructionBytes);
  account_instructions();
  const auto awake = [this] {
    return aborted_ || locked_up_ || (pending() & engine_->csr(kMie)) != 0;
  };
  // The lines follow what the hart has written only when the kernel has caught up.
  synchronise();
  if (awake()) return;
  ++counters_.sleeps;
  end_slice();
  const std::uint64_t begin_ps = common::now_ps();
  while (!awake() && sleep_a_while()) continue;
  counters_.idle_ps += common::now_ps() - begin_ps;
  begin_slice();
}

}  // namespace tandem::cpu
