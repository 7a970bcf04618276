// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "frame.h"
#include "request_handler.h"

namespace tandem::platform::serve {

// One client. Requests are done in order; while an answer waits to be taken no other is begun.
class Connection {
 public:
  // Owns the descriptor, which must not block.
  explicit Connection(int descriptor) : descriptor_(descriptor) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return descriptor_; }
  short wanted_events() const;
  // After poll: moves bytes and does what the client asks for. Throws Stopped.
  void serve(short events, RequestHandler& handler);
  bool finished() const { return finished_; }
  // The client's process is gone or has closed its end.
  bool hung_up() const;
  // Says why and ends, as far as the client takes it at once.
  void refuse(tandem_cosim_error code, const char* text);

 private:
  void receive();
  void flush();
  void handle_frames(RequestHandler& handler);
  void fail(const FrameError& error);
  bool sending() const { return sent_ < outbox_.size(); }

  int descriptor_;
  FrameReader reader_;
  Bytes outbox_;
  std::size_t sent_ = 0;
  bool ended_ = false;    // the client will send no more
  bool closing_ = false;  // what is in outbox_ is the last
  bool finished_ = false;
};

}  // namespace tandem::platform::serve
