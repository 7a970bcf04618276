// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <poll.h>

#include <array>

namespace tandem::platform::serve {

void Server::run() {
  try {
    while (!stop_.raised()) turn();
  } catch (const Stopped&) {
    // Told to end in the middle of a request: the client hears of it below.
  }
  if (client_) client_->refuse(TANDEM_COSIM_STOPPING, "the server ends");
  client_.reset();
}

void Server::turn() {
  std::array<pollfd, 3> entries = {pollfd{stop_.descriptor(), POLLIN, 0},
                                   pollfd{socket_.descriptor(), POLLIN, 0}, pollfd{-1, 0, 0}};
  if (client_) entries[2] = {client_->descriptor(), client_->wanted_events(), 0};
  if (poll(entries.data(), entries.size(), -1) <= 0) return;
  if (client_ && entries[2].revents != 0) client_->serve(entries[2].revents, handler_);
  if (client_ && client_->finished()) client_.reset();
  if (entries[1].revents != 0) accept_client();
}

void Server::accept_client() {
  const int descriptor = socket_.accept();
  if (descriptor < 0) return;
  auto newcomer = std::make_unique<Connection>(descriptor);
  // It may have gone after poll() looked.
  if (client_ && client_->hung_up()) client_.reset();
  if (client_) return newcomer->refuse(TANDEM_COSIM_BUSY, "another client is connected");
  client_ = std::move(newcomer);
}

}  // namespace tandem::platform::serve
