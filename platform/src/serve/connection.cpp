// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace tandem::platform::serve {

namespace {

constexpr std::size_t kReceiveBytes = 65'536;

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

Connection::~Connection() {
  close(descriptor_);
}

short Connection::wanted_events() const {
  return sending() ? POLLOUT : POLLIN;
}

void Connection::serve(short events, RequestHandler& handler) {
  // Nobody is left to take answers: what is still in the stream is dropped.
  if ((events & (POLLHUP | POLLERR | POLLNVAL)) != 0) finished_ = true;
  if (finished_) return;
  if (!sending() && (events & POLLIN) != 0) receive();
  flush();
  handle_frames(handler);
  if (!sending() && (closing_ || ended_)) finished_ = true;
}

bool Connection::hung_up() const {
  pollfd entry{descriptor_, 0, 0};
  return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLHUP | POLLERR)) != 0;
}

void Connection::receive() {
  std::array<std::uint8_t, kReceiveBytes> buffer;
  const ssize_t got = recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (got > 0) return reader_.feed(buffer.data(), static_cast<std::size_t>(got));
  if (got == 0) {
    ended_ = true;
  } else if (!would_block(errno)) {
    finished_ = true;
  }
}

void Connection::flush() {
  while (sending() && !finished_) {
    const ssize_t done =
        send(descriptor_, outbox_.data() + sent_, outbox_.size() - sent_, MSG_NOSIGNAL);
    if (done > 0) {
      sent_ += static_cast<std::size_t>(done);
    } else {
      finished_ = done < 0 && !would_block(errno);
      return;
    }
  }
}

void Connection::handle_frames(RequestHandler& handler) {
  while (!sending() && !closing_ && !finished_) {
    const std::optional<Frame> frame = reader_.next();
    if (frame) {
      outbox_ = handler.answer(*frame);
      sent_ = 0;
      flush();
    } else if (reader_.error()) {
      fail(*reader_.error());
    } else if (ended_ && reader_.within_frame()) {
      fail({TANDEM_COSIM_TRUNCATED, 0, 0, "the stream ended within a frame"});
    } else {
      return;
    }
  }
}

void Connection::fail(const FrameError& error) {
  outbox_ = encode_error(error);
  sent_ = 0;
  closing_ = true;
  flush();
}

void Connection::refuse(tandem_cosim_error code, const char* text) {
  if (sending()) return;  // the middle of an answer is no place for another frame
  fail({code, 0, 0, text});
}

}  // namespace tandem::platform::serve
