// SPDX-License-Identifier: Apache-2.0
// Where gdb connects: TCP, or a Unix socket.
#pragma once
#include <memory>
#include <string>

#include "debug/connection.h"

namespace tandem::platform::debug {

struct Address {
  std::string path;  // of a Unix socket; empty: TCP
  std::string host;
  std::string port;
};

// ":PORT" (of this machine only), "HOST:PORT", "[IPV6]:PORT" or a path with a slash. Throws
// UserError.
Address parse_address(const std::string& text);

class Server {
 public:
  // Listens. Throws UserError if that is not possible.
  explicit Server(const Address& address);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What to give gdb's `target remote`; the port is the real one where 0 was asked for.
  const std::string& name() const { return name_; }
  // Waits for one gdb. Throws UserError if none can come any more.
  std::unique_ptr<Connection> accept();

 private:
  void listen_at_path(const std::string& path);
  void listen_at_port(const Address& address);

  int socket_ = -1;
  std::string path_;  // to be removed at the end
  std::string name_;
};

}  // namespace tandem::platform::debug
