// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "debug/packet.h"

namespace tandem::platform::debug {

// A stream of bytes to gdb and back.
class Connection {
 public:
  virtual ~Connection() = default;
  // False: gdb is gone.
  virtual bool send(const std::string& bytes) = 0;
  // What has come, which may be nothing unless asked to wait for it. No value: gdb is gone.
  virtual std::optional<std::string> receive(bool wait) = 0;
};

// Packets over a connection, with acknowledgements until gdb does without.
class PacketLink {
 public:
  explicit PacketLink(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)) {}

  void send(const std::string& text);
  // Waits for a packet; nothing: gdb is gone.
  std::optional<std::string> receive();
  // Whether Ctrl-C has come, or gdb is gone. Does not wait.
  bool wants_attention();
  void stop_acks() { acks_ = false; }

 private:
  void read(bool wait);
  void send_bytes(const std::string& bytes);

  std::unique_ptr<Connection> connection_;
  PacketReader reader_;
  std::deque<std::string> packets_;
  std::string last_sent_;
  bool interrupted_ = false;
  bool gone_ = false;
  bool acks_ = true;
};

}  // namespace tandem::platform::debug
