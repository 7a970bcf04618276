// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "rig.h"
#include "tandem/observe/statistics.h"

using namespace tandem;
using test::address_of;
using test::HartRig;

namespace {

struct Trap {
  const char* program;
  const char* place;
  std::uint64_t cause;
  std::uint64_t value;
};

constexpr std::uint64_t kNothing = 0x0300'0000;
constexpr std::uint64_t kBuffer = test::Buffer::kBase;
constexpr std::uint64_t kMpp = 3u << 11;

constexpr Trap kTraps[] = {
    {"load_fault", "load_fault_at", 5, kNothing + 4},
    {"wide_fault", "wide_fault_at", 5, kNothing + 8},
    {"store_fault", "store_fault_at", 7, 0x0204'0000},
    {"illegal", "illegal_at", 2, 0xFFFF'FFFF},
    {"call", "call_at", 11, 0},
    {"break_point", "break_at", 3, 1},
    {"compressed_break", "compressed_break_at", 3, 1},
    {"read_only_counter", "read_only_counter_at", 2, 0xC005'9073},
    {"supervisor_return", "supervisor_return_at", 2, 0x1020'0073},
    {"supervisor_register", "supervisor_register_at", 2, 0x1405'9073},
    {"misaligned_load", "misaligned_load_at", 4, kBuffer + 2},
    {"misaligned_compressed", "misaligned_compressed_at", 4, kBuffer + 6},
    {"misaligned_store", "misaligned_store_at", 6, kBuffer + 4},
    {"atomic_fault", "atomic_fault_at", 7, kNothing},
    {"reserved_fault", "reserved_fault_at", 5, kNothing},
    {"compressed_illegal", "compressed_illegal_at", 2, 0},
    {"compressed_ld", "compressed_ld_at", 4, kBuffer + 2 + 0xA8},
    {"compressed_sw", "compressed_sw_at", 6, kBuffer + 2 + 0x54},
    {"compressed_sd", "compressed_sd_at", 6, kBuffer + 2 + 0x50},
    {"compressed_lwsp", "compressed_lwsp_at", 4, kBuffer + 2 + 0xB4},
    {"compressed_ldsp", "compressed_ldsp_at", 4, kBuffer + 2 + 0x1B8},
    {"compressed_swsp", "compressed_swsp_at", 6, kBuffer + 2 + 0x94},
    {"compressed_sdsp", "compressed_sdsp_at", 6, kBuffer + 2 + 0x158},
    {"negative_offset", "negative_offset_at", 4, kBuffer + 1},
};

}  // namespace

TEMPLATE_TEST_CASE_SIG(
    "riscv: an exception names its cause, place and value, and changes nothing else", "",
    ((std::size_t Index), Index), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
    19, 20, 21, 22, 23) {
  static_assert(std::size(kTraps) == 24);
  const Trap& trap = kTraps[Index];
  INFO(trap.program);
  HartRig rig(trap.program);
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == trap.cause);
  CHECK(rig.result(1) == address_of(trap.place));
  CHECK(rig.result(2) == (trap.cause == 3 ? address_of(trap.place) : trap.value));
  CHECK((rig.result(3) & kMpp) == kMpp);
  CHECK(rig.result(4) == 5);  // the register that the access would have changed
}

TEST_CASE("riscv: a misaligned atomic access of memory is an exception of a store") {
  HartRig rig("misaligned_atomic");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 6);
  CHECK(rig.result(1) == address_of("misaligned_atomic_at"));
  CHECK(rig.result(2) == address_of("scratch") + 2);
}

TEST_CASE("riscv: a jump to nowhere") {
  HartRig rig("nowhere");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 1);
  CHECK(rig.result(1) == kNothing);
  CHECK(rig.result(2) == kNothing);
}

// Adding 5 to EXIT, which was 0, sets STOPPED.
TEST_CASE("riscv: an atomic access to a register is a load and a store") {
  HartRig rig("atomic_register");
  rig.run();
  CHECK(rig.exit_status == 0u);
  rig.run();  // the write that ended the first run is answered
  CHECK(rig.cpu.read_register(11) == 0);
  observe::StatisticsTable table;
  rig.cpu.collect(table);
  CHECK(table.find("bus_reads")->integer == 1);
}

TEST_CASE("riscv: an exception without a handler ends the program") {
  HartRig rig("no_handler");
  rig.run();
  CHECK_FALSE(rig.exit_status.has_value());
  CHECK(rig.cpu.finished());
  CHECK_THAT(rig.cpu.fault(),
             Catch::Contains("store access fault") && Catch::Contains("(no_handler_at)") &&
                 Catch::Contains("address 0x3000000") && Catch::Contains("mtvec is 0"));
}

TEST_CASE("riscv: a handler that traps itself ends the program") {
  HartRig rig("lost_stack");
  rig.run();
  CHECK(rig.cpu.finished());
  CHECK_THAT(rig.cpu.fault(), Catch::Contains("does not return") &&
                                  Catch::Contains("101 exceptions without an MRET") &&
                                  Catch::Contains("store access fault"));
}

TEST_CASE("riscv: there is no user mode") {
  HartRig rig("to_user_mode");
  rig.run();
  CHECK(rig.cpu.finished());
  CHECK_THAT(rig.cpu.fault(), Catch::Contains("leaves machine mode"));
}

TEST_CASE("riscv: after a lock-up a reset starts the program again") {
  HartRig rig("no_handler");
  rig.run();
  REQUIRE(rig.cpu.finished());
  rig.reset = true;
  sc_core::sc_start(1, sc_core::SC_US);
  rig.reset = false;
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  const std::uint64_t before = rig.cpu.instructions();
  rig.run();
  CHECK(rig.cpu.finished());
  CHECK(rig.cpu.instructions() > before);
}

TEST_CASE("riscv: misa names no other mode than machine mode") {
  HartRig rig("extensions");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  const auto bit = [](char letter) { return std::uint64_t{1} << (letter - 'A'); };
  CHECK(rig.result(0) == ((std::uint64_t{2} << 62) | bit('A') | bit('C') | bit('D') | bit('F') |
                          bit('I') | bit('M')));
}

TEST_CASE("riscv: an instruction cut off by the end of memory faults where it begins") {
  HartRig rig("cut_off");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 1);
  CHECK(rig.result(1) == kBuffer + test::Buffer::kBytes - 2);
  CHECK(rig.result(2) == kBuffer + test::Buffer::kBytes);
  CHECK(rig.result(5) == 4);  // twice, those before it were executed
}

TEST_CASE("riscv: an odd mepc leads to an even pc") {
  HartRig rig("odd_mepc");
  rig.run();
  REQUIRE(rig.exit_status == 0u);
  CHECK(rig.result(0) == 0);
}

TEST_CASE("riscv: an interrupt without a handler ends the program") {
  HartRig rig("unhandled_interrupt");
  rig.run();
  CHECK(rig.cpu.finished());
  CHECK_THAT(rig.cpu.fault(), Catch::Contains("external interrupt at pc") &&
                                  Catch::Contains("(unhandled_interrupt+0x") &&
                                  Catch::Contains("mtvec is 0"));
}
