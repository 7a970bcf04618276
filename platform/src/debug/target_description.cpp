// SPDX-License-Identifier: Apache-2.0
#include "debug/target_description.h"

#include <algorithm>

#include "debug/hart.h"

namespace tandem::platform::debug {
namespace {

struct CsrName {
  unsigned number;
  const char* name;
};

constexpr CsrName kFloatCsrs[] = {{0x001, "fflags"}, {0x002, "frm"}, {0x003, "fcsr"}};
// Those that the hart has.
constexpr CsrName kCsrs[] = {
    {0x300, "mstatus"}, {0x304, "mie"},      {0x305, "mtvec"}, {0x340, "mscratch"},
    {0x341, "mepc"},    {0x342, "mcause"},   {0x343, "mtval"}, {0x344, "mip"},
    {0xB00, "mcycle"},  {0xB02, "minstret"}, {0xC00, "cycle"}, {0xC01, "time"},
    {0xC02, "instret"}, {0xF14, "mhartid"},
};

constexpr const char* kIntegerNames[] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                         "fp",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                         "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                         "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
constexpr const char* kFloatNames[] = {"ft0", "ft1", "ft2",  "ft3",  "ft4", "ft5", "ft6",  "ft7",
                                       "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
                                       "fa6", "fa7", "fs2",  "fs3",  "fs4", "fs5", "fs6",  "fs7",
                                       "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};

std::string reg(const char* name, unsigned bits, unsigned number, const char* type) {
  return std::string("    <reg name=\"") + name + "\" bitsize=\"" + std::to_string(bits) +
         "\" regnum=\"" + std::to_string(number) + "\" type=\"" + type + "\"/>\n";
}

std::string feature(const char* name, const std::string& registers) {
  return std::string("  <feature name=\"org.gnu.gdb.riscv.") + name + "\">\n" + registers +
         "  </feature>\n";
}

std::string make_description() {
  std::string integers;
  for (unsigned i = 0; i < Hart::kPc; ++i) integers += reg(kIntegerNames[i], 64, i, "int");
  integers += reg("pc", 64, Hart::kPc, "code_ptr");
  std::string floats;
  for (unsigned i = 0; i < Hart::kFirstCsr - Hart::kFirstFloat; ++i) {
    floats += reg(kFloatNames[i], 64, Hart::kFirstFloat + i, "ieee_double");
  }
  for (const CsrName& csr : kFloatCsrs) {
    floats += reg(csr.name, 64, Hart::kFirstCsr + csr.number, "int");
  }
  std::string csrs;
  for (const CsrName& csr : kCsrs) csrs += reg(csr.name, 64, Hart::kFirstCsr + csr.number, "int");
  return "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
         "<target version=\"1.0\">\n  <architecture>riscv:rv64</architecture>\n" +
         feature("cpu", integers) + feature("fpu", floats) + feature("csr", csrs) + "</target>\n";
}

}  // namespace

const std::string& target_description() {
  static const std::string text = make_description();
  return text;
}

bool is_described(unsigned register_number) {
  if (register_number < Hart::kFirstCsr) return true;
  const auto same = [&](const CsrName& csr) {
    return csr.number == register_number - Hart::kFirstCsr;
  };
  return std::any_of(std::begin(kFloatCsrs), std::end(kFloatCsrs), same) ||
         std::any_of(std::begin(kCsrs), std::end(kCsrs), same);
}

}  // namespace tandem::platform::debug
