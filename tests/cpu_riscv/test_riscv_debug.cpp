// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "rig.h"

using namespace tandem;
using cpu::CpuDebugger;
using test::address_of;
using test::HartRig;

namespace {

// Notes every halt, and does what a test wants done there.
class Notes : public CpuDebugger {
 public:
  struct Seen {
    Reason reason;
    std::uint64_t pc;
    std::uint64_t address;
    std::uint64_t time_ps;
  };
  using Action = std::function<Resume(cpu::RiscvCpu&, const Seen&)>;

  explicit Notes(Action action) : action_(std::move(action)) {}

  Resume halted(cpu::RiscvCpu& cpu, const Halt& halt) override {
    halts.push_back({halt.reason, cpu.read_register(cpu::RiscvCpu::kPcRegister), halt.address,
                     common::now_ps()});
    return action_(cpu, halts.back());
  }
  bool wants_halt() override { return std::exchange(request, false); }

  bool request = true;
  std::vector<Seen> halts;

 private:
  Action action_;
};

}  // namespace

TEST_CASE("riscv: a debugger halts the hart before its first instruction, and at a breakpoint") {
  HartRig rig("count");
  Notes notes([](cpu::RiscvCpu& cpu, const Notes::Seen& seen) {
    if (seen.reason == CpuDebugger::Reason::kRequest) cpu.add_breakpoint(address_of("count_end"));
    const bool first = seen.reason == CpuDebugger::Reason::kRequest;
    return first ? CpuDebugger::Resume::kContinue : CpuDebugger::Resume::kDetach;
  });
  rig.cpu.attach(&notes);
  sc_core::sc_start(3, sc_core::SC_US);
  REQUIRE(notes.halts.size() == 2);
  CHECK(notes.halts[0].pc == address_of("count"));
  CHECK(notes.halts[1].reason == CpuDebugger::Reason::kBreakpoint);
  CHECK(notes.halts[1].pc == address_of("count_end"));
}

TEST_CASE("riscv: a breakpoint at the entry is met after a reset too") {
  HartRig rig("timer_sleep");
  Notes notes([](cpu::RiscvCpu& cpu, const Notes::Seen& seen) {
    if (seen.reason == CpuDebugger::Reason::kRequest) cpu.add_breakpoint(address_of("timer_sleep"));
    return CpuDebugger::Resume::kContinue;
  });
  rig.cpu.attach(&notes);
  sc_core::sc_start(2, sc_core::SC_US);
  CHECK(notes.halts.size() == 1);
  rig.reset = true;
  sc_core::sc_start(1, sc_core::SC_US);
  rig.reset = false;
  rig.run();
  REQUIRE(notes.halts.size() == 2);
  CHECK(notes.halts[1].reason == CpuDebugger::Reason::kBreakpoint);
  CHECK(notes.halts[1].pc == address_of("timer_sleep"));
}

TEST_CASE("riscv: a breakpoint in the handler, then steps") {
  HartRig rig("load_fault");
  Notes notes([](cpu::RiscvCpu& cpu, const Notes::Seen& seen) {
    if (seen.reason == CpuDebugger::Reason::kRequest) cpu.add_breakpoint(address_of("note_trap"));
    const bool go_on =
        seen.reason == CpuDebugger::Reason::kRequest || seen.pc >= address_of("note_trap") + 8;
    return go_on ? CpuDebugger::Resume::kContinue : CpuDebugger::Resume::kStep;
  });
  rig.cpu.attach(&notes);
  rig.run();
  CHECK(rig.exit_status == 0u);
  CHECK(rig.result(0) == 5);
  REQUIRE(notes.halts.size() >= 3);
  CHECK(notes.halts[1].reason == CpuDebugger::Reason::kBreakpoint);
  CHECK(notes.halts[1].pc == address_of("note_trap"));
  CHECK(notes.halts[2].reason == CpuDebugger::Reason::kStep);
  CHECK(notes.halts[2].pc == address_of("note_trap") + 4);
}

TEST_CASE("riscv: a watchpoint shows what changed the memory, the program or somebody else") {
  HartRig rig("timer_sleep");
  const std::uint64_t watched = address_of("results") + 8 * 7;
  Notes notes([&](cpu::RiscvCpu& cpu, const Notes::Seen& seen) {
    if (seen.reason == CpuDebugger::Reason::kRequest) {
      cpu.add_watchpoint(watched, 8);
      cpu.add_watchpoint(address_of("results"), 8);
    }
    return CpuDebugger::Resume::kContinue;
  });
  rig.cpu.attach(&notes);
  sc_core::sc_start(3, sc_core::SC_US);  // asleep
  const std::uint64_t value = 42;
  rig.memory.store().write(watched - test::kMemory, &value, sizeof value);
  rig.run();
  CHECK(rig.exit_status == 0u);
  REQUIRE(notes.halts.size() == 3);
  CHECK(notes.halts[1].reason == CpuDebugger::Reason::kWatchpoint);
  CHECK(notes.halts[1].address == watched);
  CHECK(notes.halts[1].time_ps < 4'100'000);
  CHECK(notes.halts[2].address == address_of("results"));
}

TEST_CASE("riscv: a debugger reads and writes registers and memory, and leaves") {
  HartRig rig("count_end");  // for ever
  Notes notes([](cpu::RiscvCpu& cpu, const Notes::Seen&) {
    CHECK(cpu.read_register(10) == 3);       // a0: hart
    CHECK(cpu.read_register(11) == 0x1234);  // a1: boot information
    CHECK(cpu.write_register(cpu::RiscvCpu::kPcRegister, address_of("arithmetic")));
    CHECK(cpu.write_register(cpu::RiscvCpu::kFirstCsrRegister + 0x340, 99));
    CHECK(cpu.read_register(cpu::RiscvCpu::kFirstCsrRegister + 0x340) == 99);
    CHECK(cpu.write_register(cpu::RiscvCpu::kFirstFloatRegister + 1, 77));
    CHECK(cpu.read_register(cpu::RiscvCpu::kFirstFloatRegister + 1) == 77);
    const unsigned char bytes[] = {1, 2, 3};
    unsigned char read[3] = {};
    CHECK(cpu.write_memory(address_of("results") + 56, bytes, 3) == 3);
    CHECK(cpu.read_memory(address_of("results") + 56, read, 3) == 3);
    CHECK(read[2] == 3);
    CHECK(cpu.read_memory(0x0300'0000, read, 3) == 0);
    return CpuDebugger::Resume::kDetach;
  });
  rig.cpu.attach(&notes);
  rig.run();
  CHECK(notes.halts.size() == 1);
  CHECK(rig.exit_status == 0u);
  CHECK(rig.result(7) == 0x030201);
}

TEST_CASE(
    "riscv: a breakpoint in a loop stops each time round, until the debugger kills the hart") {
  HartRig rig("count_end");  // one instruction, for ever
  const std::uint64_t loop = address_of("count_end");
  Notes notes([&](cpu::RiscvCpu& cpu, const Notes::Seen& seen) {
    if (seen.reason == CpuDebugger::Reason::kRequest) {
      cpu.add_breakpoint(loop);
      cpu.add_breakpoint(loop);
      cpu.remove_breakpoint(loop);  // one of the two stays
    }
    return cpu.instructions() < 5 ? CpuDebugger::Resume::kContinue : CpuDebugger::Resume::kKill;
  });
  rig.cpu.attach(&notes);
  rig.run();
  REQUIRE(notes.halts.size() == 6);
  CHECK(notes.halts[5].reason == CpuDebugger::Reason::kBreakpoint);
  CHECK(rig.cpu.instructions() == 5);
  CHECK(rig.cpu.finished());
  CHECK(rig.cpu.fault() == "the debugger has ended the run");
}

TEST_CASE("riscv: a debugger sees why the hart is locked up, and where") {
  HartRig rig("no_handler");
  std::vector<CpuDebugger::Halt> halts;
  class Keeper : public CpuDebugger {
   public:
    explicit Keeper(std::vector<Halt>& halts) : halts_(halts) {}
    Resume halted(cpu::RiscvCpu&, const Halt& halt) override {
      halts_.push_back(halt);
      return Resume::kContinue;
    }
    bool wants_halt() override { return false; }

   private:
    std::vector<Halt>& halts_;
  } keeper(halts);
  rig.cpu.attach(&keeper);
  rig.run();
  REQUIRE(halts.size() == 1);
  CHECK(halts[0].reason == CpuDebugger::Reason::kLockedUp);
  CHECK(halts[0].why == rig.cpu.fault());
  CHECK_THAT(halts[0].why, Catch::Contains("no trap handler is set"));
}

TEST_CASE("riscv: halts and steps move nothing in time") {
  HartRig alone("timer_sleep", 1'000'000, "alone");
  HartRig stepped("timer_sleep", 1'000'000, "stepped");
  // Until it sleeps: a step takes no interrupt.
  Notes notes([](cpu::RiscvCpu& cpu, const Notes::Seen&) {
    const bool asleep = cpu.local_time_ps() > 4'000'000;
    return asleep ? CpuDebugger::Resume::kContinue : CpuDebugger::Resume::kStep;
  });
  stepped.cpu.attach(&notes);
  alone.run();
  stepped.run();
  CHECK(notes.halts.size() > 10);
  CHECK(stepped.cpu.instructions() == alone.cpu.instructions());
  CHECK(stepped.cpu.work().busy_ps == alone.cpu.work().busy_ps);
  CHECK(stepped.result(0) == alone.result(0));
}

TEST_CASE("riscv: code that a debugger writes is executed at once") {
  HartRig rig("count_end");  // for ever
  const std::uint64_t loop = address_of("count_end");
  Notes notes([&](cpu::RiscvCpu& cpu, const Notes::Seen& seen) {
    if (cpu.instructions() < 1000) return CpuDebugger::Resume::kContinue;
    if (seen.reason == CpuDebugger::Reason::kStep) return CpuDebugger::Resume::kKill;
    const unsigned char nop[] = {0x01, 0x00};
    CHECK(cpu.write_memory(loop, nop, sizeof nop) == sizeof nop);
    return CpuDebugger::Resume::kStep;
  });
  rig.cpu.attach(&notes);
  sc_core::sc_start(3, sc_core::SC_US);
  notes.request = true;
  rig.run();
  REQUIRE(notes.halts.size() == 3);
  CHECK(notes.halts[1].pc == loop);
  CHECK(notes.halts[2].pc == loop + 2);
}
