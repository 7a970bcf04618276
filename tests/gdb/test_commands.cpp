// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>

#include "debug/commands.h"
#include "debug/monitor.h"
#include "debug/packet.h"
#include "debug/target_description.h"
#include "fake_hart.h"
#include "tandem/abi/tables.h"

using namespace tandem::platform::debug;
using tandem::test::FakeHart;

namespace {

class Rig {
 public:
  std::string reply(const std::string& packet) {
    const Answer answer = commands.execute(packet);
    return answer.packets.empty() ? "(none)" : answer.packets.back();
  }

  FakeHart hart;
  Commands commands{hart, [](const std::string& line) { return "said " + line; }};
};

}  // namespace

TEST_CASE("gdb commands: registers, all and one by one") {
  Rig rig;
  rig.hart.registers = {{1, 0x1122334455667788}, {32, 0x40000000}, {33, 7}, {65 + 0x342, 11}};
  const std::string all = rig.reply("g");
  REQUIRE(all.size() == 33 * 16);
  CHECK(all.substr(16, 16) == "8877665544332211");
  CHECK(all.substr(32 * 16) == "0000004000000000");
  CHECK(rig.reply("p21") == "0700000000000000");
  CHECK(rig.reply("p383") == "0b00000000000000");
  CHECK(rig.reply("P1=0100000000000000") == "OK");
  CHECK(rig.hart.registers[1] == 1);
  std::string changed = all;
  changed.replace(2 * 16, 2, "2a");
  CHECK(rig.reply("G" + changed) == "OK");
  CHECK(rig.hart.registers[2] == 0x2a);
  CHECK(rig.hart.registers[1] == 0x1122334455667788);
  CHECK(rig.reply("Pf55=0100000000000000") == "E0e");  // mhartid
  for (const char* wrong :
       {"p", "px", "p64", "p10021", "pffffffffffffffff", "P1", "P1=01", "G00"}) {
    CAPTURE(wrong);
    CHECK(rig.reply(wrong) == "E16");
  }
}

TEST_CASE("gdb commands: memory, as far as there is any") {
  Rig rig;
  CHECK(rig.reply("M1000,3:010203") == "OK");
  CHECK(rig.reply("m1000,4") == "01020300");
  CHECK(rig.reply(std::string("X1001,2:\x7f\x00", 10)) == "OK");
  CHECK(rig.reply("m1000,4") == "017f0000");
  CHECK(rig.reply("m10fe,8") == "0000");  // the end
  CHECK(rig.reply("X1000,0:") == "OK");   // gdb asks so whether X is known
  CHECK(rig.reply("m2000,4") == "E0e");
  CHECK(rig.reply("M10ff,2:0102") == "E0e");
  for (const char* wrong :
       {"m", "m1000", "m1000,", "m,4", "mx,4", "M1000,2:01", "M1000,1:0", "X1000,2:a"}) {
    CAPTURE(wrong);
    CHECK(rig.reply(wrong) == "E16");
  }
}

TEST_CASE("gdb commands: breakpoints, and watchpoints of changes only") {
  Rig rig;
  CHECK(rig.reply("Z0,1000,2") == "OK");
  CHECK(rig.reply("Z1,1004,4") == "OK");
  CHECK(rig.hart.breakpoints == std::set<std::uint64_t>{0x1000, 0x1004});
  CHECK(rig.reply("z0,1000,2") == "OK");
  CHECK(rig.hart.breakpoints == std::set<std::uint64_t>{0x1004});
  CHECK(rig.reply("Z2,1010,8") == "OK");
  CHECK(rig.hart.watchpoints.count({0x1010, 8}) == 1);
  CHECK(rig.reply("z2,1010,8") == "OK");
  CHECK(rig.hart.watchpoints.empty());
  CHECK(rig.reply("Z2,2000,8") == "E0e");
  CHECK(rig.reply("Z2,1000,0") == "E16");
  CHECK(rig.reply("Z3,1000,8").empty());
  CHECK(rig.reply("Z4,1000,8").empty());
  CHECK(rig.reply("Z0,").substr(0, 1) == "E");
}

TEST_CASE("gdb commands: how the hart goes on") {
  Rig rig;
  const auto next = [&](const char* packet) { return rig.commands.execute(packet).next; };
  CHECK(next("c") == Next::kContinue);
  CHECK(next("s") == Next::kStep);
  CHECK(next("C05") == Next::kContinue);
  CHECK(next("vCont;c") == Next::kContinue);
  CHECK(next("vCont;s:1;c") == Next::kStep);
  CHECK(next("vCont;s:7;c") == Next::kContinue);
  CHECK(next("vCont;t") == Next::kStay);
  CHECK(next("D") == Next::kDetach);
  CHECK(next("k") == Next::kKill);
  CHECK(next("vKill;1") == Next::kKill);
  CHECK(next("c1004") == Next::kContinue);
  CHECK(rig.hart.registers[Hart::kPc] == 0x1004);
  CHECK(next("cx") == Next::kStay);
  CHECK(rig.reply("vCont;x") == "E16");
  CHECK(rig.reply("vCont;") == "E16");
}

TEST_CASE("gdb commands: why the hart stands") {
  Rig rig;
  rig.commands.set_stop(stop_reply(5));
  CHECK(rig.reply("?") == "T05thread:1;");
  CHECK(watch_reply(0xabc) == "T05thread:1;watch:abc;");
  CHECK(exit_reply(0) == "W00");
}

TEST_CASE("gdb commands: one thread") {
  Rig rig;
  CHECK(rig.reply("qC") == "QC1");
  CHECK(rig.reply("qfThreadInfo") == "m1");
  CHECK(rig.reply("qsThreadInfo") == "l");
  CHECK(rig.reply("Hg0") == "OK");
  CHECK(rig.reply("Hc-1") == "OK");
  CHECK(rig.reply("Hg2") == "E16");
  CHECK(rig.reply("H") == "E16");
  CHECK(rig.reply("T1") == "OK");
  CHECK(rig.reply("T2") == "E16");
  CHECK(rig.reply("qAttached") == "1");
}

TEST_CASE("gdb commands: what is offered, and the description of the registers in pieces") {
  Rig rig;
  CHECK_THAT(rig.reply("qSupported:swbreak+"),
             Catch::Contains("PacketSize=4000") && Catch::Contains("qXfer:features:read+"));
  std::string text;
  std::string piece = "m";
  while (piece[0] == 'm') {
    char packet[64];
    std::snprintf(packet, sizeof packet, "qXfer:features:read:target.xml:%zx,100", text.size());
    piece = rig.reply(packet);
    text += piece.substr(1);
  }
  CHECK(text == target_description());
  CHECK_THAT(text, Catch::Contains("riscv:rv64") && Catch::Contains("name=\"mepc\""));
  CHECK(rig.reply("qXfer:features:read:other.xml:0,100") == "E00");
  CHECK_FALSE(rig.commands.without_acks());
  CHECK(rig.reply("QStartNoAckMode") == "OK");
  CHECK(rig.commands.without_acks());
}

TEST_CASE("gdb commands: what is unknown is answered with nothing") {
  Rig rig;
  for (const char* unknown :
       {"", "vMustReplyEmpty", "QNonStop:1", "qSymbol::", "!", "R00", "vFile:open:"}) {
    CAPTURE(unknown);
    CHECK(rig.reply(unknown).empty());
  }
}

TEST_CASE("gdb commands: monitor") {
  Rig rig;
  const Answer answer = rig.commands.execute("qRcmd," + to_hex("time"));
  REQUIRE(answer.packets.size() == 2);
  CHECK(answer.packets[0] == "O" + to_hex("said time"));
  CHECK(answer.packets[1] == "OK");
  CHECK(rig.reply("qRcmd,0") == "E16");
}

TEST_CASE("gdb commands: random packets do no harm") {
  Rig rig;
  std::mt19937 random(1);
  const std::string letters = "?gGpPmMXcsCSZzHTDkvqQ0123456789abcdef,:;=-x\x7f";
  for (int i = 0; i < 100'000; ++i) {
    std::string packet;
    for (std::size_t n = random() % 24; n > 0; --n) packet += letters[random() % letters.size()];
    rig.commands.execute(packet);
  }
  CHECK(rig.reply("qC") == "QC1");
}

TEST_CASE("gdb monitor: time, registers by block and by name, help for the rest") {
  FakeHart hart;
  Monitor monitor(hart, {{&tandem::abi::npu::kBlock, FakeHart::kBase}});
  CHECK(monitor.execute("time") == "1500000 ps (1.500 us)\n");
  const std::uint32_t offset = tandem::abi::npu::CONTROL;
  hart.memory[offset] = 1;
  CHECK_THAT(monitor.execute("reg npu.control"), Catch::StartsWith("NPU.CONTROL."));
  CHECK_THAT(monitor.execute("registers NPU"),
             Catch::Contains("NPU.CONTROL") && Catch::Contains("NPU.STATUS"));
  CHECK_THAT(monitor.execute("registers"), Catch::Contains("0x1000"));
  CHECK_THAT(monitor.execute("registers nothing"), Catch::StartsWith("no register 'nothing'"));
  CHECK_THAT(monitor.execute("help"), Catch::Contains("monitor time"));
  CHECK_THAT(monitor.execute("tiem"), Catch::StartsWith("unknown command 'tiem'"));
  CHECK_THAT(monitor.execute("time now"), Catch::StartsWith("too many words"));
}
