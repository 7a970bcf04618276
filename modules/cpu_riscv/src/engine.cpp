// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "causes.h"

namespace tandem::cpu {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

constexpr std::uint32_t kOpcodeMask = 0x7F;
constexpr std::uint32_t kOpcodeFunct3Mask = 0x707F;
constexpr std::uint32_t kSystemOpcode = 0x73;
constexpr std::uint32_t kFenceI = 0x100F;
constexpr std::uint32_t kSystemBytes = 4;
constexpr std::uint32_t kWfi = 0x1050'0073;

void require(uc_err error, const char* what) {
  if (error == UC_ERR_OK) return;
  throw std::runtime_error(std::string("Unicorn: ") + what + ": " + uc_strerror(error));
}

struct EngineCsr {
  std::uint32_t number;
  int name;  // Unicorn's
};
// All that a program can set; mstatus last, because setting the floating-point ones changes it.
constexpr EngineCsr kCsrs[] = {{kFflags, UC_RISCV_REG_FFLAGS}, {kFrm, UC_RISCV_REG_FRM},
                               {kFcsr, UC_RISCV_REG_FCSR},     {kMie, UC_RISCV_REG_MIE},
                               {kMtvec, UC_RISCV_REG_MTVEC},   {kMscratch, UC_RISCV_REG_MSCRATCH},
                               {kMepc, UC_RISCV_REG_MEPC},     {kMcause, UC_RISCV_REG_MCAUSE},
                               {kMtval, UC_RISCV_REG_MTVAL},   {kMstatus, UC_RISCV_REG_MSTATUS}};

// Unicorn's name of a CSR; UC_RISCV_REG_INVALID for one that it is not to keep.
int csr_register(std::uint32_t number) {
  for (const EngineCsr& csr : kCsrs) {
    if (csr.number == number) return csr.name;
  }
  return UC_RISCV_REG_INVALID;
}

}  // namespace

Engine::Engine(Surroundings& surroundings) : surroundings_(surroundings) {
  open();
}

void Engine::open() {
  require(uc_open(UC_ARCH_RISCV, UC_MODE_RISCV64, &uc_), "uc_open");
  try {
    add_hooks();
  } catch (...) {
    uc_close(uc_);
    uc_ = nullptr;
    throw;
  }
}

Engine::~Engine() {
  if (uc_ != nullptr) uc_close(uc_);
}

void Engine::add_hooks() {
  const auto add = [this](int type, void* callback) {
    uc_hook hook = 0;
    require(uc_hook_add(uc_, &hook, type, callback, this, 1, 0), "uc_hook_add");
  };
  add(UC_HOOK_BLOCK, reinterpret_cast<void*>(&Engine::on_block));
  add(UC_HOOK_CODE, reinterpret_cast<void*>(&Engine::on_code));
  add(UC_HOOK_INTR, reinterpret_cast<void*>(&Engine::on_exception));
  add(UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_PROT, reinterpret_cast<void*>(&Engine::on_unmapped));
}

// --- running
// --------------------------------------------------------------------------------------

void Engine::run(std::uint64_t instructions) {
  native_ = false;
  start(instructions);
}

void Engine::run_one_native() {
  native_ = true;
  start(1);
}

void Engine::start(std::uint64_t instructions) {
  limit_ = executed_ + instructions;
  until_ = kNever;
  do {
    start_again();
  } while (again_);
}

void Engine::start_again() {
  unmap_withdrawn();
  unmap_reconsidered();
  again_ = false;
  stopped_ = false;
  why_ = Stop::kEngineError;
  running_ = true;
  error_ = uc_emu_start(uc_, pc_, until_, 0, 0);
  running_ = false;
  if (!stopped_) explain_own_end();
  unmap_withdrawn();
  unmap_reconsidered();
}

// Two instructions end a run without a hook: WFI, the only one of its kind that does not end a
// block, and C.EBREAK, which Unicorn calls invalid.
void Engine::explain_own_end() {
  if (until_ != kNever && error_ == UC_ERR_OK && engine_pc() == until_) {
    pc_ = std::exchange(until_, kNever);
    again_ = true;
    return;
  }
  if (error_ == UC_ERR_OK && instruction() == kWfi) {
    why_ = Stop::kSystem;
  } else if (error_ == UC_ERR_INSN_INVALID) {
    why_ = Stop::kException;
    cause_ = kBreakpoint;
  } else {
    return;
  }
  --executed_;
}

void Engine::stop(Stop why) {
  if (stopped_) return;
  stopped_ = true;
  why_ = why;
  uc_emu_stop(uc_);
}

// Called before each block of instructions. What the hart does itself ends its block, but WFI.
void Engine::on_block(uc_engine*, std::uint64_t address, std::uint32_t size, void* self) {
  Engine& engine = *static_cast<Engine*>(self);
  const std::uint64_t last = address + size - kSystemBytes;
  engine.system_pc_ = size >= kSystemBytes && engine.is_system(last) ? last : kNever;
}

// Called before each instruction. A stop from here, or from an access of the instruction that
// follows, leaves that instruction unexecuted.
void Engine::on_code(uc_engine*, std::uint64_t address, std::uint32_t, void* self) {
  Engine& engine = *static_cast<Engine*>(self);
  engine.pc_ = address;
  const bool plain = engine.executed_ < engine.limit_ && address != engine.system_pc_;
  if (!plain || engine.check_breakpoints_) {
    if (engine.stops_before(address)) return;
  }
  ++engine.executed_;
}

bool Engine::stops_before(std::uint64_t address) {
  if (executed_ >= limit_) {
    stop(Stop::kBudget);
    return true;
  }
  if (native_) return false;
  if (check_breakpoints_ && surroundings_.breakpoint(address)) {
    stop(Stop::kBreakpoint);
    return true;
  }
  const bool system = address == system_pc_ && surroundings_.executes(instruction());
  if (system) stop(Stop::kSystem);
  return system;
}

// Opcode and funct3 are in the lower half of an instruction.
bool Engine::is_system(std::uint64_t address) {
  if (address - code_.address >= code_.bytes) {
    const Direct* found = region(address);
    if (found == nullptr) return false;
    code_ = *found;
  }
  std::uint16_t lower = 0;
  std::memcpy(&lower, code_.data + (address - code_.address), sizeof lower);
  return (lower & kOpcodeMask) == kSystemOpcode || (lower & kOpcodeFunct3Mask) == kFenceI;
}

void Engine::on_exception(uc_engine*, std::uint32_t number, void* self) {
  Engine& engine = *static_cast<Engine*>(self);
  engine.cause_ = number;
  if (number == kMisalignedLoad || number == kMisalignedStore) engine.is_misaligned();
  --engine.executed_;
  engine.stop(Stop::kException);
}

void Engine::fault(Stop why, std::uint64_t address) {
  if (stopped_) return;
  fault_address_ = address;
  if (why == Stop::kLoadFault && access().is_store) why = Stop::kStoreFault;
  if (why != Stop::kFetchFault) --executed_;
  stop(why);
}

// Flushing the translations of Unicorn has taken seconds; a new one is quick.
void Engine::forget_code() {
  const Registers kept = registers();
  uc_close(uc_);
  uc_ = nullptr;
  regions_.clear();
  pages_.clear();
  code_ = {};
  open();
  set_registers(kept);
}

// --- registers
// ------------------------------------------------------------------------------------

std::uint64_t Engine::x(unsigned index) const {
  std::uint64_t value = 0;
  uc_reg_read(uc_, UC_RISCV_REG_X0 + static_cast<int>(index), &value);
  return value;
}

void Engine::set_x(unsigned index, std::uint64_t value) {
  if (index != 0) uc_reg_write(uc_, UC_RISCV_REG_X0 + static_cast<int>(index), &value);
}

std::uint64_t Engine::f(unsigned index) const {
  std::uint64_t bits = 0;
  uc_reg_read(uc_, UC_RISCV_REG_F0 + static_cast<int>(index), &bits);
  return bits;
}

void Engine::set_f(unsigned index, std::uint64_t bits) {
  uc_reg_write(uc_, UC_RISCV_REG_F0 + static_cast<int>(index), &bits);
}

std::uint64_t Engine::csr(std::uint32_t number) const {
  std::uint64_t value = 0;
  const int name = csr_register(number);
  if (name != UC_RISCV_REG_INVALID) uc_reg_read(uc_, name, &value);
  return value;
}

bool Engine::set_csr(std::uint32_t number, std::uint64_t value) {
  const int name = csr_register(number);
  return name != UC_RISCV_REG_INVALID && uc_reg_write(uc_, name, &value) == UC_ERR_OK;
}

bool Engine::has_csr(std::uint32_t number) {
  return csr_register(number) != UC_RISCV_REG_INVALID;
}

std::uint64_t Engine::engine_pc() const {
  std::uint64_t value = 0;
  uc_reg_read(uc_, UC_RISCV_REG_PC, &value);
  return value;
}

// The floating-point CSRs are there only while mstatus.FS is on.
Engine::Registers Engine::registers() {
  static_assert(std::size(kCsrs) == kEngineCsrs);
  static_assert(kCsrs[kEngineCsrs - 1].number == kMstatus);
  Registers all{};
  for (unsigned i = 0; i < kRegisters; ++i) {
    all.x[i] = x(i);
    all.f[i] = f(i);
  }
  const std::uint64_t status = csr(kMstatus);
  set_csr(kMstatus, status | kStatusFs);
  for (std::size_t i = 0; i < kEngineCsrs; ++i) all.csrs[i] = csr(kCsrs[i].number);
  all.csrs.back() = status;
  set_csr(kMstatus, status);
  return all;
}

void Engine::set_registers(const Registers& all) {
  set_csr(kMstatus, all.csrs.back() | kStatusFs);
  for (unsigned i = 0; i < kRegisters; ++i) {
    set_x(i, all.x[i]);
    set_f(i, all.f[i]);
  }
  for (std::size_t i = 0; i < kEngineCsrs; ++i) set_csr(kCsrs[i].number, all.csrs[i]);
}

std::uint32_t Engine::instruction() {
  std::uint32_t value = 0;
  const Direct* memory = region(pc_);
  if (memory == nullptr) return 0;
  const std::uint64_t offset = pc_ - memory->address;
  std::memcpy(&value, memory->data + offset,
              std::min<std::uint64_t>(sizeof value, memory->bytes - offset));
  return (value & 3) == 3 ? value : value & 0xFFFF;
}

}  // namespace tandem::cpu
