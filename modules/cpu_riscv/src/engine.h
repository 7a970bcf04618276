// SPDX-License-Identifier: Apache-2.0
// One RV64GC hart on the Unicorn engine, without SystemC: it executes instructions, maps memory as
// they touch it, and stops before whatever it does not do itself.
#pragma once
#include <unicorn/unicorn.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace tandem::cpu {

// Number of a control and status register, as in the privileged specification.
enum Csr : std::uint32_t {
  kFflags = 0x001,
  kFrm = 0x002,
  kFcsr = 0x003,
  kMstatus = 0x300,
  kMie = 0x304,
  kMtvec = 0x305,
  kMscratch = 0x340,
  kMepc = 0x341,
  kMcause = 0x342,
  kMtval = 0x343,
  kMip = 0x344,
  kMcycle = 0xB00,
  kMinstret = 0xB02,
  kCycle = 0xC00,
  kTime = 0xC01,
  kInstret = 0xC02,
  kMhartid = 0xF14,
};

class Engine {
 public:
  // Memory that the hart may use directly. `bytes` 0: none.
  struct Direct {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
    std::uint8_t* data = nullptr;
    bool writable = false;
  };
  // What surrounds the hart. Calls come from inside run().
  class Surroundings {
   public:
    virtual ~Surroundings() = default;
    // A load or store of memory that is not direct; false: an access fault.
    virtual bool load(std::uint64_t address, unsigned bytes, std::uint64_t& value) = 0;
    virtual bool store(std::uint64_t address, unsigned bytes, std::uint64_t value) = 0;
    virtual Direct direct(std::uint64_t address, bool fetch) = 0;
    // Of the SYSTEM opcode, or FENCE.I: true to stop before it, false to have the engine execute
    // it.
    virtual bool executes(std::uint32_t instruction) = 0;
    // Before each instruction, while breakpoints are checked: true to stop there.
    virtual bool breakpoint(std::uint64_t pc) = 0;
  };

  enum class Stop {
    kBudget,       // as many instructions as allowed
    kSystem,       // before an instruction that the surroundings execute
    kException,    // cause() says which
    kLoadFault,    // address() is where
    kStoreFault,   // address() is where
    kFetchFault,   // pc() is where
    kBreakpoint,   // before the instruction at pc()
    kEngineError,  // error() of Unicorn
  };

  explicit Engine(Surroundings& surroundings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Executes at most `instructions` from pc() on. The instruction at pc() has not been executed
  // when it returns, unless it is the cause of an exception that comes after it.
  Stop run(std::uint64_t instructions);
  // Executes the one instruction at pc(), of the SYSTEM opcode too.
  Stop run_one_native();
  // Takes the instruction at pc() as executed by other means.
  void retire(std::uint64_t next_pc) {
    ++executed_;
    pc_ = next_pc;
  }
  // To be called from inside run(): ends it before the next instruction.
  void end_soon() { limit_ = executed_; }
  // The same, after some more of them.
  void end_after(std::uint64_t instructions) { limit_ = executed_ + instructions; }

  std::uint64_t pc() const { return pc_; }
  void set_pc(std::uint64_t pc) { pc_ = pc; }
  std::uint64_t x(unsigned index) const;
  void set_x(unsigned index, std::uint64_t value);
  std::uint64_t f(unsigned index) const;  // raw bits
  void set_f(unsigned index, std::uint64_t bits);
  std::uint64_t csr(std::uint32_t number) const;  // 0 for one that this engine does not know
  bool set_csr(std::uint32_t number, std::uint64_t value);
  // The instruction at pc(); 0 if there is no memory.
  std::uint32_t instruction();

  std::uint64_t executed() const { return executed_; }
  std::uint32_t cause() const { return cause_; }
  std::uint64_t address() const { return fault_address_; }
  const char* error() const { return uc_strerror(error_); }

  void check_breakpoints(bool on) { check_breakpoints_ = on; }
  // Direct memory between these addresses is not to be used any more. Inside run() it takes effect
  // before the next instruction.
  void withdraw(std::uint64_t first, std::uint64_t last);
  // While it does not run; into a new one. Registers, and which memory is direct.
  template <typename Archive>
  void archive(Archive& archive);
  // Code may have changed behind the engine's back. Not from inside run().
  void forget_code();

 private:
  struct Page {  // not direct: every access is a call
    Engine* engine;
    std::uint64_t address;
  };
  struct Withdrawn {
    std::uint64_t first;
    std::uint64_t last;
  };

  static void on_block(uc_engine* uc, std::uint64_t address, std::uint32_t size, void* self);
  static void on_code(uc_engine* uc, std::uint64_t address, std::uint32_t size, void* self);
  static void on_exception(uc_engine* uc, std::uint32_t number, void* self);
  static bool on_unmapped(uc_engine* uc, uc_mem_type type, std::uint64_t address, int size,
                          std::int64_t value, void* self);
  static std::uint64_t on_load(uc_engine* uc, std::uint64_t offset, unsigned size, void* page);
  static void on_store(uc_engine* uc, std::uint64_t offset, unsigned size, std::uint64_t value,
                       void* page);

  void open();
  void add_hooks();
  void stop(Stop why);
  void explain_own_end();
  Stop start(std::uint64_t instructions);
  void fault(Stop why, std::uint64_t address);
  bool map(std::uint64_t address, bool fetch);
  bool map_direct(Direct direct);
  bool map_page(std::uint64_t address);
  bool is_mapped(std::uint64_t first, std::uint64_t last) const;
  const Direct* region(std::uint64_t address) const;
  void apply_withdrawals();
  bool stops_before(std::uint64_t address);
  bool is_system(std::uint64_t address);

  Surroundings& surroundings_;
  uc_engine* uc_ = nullptr;
  std::vector<Direct> regions_;
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<Withdrawn> withdrawn_;
  Direct code_;  // the region of the instruction before

  std::uint64_t pc_ = 0;
  std::uint64_t executed_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t system_pc_ = ~std::uint64_t{0};  // of the block that is being executed, if any
  bool running_ = false;
  bool native_ = false;  // the next instruction is executed whatever it is
  bool check_breakpoints_ = false;
  bool stopped_ = false;
  Stop why_ = Stop::kBudget;
  std::uint32_t cause_ = 0;
  std::uint64_t fault_address_ = 0;
  uc_err error_ = UC_ERR_OK;
};

template <typename Archive>
void Engine::archive(Archive& archive) {
  archive(pc_, executed_);
  for (const std::uint32_t number :
       {kMstatus, kFcsr, kMie, kMtvec, kMscratch, kMepc, kMcause, kMtval}) {
    std::uint64_t value = csr(number);
    archive(value);
    if (archive.loading()) set_csr(number, value);
  }
  for (unsigned i = 1; i < 32; ++i) {
    std::uint64_t value = x(i);
    archive(value);
    if (archive.loading()) set_x(i, value);
  }
  for (unsigned i = 0; i < 32; ++i) {
    std::uint64_t bits = f(i);
    archive(bits);
    if (archive.loading()) set_f(i, bits);
  }
  std::vector<std::uint64_t> addresses;
  for (const Direct& region : regions_) addresses.push_back(region.address);
  archive(addresses);
  if (!archive.loading()) return;
  for (const std::uint64_t address : addresses) map_direct(surroundings_.direct(address, false));
}

}  // namespace tandem::cpu
