// SPDX-License-Identifier: Apache-2.0
#include "debug/server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "socket_file.h"
#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform::debug {
namespace {

constexpr const char* kThisMachine = "127.0.0.1";
constexpr int kMaxPort = 65535;
constexpr int kFarewellMs = 1000;  // how long gdb may take to close its side

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw UserError("--gdb " + printable(text) + ": " + why,
                  "expected :PORT, HOST:PORT or the path of a socket, such as ./gdb.socket");
}

class SocketConnection : public Connection {
 public:
  explicit SocketConnection(int socket) : socket_(socket) {}
  // Waits until gdb has read what was sent: closing at once might discard it.
  ~SocketConnection() override {
    shutdown(socket_, SHUT_WR);
    std::array<char, 256> rest{};
    while (is_ready(kFarewellMs) && recv(socket_, rest.data(), rest.size(), 0) > 0) continue;
    close(socket_);
  }
  SocketConnection(const SocketConnection&) = delete;
  SocketConnection& operator=(const SocketConnection&) = delete;

  bool send(const std::string& bytes) override {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  std::optional<std::string> receive(bool wait) override {
    if (!is_ready(wait ? -1 : 0)) return std::string();
    std::array<char, 4096> buffer{};
    const ssize_t n = recv(socket_, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) return std::string();
    if (n <= 0) return {};
    return std::string(buffer.data(), static_cast<std::size_t>(n));
  }

 private:
  bool is_ready(int timeout_ms) const {
    pollfd entry{socket_, POLLIN, 0};
    return poll(&entry, 1, timeout_ms) > 0;
  }

  int socket_;
};

bool is_port(const std::string& text) {
  if (text.empty() || text.size() > 5) return false;
  if (text.find_first_not_of("0123456789") != std::string::npos) return false;
  return std::stoi(text) <= kMaxPort;
}

std::string port_of(int socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &length);
  const in_port_t port = bound.ss_family == AF_INET6
                             ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                             : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port;
  return std::to_string(ntohs(port));
}

}  // namespace

Address parse_address(const std::string& text) {
  if (text.find('/') != std::string::npos) {
    if (text.size() >= sizeof(sockaddr_un::sun_path)) refuse(text, "the path is too long");
    return {text, "", ""};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) refuse(text, "it names no port");
  Address address{"", text.substr(0, colon), text.substr(colon + 1)};
  if (!is_port(address.port)) refuse(text, "a port is a number from 0 (any that is free) to 65535");
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  if (address.host.empty()) address.host = kThisMachine;
  return address;
}

Server::Server(const Address& address) {
  if (address.path.empty()) {
    listen_at_port(address);
  } else {
    listen_at_path(address.path);
  }
}

Server::~Server() {
  if (socket_ >= 0) close(socket_);
  if (!path_.empty()) unlink(path_.c_str());
}

void Server::listen_at_path(const std::string& path) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
  if (look_at_socket(path) == SocketFile::kAbandoned) unlink(path.c_str());
  const int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0 || bind(made, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      listen(made, 1) != 0) {
    const std::string why = std::strerror(errno);
    if (made >= 0) close(made);
    refuse(path, why);
  }
  socket_ = made;
  path_ = path;
  name_ = path;
}

void Server::listen_at_port(const Address& address) {
  const std::string text = address.host + ":" + address.port;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (error != 0) refuse(text, gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, freeaddrinfo);
  std::string why;
  for (const addrinfo* at = found; at != nullptr && socket_ < 0; at = at->ai_next) {
    const int made = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    const int yes = 1;
    if (made >= 0) setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (made >= 0 && bind(made, at->ai_addr, at->ai_addrlen) == 0 && listen(made, 1) == 0) {
      socket_ = made;
    } else {
      why = std::strerror(errno);
      if (made >= 0) close(made);
    }
  }
  if (socket_ < 0) refuse(text, why);
  const bool v6 = address.host.find(':') != std::string::npos;
  name_ = (v6 ? "[" + address.host + "]" : address.host) + ":" + port_of(socket_);
}

std::unique_ptr<Connection> Server::accept() {
  int made = -1;
  do {
    made = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  } while (made < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (made < 0) throw UserError("--gdb " + name_ + ": " + std::strerror(errno));
  const int yes = 1;
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // no effect on a Unix socket
  return std::make_unique<SocketConnection>(made);
}

}  // namespace tandem::platform::debug
