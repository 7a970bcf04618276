// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <thread>

#include "fake_target.h"
#include "server.h"
#include "tandem/cosim/client.h"
#include "tandem/platform/errors.h"
#include "temporary_folder.h"

using namespace tandem;
using namespace tandem::platform::serve;
using platform::UserError;
using test::FakeTarget;
using test::TemporaryFolder;

namespace {

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

int bound_socket(const std::filesystem::path& path) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = address_of(path);
  REQUIRE(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return descriptor;
}

// A client that sends what no library would.
class RawClient {
 public:
  explicit RawClient(const std::filesystem::path& path) {
    descriptor_ = socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = address_of(path);
    REQUIRE(connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const timeval limit{10, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~RawClient() { close(descriptor_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(const Bytes& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t done =
          ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      REQUIRE(done > 0);
      sent += static_cast<std::size_t>(done);
    }
  }
  void end_sending() { shutdown(descriptor_, SHUT_WR); }
  // Nothing once the server has closed.
  std::optional<Frame> receive() {
    for (;;) {
      if (auto frame = reader_.next()) return frame;
      std::uint8_t buffer[4096];
      const ssize_t got = recv(descriptor_, buffer, sizeof buffer, 0);
      REQUIRE((got >= 0 || errno == ECONNRESET));  // not the time limit
      if (got <= 0) return {};
      reader_.feed(buffer, static_cast<std::size_t>(got));
    }
  }
  void expect_error(tandem_cosim_error code) {
    const auto frame = receive();
    REQUIRE(frame);
    CHECK(frame->type == (TANDEM_COSIM_ERROR | TANDEM_COSIM_RESPONSE));
    CHECK(get_u32(frame->payload, 0) == code);
    CHECK(get_u32(frame->payload, 4) == (closes(code) ? 1 : 0));
    if (closes(code)) CHECK_FALSE(receive());
  }
  void expect_service() {
    send(encode({TANDEM_COSIM_QUERY, 9, {}}));
    const auto frame = receive();
    REQUIRE(frame);
    CHECK(frame->type == (TANDEM_COSIM_QUERY | TANDEM_COSIM_RESPONSE));
    CHECK(frame->tag == 9);
  }

 private:
  int descriptor_;
  FrameReader reader_;
};

struct Fixture {
  ~Fixture() { stop(); }
  void stop() {
    if (!thread.joinable()) return;
    kill(getpid(), SIGTERM);
    thread.join();
  }
  void expect_service() { RawClient(path).expect_service(); }

  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "socket";
  FakeTarget target;
  StopSignal signals;
  std::optional<ListeningSocket> socket{path};
  std::thread thread{[this] { Server(*socket, target, signals).run(); }};
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

}  // namespace

TEST_CASE("the socket is its owner's alone and goes with the server") {
  Fixture f;
  struct stat found {};
  REQUIRE(lstat(f.path.c_str(), &found) == 0);
  CHECK(S_ISSOCK(found.st_mode));
  CHECK((found.st_mode & 0777) == 0600);
  f.expect_service();
  f.stop();
  f.socket.reset();
  CHECK(lstat(f.path.c_str(), &found) != 0);
}

TEST_CASE("one client after the other, and descriptors do not add up") {
  Fixture f;
  f.expect_service();
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 200; ++i) f.expect_service();
  f.expect_service();
  CHECK(open_descriptors() <= before + 1);  // the last connection may still be open
}

TEST_CASE("a second client is told that the server is busy") {
  Fixture f;
  RawClient first(f.path);
  first.expect_service();
  RawClient(f.path).expect_error(TANDEM_COSIM_BUSY);
  first.expect_service();
  tandem_cosim* second = nullptr;
  CHECK(tandem_cosim_open(&second, f.path.c_str()) == TANDEM_COSIM_BUSY);
  CHECK(std::string(tandem_cosim_text(second)) == "another client is connected");
  tandem_cosim_close(second);
  first.expect_service();
}

TEST_CASE("malformed frames are answered, and the server takes the next client") {
  Fixture f;
  SECTION("bad magic") {
    RawClient client(f.path);
    client.send(Bytes(TANDEM_COSIM_HEADER_BYTES, 0x55));
    client.expect_error(TANDEM_COSIM_BAD_MAGIC);
  }
  SECTION("a length beyond the limit") {
    RawClient client(f.path);
    Bytes header = encode({TANDEM_COSIM_READ, 1, {}});
    header[15] = 0x7F;
    client.send(header);
    client.expect_error(TANDEM_COSIM_TOO_LONG);
  }
  SECTION("an end within a header, and within a payload") {
    for (const std::size_t length : {5u, 20u}) {
      RawClient client(f.path);
      Bytes bytes = encode({TANDEM_COSIM_ADVANCE, 1, Bytes(8)});
      bytes.resize(length);
      client.send(bytes);
      client.end_sending();
      client.expect_error(TANDEM_COSIM_TRUNCATED);
    }
  }
  SECTION("an unknown type, after which the connection goes on") {
    RawClient client(f.path);
    client.send(encode({99, 1, Bytes(1000)}));
    client.expect_error(TANDEM_COSIM_UNKNOWN_TYPE);
    client.expect_service();
  }
  SECTION("an address that is not there, after which the connection goes on") {
    RawClient client(f.path);
    client.send(
        encode({TANDEM_COSIM_READ, 1, {0, 0, 0, 0, 0, 0, 0, 0xFF, 4, 0, 0, 0, 0, 0, 0, 0}}));
    client.expect_error(TANDEM_COSIM_BAD_ADDRESS);
    client.expect_service();
  }
  f.expect_service();
}

TEST_CASE("a client that dies in the middle leaves the server alive") {
  Fixture f;
  SECTION("within a frame") {
    RawClient(f.path).send({'T', 'D', 'S'});
  }
  SECTION("with requests unanswered") {
    RawClient client(f.path);
    for (int i = 0; i < 20; ++i) {
      Frame read{TANDEM_COSIM_READ, 1, {}};
      put_u64(read.payload, FakeTarget::kMemory);
      put_u32(read.payload, FakeTarget::kMemoryBytes);
      put_u32(read.payload, 0);
      client.send(encode(read));
    }
  }
  SECTION("without a word") {
    RawClient client(f.path);
  }
  f.expect_service();
}

TEST_CASE("answers that nobody takes hold up neither a refusal nor the end") {
  Fixture f;
  RawClient client(f.path);
  for (int i = 0; i < 20; ++i) {
    Frame read{TANDEM_COSIM_READ, 1, {}};
    put_u64(read.payload, FakeTarget::kMemory);
    put_u32(read.payload, FakeTarget::kMemoryBytes);
    put_u32(read.payload, 0);
    client.send(encode(read));
  }
  RawClient(f.path).expect_error(TANDEM_COSIM_BUSY);
  for (int i = 0; i < 20; ++i) CHECK(client.receive());
  client.expect_service();
}

TEST_CASE("a request under way is given up when the server is told to end") {
  Fixture f;
  f.target.stops = true;
  RawClient client(f.path);
  client.send(encode({TANDEM_COSIM_ADVANCE, 1, Bytes(8)}));
  client.expect_error(TANDEM_COSIM_STOPPING);
  f.thread.join();
}

TEST_CASE("an idle client hears that the server ends") {
  Fixture f;
  RawClient client(f.path);
  client.expect_service();
  f.stop();
  client.expect_error(TANDEM_COSIM_STOPPING);
}

TEST_CASE("only what a dead server left behind is replaced") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "socket";
  SECTION("a dead server's socket") {
    close(bound_socket(path));
    const ListeningSocket socket(path);
    CHECK(std::filesystem::is_socket(path));
  }
  SECTION("a live server's socket") {
    const ListeningSocket first(path);
    CHECK_THROWS_AS(ListeningSocket(path), UserError);
    CHECK(std::filesystem::is_socket(path));
  }
  SECTION("a file") {
    folder.write("socket", "precious");
    CHECK_THROWS_AS(ListeningSocket(path), UserError);
    CHECK(test::read_whole(path) == "precious");
  }
  SECTION("a link to a dead socket") {
    close(bound_socket(folder.path() / "other"));
    std::filesystem::create_symlink("other", path);
    CHECK_THROWS_AS(ListeningSocket(path), UserError);
    CHECK(std::filesystem::is_symlink(path));
  }
  SECTION("a folder that is not there") {
    CHECK_THROWS_AS(ListeningSocket(folder.path() / "no" / "socket"), UserError);
  }
  SECTION("a path that is too long") {
    CHECK_THROWS_AS(ListeningSocket(folder.path() / std::string(200, 'x')), UserError);
  }
  SECTION("what another has put in its place stays") {
    std::optional<ListeningSocket> socket(path);
    std::filesystem::remove(path);
    folder.write("socket", "precious");
    socket.reset();
    CHECK(test::read_whole(path) == "precious");
  }
}

TEST_CASE("the client library reads and writes whatever the length") {
  Fixture f;
  tandem_cosim* client = nullptr;
  REQUIRE(tandem_cosim_open(&client, f.path.c_str()) == TANDEM_COSIM_OK);
  std::vector<std::uint8_t> sent(FakeTarget::kMemoryBytes);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * 7);
  std::vector<std::uint8_t> got(sent.size());
  CHECK(tandem_cosim_write(client, FakeTarget::kMemory, sent.data(), sent.size()) == 0);
  CHECK(tandem_cosim_peek(client, FakeTarget::kMemory, got.data(), got.size()) == 0);
  CHECK(got == sent);
  CHECK(tandem_cosim_read(client, 0, got.data(), 4) == TANDEM_COSIM_BAD_ADDRESS);
  CHECK(tandem_cosim_get_state(client)->time_ps == FakeTarget::kAccessPs);
  CHECK(tandem_cosim_refresh(client) == TANDEM_COSIM_OK);
  f.stop();
  CHECK(tandem_cosim_refresh(client) == TANDEM_COSIM_STOPPING);
  CHECK(tandem_cosim_refresh(client) == TANDEM_COSIM_LOST);
  tandem_cosim_close(client);
  REQUIRE(tandem_cosim_open(&client, (f.folder.path() / "none").c_str()) == TANDEM_COSIM_LOST);
  CHECK(std::string(tandem_cosim_text(client)) == "No such file or directory");
  tandem_cosim_close(client);
}

TEST_CASE("a window of the HAL is a copy that barrier keeps up to date") {
  Fixture f;
  tandem_cosim* client = nullptr;
  REQUIRE(tandem_cosim_open(&client, f.path.c_str()) == TANDEM_COSIM_OK);
  tandem_hal hal;
  tandem_cosim_make_hal(client, &hal, nullptr, nullptr);
  std::uint8_t* const device = f.target.bytes.data() + FakeTarget::kMemory;
  constexpr std::uint64_t kBytes = 3 * 4096;
  device[10] = 1;
  auto* const window = static_cast<std::uint8_t*>(
      hal.dma_window(hal.context, FakeTarget::kMemory + 4096 - 100, kBytes));
  REQUIRE(window != nullptr);
  CHECK(hal.dma_window(hal.context, 0, 4) == nullptr);
  CHECK(hal.dma_window(hal.context, FakeTarget::kRegisters, 4) == nullptr);
  CHECK(hal.dma_window(hal.context, FakeTarget::kMemory + FakeTarget::kMemoryBytes - 4, 8) ==
        nullptr);
  std::uint8_t* const same = device + 4096 - 100;

  // The driver's bytes go to the device, the device's neighbouring bytes are left alone.
  window[200] = 5;
  same[201] = 6;
  hal.barrier(hal.context);
  CHECK(same[200] == 5);
  CHECK(same[201] == 6);
  CHECK(window[201] == 0);  // no request has let time pass: nothing can have changed
  hal.relax(hal.context);
  hal.barrier(hal.context);
  CHECK(window[201] == 6);
  CHECK(window[200] == 5);

  same[kBytes - 1] = 9;
  std::uint32_t ignored = 0;
  CHECK(hal.read32(hal.context, FakeTarget::kRegisters, &ignored) == TANDEM_HAL_OK);
  CHECK(hal.dma_window(hal.context, FakeTarget::kMemory + 4096 - 100, kBytes) == window);
  CHECK(window[kBytes - 1] == 9);
  CHECK(hal.read32(hal.context, FakeTarget::kRefused, &ignored) == TANDEM_HAL_BUS_ERROR);
  CHECK(hal.wait_irq(hal.context, 1'000) == 1);
  CHECK(hal.now_ns(hal.context) == f.target.now.time_ps / 1'000);
  tandem_cosim_close(client);
}
