// SPDX-License-Identifier: Apache-2.0
// One RV64GC hart on the Unicorn engine, without SystemC: it executes instructions, maps memory as
// they touch it, and stops before whatever it does not do itself.
#pragma once
#include <unicorn/unicorn.h>

#include <array>
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
  kMisa = 0x301,
  kMie = 0x304,
  kMtvec = 0x305,
  kMscratch = 0x340,
  kMepc = 0x341,
  kMcause = 0x342,
  kMtval = 0x343,
  kMip = 0x344,
  kMcountinhibit = 0x320,
  kMhpmevent3 = 0x323,
  kMhpmevent31 = 0x33F,
  kMcycle = 0xB00,
  kMinstret = 0xB02,
  kMhpmcounter3 = 0xB03,
  kMhpmcounter31 = 0xB1F,
  kCycle = 0xC00,
  kTime = 0xC01,
  kInstret = 0xC02,
  kHpmcounter3 = 0xC03,
  kHpmcounter31 = 0xC1F,
  kMvendorid = 0xF11,
  kMarchid = 0xF12,
  kMimpid = 0xF13,
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
    kException,    // cause() says which; address() is where, if data are misaligned
    kLoadFault,    // address() is where
    kStoreFault,   // address() is where
    kFetchFault,   // address() is where; pc() is the instruction, which may begin before it
    kBreakpoint,   // before the instruction at pc()
    kEngineError,  // error() of Unicorn
  };

  explicit Engine(Surroundings& surroundings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Executes at most `instructions` from pc() on. The instruction at pc() has not been executed
  // when it returns, unless it is the cause of an exception that comes after it.
  void run(std::uint64_t instructions);
  // Executes the one instruction at pc(), of the SYSTEM opcode too.
  void run_one_native();
  Stop why() const { return why_; }  // it has stopped
  // Takes the instruction at pc() as executed by other means.
  void retire(std::uint64_t next_pc) {
    ++executed_;
    pc_ = next_pc;
  }
  // To be called from inside run(): ends it before the next instruction.
  void end_soon() { limit_ = executed_; }
  // The same, after some more of them, unless memory is to be mapped otherwise first.
  void end_after(std::uint64_t instructions) {
    if (withdrawn_.empty() && reconsidered_.empty()) limit_ = executed_ + instructions;
  }

  std::uint64_t pc() const { return pc_; }
  void set_pc(std::uint64_t pc) { pc_ = pc & ~std::uint64_t{1}; }
  std::uint64_t x(unsigned index) const;
  void set_x(unsigned index, std::uint64_t value);
  std::uint64_t f(unsigned index) const;  // raw bits
  void set_f(unsigned index, std::uint64_t bits);
  std::uint64_t csr(std::uint32_t number) const;  // 0 for one that this engine does not know
  bool set_csr(std::uint32_t number, std::uint64_t value);
  static bool has_csr(std::uint32_t number);
  // The instruction at pc(), 16 bits of a compressed one; 0 if there is no memory.
  std::uint32_t instruction();

  std::uint64_t executed() const { return executed_; }
  std::uint32_t cause() const { return cause_; }
  std::uint64_t address() const { return fault_address_; }
  const char* error() const { return uc_strerror(error_); }

  void check_breakpoints(bool on) { check_breakpoints_ = on; }
  // Direct memory between these addresses is not to be used any more. Inside run() it takes effect
  // before the next instruction.
  void withdraw(std::uint64_t first, std::uint64_t last);
  // Memory at this address may be direct now, although it was not.
  void reconsider(std::uint64_t address);
  // While it does not run; into a new one. Registers, and which memory is direct.
  template <typename Archive>
  void archive(Archive& archive);
  // Code may have changed behind the engine's back. Not from inside run().
  void forget_code();

 private:
  struct Page {  // not direct: every access is a call
    Engine* engine;
    std::uint64_t address;
    bool hopeless;  // direct access was asked for, and does not hold for a whole page
  };
  struct Range {
    std::uint64_t first;
    std::uint64_t last;
  };
  static constexpr std::size_t kRegisters = 32;
  static constexpr std::size_t kEngineCsrs = 10;
  // All that a program can set.
  struct Registers {
    std::array<std::uint64_t, kRegisters> x;
    std::array<std::uint64_t, kRegisters> f;
    std::array<std::uint64_t, kEngineCsrs> csrs;  // in the order of the engine's table
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
  void start_again();
  void start(std::uint64_t instructions);
  void fault(Stop why, std::uint64_t address);
  void fetch_failed(std::uint64_t address);
  struct Access {
    std::uint64_t address;
    unsigned bytes;
    bool is_store;
  };
  Access access();
  bool is_misaligned();
  bool refuses_misaligned();
  std::uint64_t engine_pc() const;
  Registers registers();
  void set_registers(const Registers& registers);
  bool map(std::uint64_t address, bool fetch);
  static Direct whole_pages(Direct direct);
  bool map_direct(const Direct& direct);
  bool map_page(std::uint64_t address);
  bool is_mapped(std::uint64_t first, std::uint64_t last) const;
  const Direct* region(std::uint64_t address) const;
  bool has_page(std::uint64_t first, std::uint64_t last) const;
  void unmap_withdrawn();
  void unmap_reconsidered();
  bool stops_before(std::uint64_t address);
  bool is_system(std::uint64_t address);

  Surroundings& surroundings_;
  uc_engine* uc_ = nullptr;
  std::vector<Direct> regions_;
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<Range> withdrawn_;     // direct memory to be unmapped after the run
  std::vector<Range> reconsidered_;  // pages to be unmapped after the run
  Direct code_;                      // the region of the instruction before

  std::uint64_t pc_ = 0;
  std::uint64_t executed_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t system_pc_ = ~std::uint64_t{0};  // of the block that is being executed, if any
  bool running_ = false;
  bool native_ = false;  // the next instruction is executed whatever it is
  bool check_breakpoints_ = false;
  bool stopped_ = false;
  bool again_ = false;  // the run is to go on at pc_, once memory is mapped otherwise
  std::uint64_t until_ = ~std::uint64_t{0};  // where it goes on again, if it gets there
  Stop why_ = Stop::kBudget;
  std::uint32_t cause_ = 0;
  std::uint64_t fault_address_ = 0;
  uc_err error_ = UC_ERR_OK;
};

template <typename Archive>
void Engine::archive(Archive& archive) {
  archive(pc_, executed_);
  Registers all = registers();
  for (std::uint64_t& value : all.csrs) archive(value);
  for (std::uint64_t& value : all.x) archive(value);
  for (std::uint64_t& bits : all.f) archive(bits);
  if (archive.loading()) set_registers(all);
  std::vector<std::uint64_t> of_data;
  std::vector<std::uint64_t> of_code;  // that is all that can be done there
  for (const Direct& region : regions_) {
    (region.writable ? of_data : of_code).push_back(region.address);
  }
  archive(of_data, of_code);
  if (!archive.loading()) return;
  for (const std::uint64_t address : of_data) {
    map_direct(whole_pages(surroundings_.direct(address, false)));
  }
  for (const std::uint64_t address : of_code) {
    map_direct(whole_pages(surroundings_.direct(address, true)));
  }
}

}  // namespace tandem::cpu
