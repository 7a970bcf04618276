// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "causes.h"
#include "memory_access.h"

namespace tandem::cpu {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kNever = ~std::uint64_t{0};

constexpr std::uint32_t kOpcodeMask = 0x7F;
constexpr std::uint32_t kOpcodeFunct3Mask = 0x707F;
constexpr std::uint32_t kSystemOpcode = 0x73;
constexpr std::uint32_t kFenceI = 0x100F;
constexpr std::uint32_t kSystemBytes = 4;
constexpr std::uint32_t kWfi = 0x1050'0073;

std::uint64_t page_of(std::uint64_t address) {
  return address & ~(kPageBytes - 1);
}

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

// --- memory
// ---------------------------------------------------------------------------------------

bool Engine::on_unmapped(uc_engine*, uc_mem_type type, std::uint64_t address, int, std::int64_t,
                         void* self) {
  Engine& engine = *static_cast<Engine*>(self);
  const bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
  const bool store = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
  const bool unmapped = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_READ_UNMAPPED ||
                        type == UC_MEM_WRITE_UNMAPPED;
  if (engine.stopped_) return false;
  const bool fetch_of_page = type == UC_MEM_FETCH_PROT && engine.has_page(address, address);
  if ((unmapped || fetch_of_page) && engine.map(address, fetch)) return true;
  if (fetch) {
    engine.fetch_failed(address);
  } else if (engine.again_) {
    --engine.executed_;
    engine.stop(Stop::kBudget);
  } else {
    engine.fault(store ? Stop::kStoreFault : Stop::kLoadFault, address);
  }
  return false;
}

// Comes before any instruction of the block that is being translated. Only one cut off by the end
// of its page can fail behind the first; those before it are executed first.
void Engine::fetch_failed(std::uint64_t address) {
  pc_ = engine_pc();
  const std::uint64_t instruction =
      address != pc_ && address % kPageBytes == 0 ? address - 2 : address;
  if (!again_ && instruction > pc_) {
    until_ = instruction;
    again_ = true;
  }
  if (again_) {
    stop(Stop::kBudget);
  } else {
    fault(Stop::kFetchFault, address);
  }
}

// Pages in a region that has become direct are given up, which has to wait for the end of the run.
bool Engine::map(std::uint64_t address, bool fetch) {
  const Direct direct = whole_pages(surroundings_.direct(address, fetch));
  if (address - direct.address < direct.bytes) {
    const std::uint64_t last = direct.address + (direct.bytes - 1);
    if (has_page(direct.address, last)) {
      reconsidered_.push_back({direct.address, last});
      again_ = true;
      return false;
    }
    if (map_direct(direct)) return true;
  }
  return !fetch && map_page(page_of(address));
}

// What of it can be mapped; `bytes` 0: nothing.
Engine::Direct Engine::whole_pages(Direct direct) {
  const std::uint64_t skipped = (kPageBytes - direct.address % kPageBytes) % kPageBytes;
  if (direct.bytes < skipped + kPageBytes) return {};
  direct.address += skipped;
  direct.data += skipped;
  direct.bytes = (direct.bytes - skipped) & ~(kPageBytes - 1);
  return direct;
}

bool Engine::map_direct(const Direct& direct) {
  if (direct.bytes == 0) return false;
  if (is_mapped(direct.address, direct.address + (direct.bytes - 1))) return false;
  std::uint32_t rights = UC_PROT_READ | UC_PROT_EXEC;
  if (direct.writable) rights |= UC_PROT_WRITE;
  if (uc_mem_map_ptr(uc_, direct.address, direct.bytes, rights, direct.data) != UC_ERR_OK) {
    return false;
  }
  regions_.push_back(direct);
  return true;
}

bool Engine::map_page(std::uint64_t address) {
  pages_.push_back(std::make_unique<Page>(Page{this, address}));
  Page* page = pages_.back().get();
  const uc_err error =
      uc_mmio_map(uc_, address, kPageBytes, &Engine::on_load, page, &Engine::on_store, page);
  if (error != UC_ERR_OK) pages_.pop_back();
  return error == UC_ERR_OK;
}

bool Engine::is_mapped(std::uint64_t first, std::uint64_t last) const {
  const auto in_region = [&](const Direct& r) {
    return r.address <= last && r.address + (r.bytes - 1) >= first;
  };
  return std::any_of(regions_.begin(), regions_.end(), in_region) || has_page(first, last);
}

bool Engine::has_page(std::uint64_t first, std::uint64_t last) const {
  return std::any_of(pages_.begin(), pages_.end(), [&](const std::unique_ptr<Page>& page) {
    return page->address <= last && page->address + (kPageBytes - 1) >= first;
  });
}

const Engine::Direct* Engine::region(std::uint64_t address) const {
  for (const Direct& region : regions_) {
    if (address - region.address < region.bytes) return &region;
  }
  return nullptr;
}

std::uint64_t Engine::on_load(uc_engine*, std::uint64_t offset, unsigned size, void* page) {
  const auto& [engine, base] = *static_cast<Page*>(page);
  std::uint64_t value = 0;
  // The second half of a wide access comes even after a stop.
  if (engine->stopped_ || engine->refuses_misaligned()) return 0;
  if (!engine->surroundings_.load(base + offset, size, value)) {
    engine->fault(Stop::kLoadFault, base + offset);
    return 0;
  }
  return value;
}

void Engine::on_store(uc_engine*, std::uint64_t offset, unsigned size, std::uint64_t value,
                      void* page) {
  const auto& [engine, base] = *static_cast<Page*>(page);
  if (engine->stopped_ || engine->refuses_misaligned()) return;
  if (!engine->surroundings_.store(base + offset, size, value)) {
    engine->fault(Stop::kStoreFault, base + offset);
  }
}

// The engine makes several aligned accesses of a misaligned one.
bool Engine::is_misaligned() {
  const Access wanted = access();
  if (wanted.bytes == 0 || wanted.address % wanted.bytes == 0) return false;
  cause_ = wanted.is_store ? kMisalignedStore : kMisalignedLoad;
  fault_address_ = wanted.address;
  return true;
}

bool Engine::refuses_misaligned() {
  if (!is_misaligned()) return false;
  --executed_;
  stop(Stop::kException);
  return true;
}

// Of the instruction at pc_.
Engine::Access Engine::access() {
  const MemoryAccess fields = memory_access(instruction());
  return {x(fields.base) + static_cast<std::uint64_t>(fields.offset), fields.bytes,
          fields.is_store};
}

void Engine::withdraw(std::uint64_t first, std::uint64_t last) {
  withdrawn_.push_back({first, last});
  if (running_) {
    end_soon();
  } else {
    unmap_withdrawn();
  }
}

void Engine::unmap_withdrawn() {
  for (const Range& gone : withdrawn_) {
    const auto overlaps = [&](const Direct& r) {
      return r.address <= gone.last && r.address + (r.bytes - 1) >= gone.first;
    };
    for (const Direct& region : regions_) {
      if (overlaps(region)) uc_mem_unmap(uc_, region.address, region.bytes);
    }
    regions_.erase(std::remove_if(regions_.begin(), regions_.end(), overlaps), regions_.end());
    code_ = {};
  }
  withdrawn_.clear();
}

void Engine::reconsider(std::uint64_t address) {
  reconsidered_.push_back({address, address});
  if (running_) end_soon();
}

// A page must not be unmapped in an access to it.
void Engine::unmap_reconsidered() {
  for (const Range& gone : reconsidered_) {
    const auto is_gone = [&](const std::unique_ptr<Page>& page) {
      return page->address <= gone.last && page->address + (kPageBytes - 1) >= gone.first;
    };
    for (const std::unique_ptr<Page>& page : pages_) {
      if (is_gone(page)) uc_mem_unmap(uc_, page->address, kPageBytes);
    }
    pages_.erase(std::remove_if(pages_.begin(), pages_.end(), is_gone), pages_.end());
  }
  reconsidered_.clear();
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
