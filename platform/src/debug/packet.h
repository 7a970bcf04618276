// SPDX-License-Identifier: Apache-2.0
// Framing of the GDB remote serial protocol: "$text#checksum", with escapes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::platform::debug {

// The packet that carries `text`, escaped where needed.
std::string frame(std::string_view text);

// Takes a stream of bytes apart. Bytes outside a packet that mean nothing are dropped.
class PacketReader {
 public:
  enum class Kind {
    kPacket,     // text is its content, without escapes
    kDamaged,    // wrong checksum, or longer than any packet may be
    kInterrupt,  // Ctrl-C
    kAck,
    kNak,
  };
  struct Event {
    Kind kind;
    std::string text;
  };
  static constexpr std::size_t kMaxPacketBytes = 16384;  // told to gdb in hexadecimal

  void feed(std::string_view bytes);
  // In the order in which they came; nothing if the rest is incomplete.
  std::optional<Event> next();

 private:
  enum class State { kOutside, kText, kEscaped, kChecksumHigh, kChecksumLow };

  void take(char byte);
  void take_outside(char byte);
  void take_text(char byte);
  void begin();
  void append(char byte);

  State state_ = State::kOutside;
  std::string text_;
  std::uint8_t sum_ = 0;
  bool too_long_ = false;
  int high_digit_ = 0;
  std::deque<Event> events_;
};

// Lower-case hexadecimal, two digits per byte.
std::string to_hex(std::string_view bytes);
// Nothing unless `digits` is an even number of hexadecimal digits.
std::optional<std::string> from_hex(std::string_view digits);
// The value of 1 to 16 hexadecimal digits; nothing for any other text.
std::optional<std::uint64_t> hex_number(std::string_view digits);
// The eight bytes of a register, lowest first.
std::string register_hex(std::uint64_t value);
std::optional<std::uint64_t> register_value(std::string_view digits);

}  // namespace tandem::platform::debug
