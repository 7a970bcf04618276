// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "debug/connection.h"
#include "debug/packet.h"
#include "debug/server.h"
#include "tandem/platform/errors.h"

using namespace tandem::platform::debug;
using Kind = PacketReader::Kind;

namespace {

std::vector<PacketReader::Event> events_of(const std::string& bytes) {
  PacketReader reader;
  reader.feed(bytes);
  std::vector<PacketReader::Event> events;
  while (const auto event = reader.next()) events.push_back(*event);
  return events;
}

// Hands out prepared bytes, then is gone.
class Script : public Connection {
 public:
  Script(std::vector<std::string> input, std::string& sent)
      : input_(input.begin(), input.end()), sent_(sent) {}
  bool send(const std::string& bytes) override {
    sent_ += bytes;
    return true;
  }
  std::optional<std::string> receive(bool) override {
    if (input_.empty()) return {};
    const std::string next = input_.front();
    input_.pop_front();
    return next;
  }

 private:
  std::deque<std::string> input_;
  std::string& sent_;
};

}  // namespace

TEST_CASE("gdb packets: the checksum, and what must be escaped") {
  CHECK(frame("OK") == "$OK#9a");
  CHECK(frame("") == "$#00");
  CHECK(frame("a}b") == "$a}]b#9d");
  for (const char* text : {"", "m1000,4", "}#$*", "X\x03\x7d"}) {
    const auto events = events_of(frame(text));
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Kind::kPacket);
    CHECK(events[0].text == text);
  }
}

TEST_CASE("gdb packets: damaged ones are told from whole ones, whatever lies between") {
  const auto events = events_of("+noise$OK#9b$OK#zz$lost$OK#9a\x03-");
  REQUIRE(events.size() == 6);
  CHECK(events[0].kind == Kind::kAck);
  CHECK(events[1].kind == Kind::kDamaged);
  CHECK(events[2].kind == Kind::kDamaged);
  CHECK(events[3].kind == Kind::kPacket);
  CHECK(events[3].text == "OK");
  CHECK(events[4].kind == Kind::kInterrupt);
  CHECK(events[5].kind == Kind::kNak);
}

TEST_CASE("gdb packets: one that is too long is damaged, and the next one is not") {
  const std::string endless(PacketReader::kMaxPacketBytes + 1, 'a');
  const auto events = events_of(frame(endless) + frame("g"));
  REQUIRE(events.size() == 2);
  CHECK(events[0].kind == Kind::kDamaged);
  CHECK(events[1].text == "g");
}

TEST_CASE("gdb packets: hexadecimal, with nothing for what is none") {
  CHECK(to_hex("\x01\xff") == "01ff");
  CHECK(from_hex("01fF") == "\x01\xff");
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
  CHECK(hex_number("ffffffffffffffff") == ~std::uint64_t{0});
  CHECK_FALSE(hex_number(""));
  CHECK_FALSE(hex_number("10000000000000000"));
  CHECK_FALSE(hex_number("-1"));
  CHECK(register_hex(0x12) == "1200000000000000");
  CHECK(register_value("1200000000000000") == 0x12);
  CHECK_FALSE(register_value("12"));
}

TEST_CASE("gdb packets: acknowledged, asked for again, sent again") {
  std::string sent;
  PacketLink link(std::make_unique<Script>(std::vector<std::string>{"$g#00$g", "#67-\x03"}, sent));
  link.send("OK");
  CHECK(link.receive() == "g");
  CHECK(sent == "$OK#9a-+$OK#9a");
  link.stop_acks();
  CHECK_FALSE(link.receive());  // gone
  CHECK(link.wants_attention());
}

TEST_CASE("gdb packets: Ctrl-C wants attention once") {
  std::string sent;
  PacketLink link(std::make_unique<Script>(std::vector<std::string>{"\x03", ""}, sent));
  CHECK(link.wants_attention());
  CHECK_FALSE(link.wants_attention());
}

TEST_CASE("gdb packets: random bytes do no harm") {
  std::mt19937 random(1);
  PacketReader reader;
  for (int i = 0; i < 200'000; ++i) {
    const char bytes[] = "$#}*+-\x03g0";
    const char byte = i % 3 == 0 ? static_cast<char>(random()) : bytes[random() % 9];
    reader.feed({&byte, 1});
    while (reader.next()) continue;
  }
  reader.feed("#00" + frame("?"));
  std::optional<PacketReader::Event> last;
  while (const auto event = reader.next()) last = event;
  REQUIRE(last);
  CHECK(last->text == "?");
}

TEST_CASE("gdb addresses: a port of this machine, a host's port, a socket") {
  CHECK(parse_address(":1234").host == "127.0.0.1");
  CHECK(parse_address(":1234").port == "1234");
  CHECK(parse_address("[::1]:0").host == "::1");
  CHECK(parse_address("build:99").host == "build");
  CHECK(parse_address("sockets/gdb").path == "sockets/gdb");
  for (const char* wrong : {"", "1234", ":", ":65536", ":12x", ":-1", "host:"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_address(wrong), tandem::platform::UserError);
  }
  CHECK_THROWS_AS(parse_address("/" + std::string(200, 'a')), tandem::platform::UserError);
}

TEST_CASE("gdb addresses: what cannot be listened at is refused") {
  const Server first(parse_address(":0"));
  CHECK(first.name().substr(0, 10) == "127.0.0.1:");
  CHECK_THROWS_AS(Server(parse_address(first.name())), tandem::platform::UserError);
  CHECK_THROWS_AS(Server(parse_address("/nowhere/at/all")), tandem::platform::UserError);
}

TEST_CASE("gdb addresses: a socket whose server is gone is in nobody's way") {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("gdb_socket_" + std::to_string(getpid()));
  const int gone = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(bind(gone, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  close(gone);
  {
    const Server server(parse_address(path.string()));
    CHECK_THROWS_AS(Server(parse_address(path.string())), tandem::platform::UserError);
  }
  std::ofstream(path) << "a file";
  CHECK_THROWS_AS(Server(parse_address(path.string())), tandem::platform::UserError);
  CHECK(std::filesystem::remove(path));
}
