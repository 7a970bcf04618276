// SPDX-License-Identifier: Apache-2.0
#include "debug/connection.h"

#include <utility>

namespace tandem::platform::debug {

void PacketLink::send_bytes(const std::string& bytes) {
  if (!gone_) gone_ = !connection_->send(bytes);
}

void PacketLink::send(const std::string& text) {
  last_sent_ = frame(text);
  send_bytes(last_sent_);
}

void PacketLink::read(bool wait) {
  const std::optional<std::string> bytes = connection_->receive(wait);
  if (!bytes) {
    gone_ = true;
    return;
  }
  reader_.feed(*bytes);
  while (std::optional<PacketReader::Event> event = reader_.next()) {
    switch (event->kind) {
      case PacketReader::Kind::kPacket:
        if (acks_) send_bytes("+");
        packets_.push_back(std::move(event->text));
        break;
      case PacketReader::Kind::kDamaged:
        if (acks_) send_bytes("-");
        break;
      case PacketReader::Kind::kInterrupt:
        interrupted_ = true;
        break;
      case PacketReader::Kind::kNak:
        if (acks_) send_bytes(last_sent_);
        break;
      case PacketReader::Kind::kAck:
        break;
    }
  }
}

std::optional<std::string> PacketLink::receive() {
  while (packets_.empty() && !gone_) read(true);
  interrupted_ = false;  // it stands already
  if (packets_.empty()) return {};
  std::string packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

bool PacketLink::wants_attention() {
  if (!gone_) read(false);
  return std::exchange(interrupted_, false) || gone_;
}

}  // namespace tandem::platform::debug
