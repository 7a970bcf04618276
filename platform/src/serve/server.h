// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "connection.h"
#include "listening_socket.h"
#include "request_handler.h"
#include "stop_signal.h"

namespace tandem::platform::serve {

// Serves one client after the other until it is told to stop.
class Server {
 public:
  Server(const ListeningSocket& socket, Target& target, const StopSignal& stop)
      : socket_(socket), handler_(target), stop_(stop) {}
  void run();

 private:
  void turn();
  void accept_client();

  const ListeningSocket& socket_;
  RequestHandler handler_;
  const StopSignal& stop_;
  std::unique_ptr<Connection> client_;
};

}  // namespace tandem::platform::serve
