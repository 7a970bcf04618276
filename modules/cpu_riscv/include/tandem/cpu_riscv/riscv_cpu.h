// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tandem/common/alarm.h"
#include "tandem/cpu/control_cpu.h"

namespace tandem::cpu {

class Engine;
class RiscvCpu;

// Stands beside a hart: decides when it halts, and holds it there. While halted() has not returned,
// simulated time stands still.
class CpuDebugger {
 public:
  enum class Reason { kAttached, kBreakpoint, kStep, kWatchpoint, kRequest, kLockedUp };
  struct Halt {
    Reason reason = Reason::kAttached;
    std::uint64_t address = 0;  // of the memory that has changed (kWatchpoint)
    std::uint64_t cause = 0;    // as in mcause (kLockedUp)
    std::string why = {};       // in words (kLockedUp)
  };
  // kKill: the hart executes nothing more, and finishes with a fault.
  enum class Resume { kContinue, kStep, kDetach, kKill };

  virtual ~CpuDebugger() = default;
  virtual Resume halted(RiscvCpu& cpu, const Halt& halt) = 0;
  // Asked before each stretch of instructions; while the hart sleeps only if memory is watched.
  virtual bool wants_halt() = 0;
};

// One RV64GC hart in machine mode: executes what lies in memory, through two sockets. Every
// instruction takes the same time; loads and stores take what the bus says, except in memory that
// grants direct access. Interrupts are taken when the hart meets the kernel: after each quantum,
// after WFI and after instructions that may enable them.
class RiscvCpu : public ControlCpu {
 public:
  struct Config {
    std::uint64_t entry = 0;                   // pc after reset
    std::uint64_t boot_info_address = 0;       // in a1 after reset
    std::uint64_t hart_id = 0;                 // in a0 after reset, and in mhartid
    std::uint64_t clock_period_ps = 1'000;     // > 0
    std::uint32_t cycles_per_instruction = 1;  // > 0
    std::uint64_t quantum_ps = 1'000'000;   // the hart runs ahead of the kernel at most so far, > 0
    std::uint32_t most_nested_traps = 100;  // so many without an MRET: the hart is locked up, > 0
    // Names a place in the program, for messages; may be empty, or return an empty text.
    std::function<std::string(std::uint64_t address)> symbol_of;

    // Throws std::invalid_argument naming the field, its value and the rule.
    void validate() const;
  };

  tlm_utils::simple_initiator_socket<RiscvCpu> data;   // LT, one access at a time, 1..8 bytes, DMI
  tlm_utils::simple_initiator_socket<RiscvCpu> fetch;  // DMI only: code must lie in such memory
  common::ResetPort timer_irq;                         // level, to mip.MTIP; optional

  RiscvCpu(const sc_core::sc_module_name& name, const Config& config);
  ~RiscvCpu() override;

  tlm::tlm_initiator_socket<>& data_bus() override { return data; }
  tlm::tlm_initiator_socket<>* fetch_bus() override { return &fetch; }
  common::ResetPort* timer_irq_port() override { return &timer_irq; }

  // The next instruction, with its symbol if there is one: "0x40000010 (hal_wait+0x8)".
  std::string position() const override;
  std::uint64_t instructions() const;
  // Of the hart, which may run ahead of the kernel by a quantum.
  std::uint64_t local_time_ps() const;

  Work work() const override;
  void set_timeline(observe::Timeline* timeline) override;
  void collect(observe::StatisticsSink& sink) const override;
  // Between two instructions, where the hart meets the kernel; without a debugger. A reservation
  // of LR is given up.
  bool has_save_points() const override { return debugger_ == nullptr; }
  void archive(common::Archive& archive) override;

  // From before the simulation starts; nullptr: none. The debugger must outlive the simulation. It
  // gets the hart before the first instruction. A step takes no interrupt (as with dcsr.stepie =
  // 0), and one over WFI ends when the hart wakes up. Else halts change nothing, unless memory is
  // watched while the hart sleeps: looking at it may change the order of what happens at one time.
  void attach(CpuDebugger* debugger);

  // For a debugger. Registers as gdb numbers them: 0..31 x, 32 pc, 33..64 f, 65 + n the CSR n.
  static constexpr unsigned kPcRegister = 32;
  static constexpr unsigned kFirstFloatRegister = 33;
  static constexpr unsigned kFirstCsrRegister = 65;
  std::uint64_t read_register(unsigned number) const;
  bool write_register(unsigned number, std::uint64_t value);
  // By debug transport: no time passes, nothing is triggered. Returns the bytes transferred.
  unsigned read_memory(std::uint64_t address, unsigned char* bytes, unsigned count);
  unsigned write_memory(std::uint64_t address, const unsigned char* bytes, unsigned count);
  void add_breakpoint(std::uint64_t address);
  void remove_breakpoint(std::uint64_t address);
  // The hart halts when the bytes have changed, whoever wrote them: after the hart's own store,
  // and within a quantum of that of others.
  void add_watchpoint(std::uint64_t address, unsigned bytes);
  void remove_watchpoint(std::uint64_t address, unsigned bytes);

 private:
  class Surroundings;
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
  struct Counters {
    std::uint64_t loads = 0;
    std::uint64_t stores = 0;
    std::uint64_t bus_errors = 0;
    std::uint64_t direct_regions = 0;
    std::uint64_t exceptions = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t interrupt_latency_ps = 0;
    std::uint64_t sleeps = 0;
    std::uint64_t synchronisations = 0;
    std::uint64_t resets = 0;
    std::uint64_t busy_ps = 0;
    std::uint64_t bus_ps = 0;
    std::uint64_t idle_ps = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(loads, stores, bus_errors, direct_regions, exceptions, interrupts);
      archive(interrupt_latency_ps, sleeps, synchronisations, resets, busy_ps, bus_ps, idle_ps);
    }
  };
  struct Watchpoint {
    std::uint64_t address;
    std::vector<unsigned char> bytes;  // as last seen
  };

  void run();
  void run_until_reset();
  void execute();
  void handle_stop();
  void on_reset();
  void on_irq();
  void start_program();

  std::uint64_t budget() const;
  void engine_exception();
  bool executes(std::uint32_t instruction) const;
  void system_instruction();
  void csr_instruction(std::uint32_t instruction);
  // Registers that the hart keeps, not the engine. False: another one.
  bool own_csr(std::uint32_t number, std::uint64_t& value) const;
  bool write_own_csr(std::uint32_t number, std::uint64_t value);
  void execute_natively();
  void wait_for_interrupt();
  // Until something happens. False: a debugger has set the pc.
  bool sleep_a_while();
  void exception(std::uint32_t cause, std::uint64_t value);
  void take_interrupt();
  void enter_trap(std::uint64_t cause, std::uint64_t value);
  void return_from_trap();
  std::uint64_t pending() const;
  void settle_lines();
  void lock_up(const std::string& why, std::uint64_t cause);
  std::string place(std::uint64_t address) const;  // with its symbol, if it has one
  std::string trap_text(std::uint64_t cause, std::uint64_t value) const;

  bool transport(tlm::tlm_command command, std::uint64_t address, unsigned bytes,
                 std::uint64_t& value);
  void invalidate(sc_dt::uint64 first, sc_dt::uint64 last);

  std::uint64_t instruction_ps() const;
  void account_instructions();
  void synchronise();
  void begin_slice();
  void end_slice();

  void meet_debugger();
  void halt(const CpuDebugger::Halt& halt);
  bool watched_memory_changed(std::uint64_t& address);
  bool has_breakpoint(std::uint64_t pc) const;

  Config config_;
  std::unique_ptr<Surroundings> surroundings_;
  std::unique_ptr<Engine> engine_;
  common::Payload payload_;
  sc_core::sc_time ahead_;             // local time minus kernel time
  std::uint64_t accounted_ = 0;        // instructions that are in ahead_
  std::uint64_t executed_before_ = 0;  // by engines of former lives
  std::int64_t cycle_offset_ = 0;      // what mcycle was set to, beyond what was counted
  std::int64_t instret_offset_ = 0;
  std::uint32_t nested_traps_ = 0;
  bool aborted_ = false;    // a reset has come
  bool locked_up_ = false;  // the hart cannot go on
  bool bus_used_ = false;   // since the kernel has caught up: lines may be about to change
  std::uint64_t external_since_ps_ = 0;
  std::uint64_t timer_since_ps_ = 0;
  std::uint64_t lines_ = 0;  // when they changed last
  sc_core::sc_event reset_event_;
  sc_core::sc_event wake_up_;
  sc_core::sc_event caught_up_;
  common::Alarm catch_up_{[this] { caught_up_.notify(); }};
  Counters counters_;

  CpuDebugger* debugger_ = nullptr;
  bool single_step_ = false;
  bool at_breakpoint_ = false;  // the engine has stopped there
  // The instruction of the last halt, and the count then: its own breakpoint does not stop it
  // again.
  std::uint64_t halted_at_ = kNowhere;
  std::uint64_t halted_after_ = 0;
  std::vector<std::uint64_t> breakpoints_;
  std::vector<Watchpoint> watchpoints_;

  observe::Timeline* timeline_ = nullptr;
  observe::Timeline::Track track_ = 0;
  observe::Timeline::Name slice_name_ = 0;
  std::uint64_t slice_begin_ps_ = 0;
};

}  // namespace tandem::cpu
