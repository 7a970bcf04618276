// SPDX-License-Identifier: Apache-2.0
#include "debug/packet.h"

namespace tandem::platform::debug {
namespace {

constexpr char kStart = '$';
constexpr char kEnd = '#';
constexpr char kEscape = '}';
constexpr char kRepeat = '*';
constexpr char kEscapeMask = 0x20;
constexpr char kCtrlC = 0x03;
constexpr const char* kDigits = "0123456789abcdef";
constexpr std::size_t kRegisterBytes = 8;

// -1 for what is none.
int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::uint8_t byte_of(char c) {
  return static_cast<std::uint8_t>(c);
}

}  // namespace

std::string frame(std::string_view text) {
  std::string packet(1, kStart);
  unsigned sum = 0;
  const auto put = [&](char c) {
    packet += c;
    sum += byte_of(c);
  };
  for (const char c : text) {
    if (c == kStart || c == kEnd || c == kEscape || c == kRepeat) {
      put(kEscape);
      put(static_cast<char>(c ^ kEscapeMask));
    } else {
      put(c);
    }
  }
  packet += kEnd;
  packet += kDigits[sum >> 4 & 15];
  packet += kDigits[sum & 15];
  return packet;
}

void PacketReader::feed(std::string_view bytes) {
  for (const char byte : bytes) take(byte);
}

std::optional<PacketReader::Event> PacketReader::next() {
  if (events_.empty()) return {};
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void PacketReader::take(char byte) {
  switch (state_) {
    case State::kOutside:
      return take_outside(byte);
    case State::kText:
      return take_text(byte);
    case State::kEscaped:
      sum_ = static_cast<std::uint8_t>(sum_ + byte_of(byte));
      append(static_cast<char>(byte ^ kEscapeMask));
      state_ = State::kText;
      return;
    case State::kChecksumHigh:
      high_digit_ = digit(byte);
      state_ = State::kChecksumLow;
      return;
    case State::kChecksumLow:
      const int low_digit = digit(byte);
      const bool intact =
          !too_long_ && high_digit_ >= 0 && low_digit >= 0 && high_digit_ * 16 + low_digit == sum_;
      events_.push_back({intact ? Kind::kPacket : Kind::kDamaged, intact ? text_ : ""});
      state_ = State::kOutside;
  }
}

void PacketReader::take_outside(char byte) {
  if (byte == kStart) begin();
  if (byte == '+') events_.push_back({Kind::kAck, ""});
  if (byte == '-') events_.push_back({Kind::kNak, ""});
  if (byte == kCtrlC) events_.push_back({Kind::kInterrupt, ""});
}

void PacketReader::take_text(char byte) {
  if (byte == kEnd) {
    state_ = State::kChecksumHigh;
    return;
  }
  if (byte == kStart) return begin();  // the end of the packet before has been lost
  sum_ = static_cast<std::uint8_t>(sum_ + byte_of(byte));
  if (byte == kEscape) {
    state_ = State::kEscaped;
  } else {
    append(byte);
  }
}

void PacketReader::begin() {
  state_ = State::kText;
  text_.clear();
  sum_ = 0;
  too_long_ = false;
}

void PacketReader::append(char byte) {
  too_long_ = too_long_ || text_.size() >= kMaxPacketBytes;
  if (!too_long_) text_ += byte;
}

std::string to_hex(std::string_view bytes) {
  std::string digits;
  digits.reserve(2 * bytes.size());
  for (const char c : bytes) {
    digits += kDigits[byte_of(c) >> 4];
    digits += kDigits[byte_of(c) & 15];
  }
  return digits;
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return {};
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]);
    const int low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::optional<std::uint64_t> hex_number(std::string_view digits) {
  if (digits.empty() || digits.size() > 2 * sizeof(std::uint64_t)) return {};
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (digit(c) < 0) return {};
    value = value << 4 | static_cast<std::uint64_t>(digit(c));
  }
  return value;
}

std::string register_hex(std::uint64_t value) {
  std::string bytes;
  for (std::size_t i = 0; i < kRegisterBytes; ++i) bytes += static_cast<char>(value >> (8 * i));
  return to_hex(bytes);
}

std::optional<std::uint64_t> register_value(std::string_view digits) {
  const std::optional<std::string> bytes = from_hex(digits);
  if (!bytes || bytes->size() != kRegisterBytes) return {};
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kRegisterBytes; ++i) {
    value |= std::uint64_t{byte_of((*bytes)[i])} << (8 * i);
  }
  return value;
}

}  // namespace tandem::platform::debug
