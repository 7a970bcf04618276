// SPDX-License-Identifier: Apache-2.0
#include "debug/commands.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "debug/packet.h"
#include "debug/target_description.h"

namespace tandem::platform::debug {
namespace {

constexpr unsigned kGeneralRegisters = Hart::kPc + 1;  // of g and G: x0..x31, pc
constexpr std::size_t kRegisterDigits = 16;
constexpr std::size_t kConsoleBytes = 1024;  // in one packet
constexpr std::uint64_t kMaxWatchedBytes = 4096;
constexpr const char* kThread = "1";

Answer answer(std::string text) {
  Answer made;
  made.packets.push_back(std::move(text));
  return made;
}

Answer ok() {
  return answer("OK");
}
Answer unsupported() {
  return answer("");
}
Answer malformed() {
  return answer("E16");  // EINVAL in hexadecimal
}
Answer no_access() {
  return answer("E0e");  // EFAULT
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// What lies before and after the first `separator`; without one, all and nothing.
std::pair<std::string_view, std::string_view> split(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

struct Range {
  std::uint64_t address;
  std::uint64_t count;
};

// "address,count"
std::optional<Range> range_of(std::string_view text) {
  const auto [address, count] = split(text, ',');
  const auto first = hex_number(address);
  const auto length = hex_number(count);
  if (!first || !length) return {};
  return Range{*first, *length};
}

std::string two_digits(unsigned value) {
  char text[3];
  std::snprintf(text, sizeof text, "%02x", value & 0xFF);
  return text;
}

bool is_our_thread(std::string_view id) {
  return id == kThread || id == "0" || id == "-1";
}

}  // namespace

std::string stop_reply(int signal) {
  return "T" + two_digits(static_cast<unsigned>(signal)) + "thread:" + kThread + ";";
}

std::string watch_reply(std::uint64_t address) {
  constexpr int kSigTrap = 5;
  char text[32];
  std::snprintf(text, sizeof text, "watch:%llx;", static_cast<unsigned long long>(address));
  return stop_reply(kSigTrap) + text;
}

std::string exit_reply(int status) {
  return "W" + two_digits(static_cast<unsigned>(status));
}

std::string console(std::string_view text) {
  return "O" + to_hex(text);
}

Answer Commands::execute(const std::string& packet) {
  const std::string_view rest = std::string_view(packet).substr(packet.empty() ? 0 : 1);
  switch (packet.empty() ? '\0' : packet[0]) {
    case '?':
      return answer(stop_);
    case 'g':
      return read_registers();
    case 'G':
      return write_registers(rest);
    case 'p':
      return read_register(rest);
    case 'P':
      return write_register(rest);
    case 'm':
      return read_memory(rest);
    case 'M':
      return write_memory(rest, false);
    case 'X':
      return write_memory(rest, true);
    case 'c':
      return resume(rest, Next::kContinue);
    case 's':
      return resume(rest, Next::kStep);
    case 'C':  // with a signal, which the hart has no use for
      return resume(split(rest, ';').second, Next::kContinue);
    case 'S':
      return resume(split(rest, ';').second, Next::kStep);
    case 'Z':
      return point(rest, true);
    case 'z':
      return point(rest, false);
    case 'H':
      return select_thread(rest);
    case 'T':
      return is_our_thread(rest) ? ok() : malformed();
    case 'D': {
      Answer detached = ok();
      detached.next = Next::kDetach;
      return detached;
    }
    case 'k':
      return {{}, Next::kKill};
    case 'v':
      return verbose(rest);
    case 'q':
      return query(rest);
    case 'Q':
      if (rest != "StartNoAckMode") return unsupported();
      without_acks_ = true;
      return ok();
    default:
      return unsupported();
  }
}

// --- registers and memory -----------------------------------------------------------------------

Answer Commands::read_registers() {
  std::string text;
  for (unsigned i = 0; i < kGeneralRegisters; ++i) text += register_hex(hart_.read_register(i));
  return answer(text);
}

Answer Commands::write_registers(std::string_view digits) {
  if (digits.size() != kGeneralRegisters * kRegisterDigits || !from_hex(digits)) return malformed();
  for (unsigned i = 0; i < kGeneralRegisters; ++i) {
    hart_.write_register(i, *register_value(digits.substr(i * kRegisterDigits, kRegisterDigits)));
  }
  return ok();
}

Answer Commands::read_register(std::string_view text) {
  const auto number = hex_number(text);
  if (!number || *number > 0xFFFF || !is_described(static_cast<unsigned>(*number))) {
    return malformed();
  }
  return answer(register_hex(hart_.read_register(static_cast<unsigned>(*number))));
}

Answer Commands::write_register(std::string_view text) {
  const auto [name, digits] = split(text, '=');
  const auto number = hex_number(name);
  const auto value = register_value(digits);
  if (!number || !value || *number > 0xFFFF || !is_described(static_cast<unsigned>(*number))) {
    return malformed();
  }
  return hart_.write_register(static_cast<unsigned>(*number), *value) ? ok() : no_access();
}

Answer Commands::read_memory(std::string_view text) {
  const auto range = range_of(text);
  if (!range) return malformed();
  if (range->count == 0) return ok();
  const auto count = std::min<std::uint64_t>(range->count, PacketReader::kMaxPacketBytes / 2);
  const std::string bytes = hart_.read_memory(range->address, static_cast<unsigned>(count));
  return bytes.empty() ? no_access() : answer(to_hex(bytes));
}

Answer Commands::write_memory(std::string_view text, bool binary) {
  const auto [where, content] = split(text, ':');
  const auto range = range_of(where);
  const auto bytes = binary ? std::optional<std::string>(content) : from_hex(content);
  if (!range || !bytes || bytes->size() != range->count) return malformed();
  if (bytes->empty()) return ok();
  return hart_.write_memory(range->address, *bytes) ? ok() : no_access();
}

// Z0 and Z1 are the same here: breakpoints change no memory. Z2 halts after changes; to halt after
// reads (Z3, Z4) the hart has no means.
Answer Commands::point(std::string_view text, bool insert) {
  const auto [kind, where] = split(text, ',');
  const auto range = range_of(split(where, ';').first);
  if (kind != "0" && kind != "1" && kind != "2") return unsupported();
  if (!range) return malformed();
  if (kind != "2") {
    insert ? hart_.add_breakpoint(range->address) : hart_.remove_breakpoint(range->address);
    return ok();
  }
  if (range->count == 0 || range->count > kMaxWatchedBytes) return malformed();
  const auto bytes = static_cast<unsigned>(range->count);
  if (!insert) {
    hart_.remove_watchpoint(range->address, bytes);
    return ok();
  }
  if (hart_.read_memory(range->address, bytes).size() < bytes) return no_access();
  hart_.add_watchpoint(range->address, bytes);
  return ok();
}

// --- threads and running ------------------------------------------------------------------------

Answer Commands::select_thread(std::string_view text) {
  const bool known = !text.empty() && (text[0] == 'g' || text[0] == 'c');
  return known && is_our_thread(text.substr(1)) ? ok() : malformed();
}

// An address may follow, at which to go on.
Answer Commands::resume(std::string_view text, Next next) {
  if (!text.empty()) {
    const auto address = hex_number(text);
    if (!address) return malformed();
    hart_.write_register(Hart::kPc, *address);
  }
  return {{}, next};
}

Answer Commands::verbose(std::string_view text) {
  if (text == "Cont?") return answer("vCont;c;C;s;S;t");
  if (begins_with(text, "Cont;")) return resume_all(text.substr(5));
  if (text == "Kill" || begins_with(text, "Kill;")) {
    Answer killed = ok();
    killed.next = Next::kKill;
    return killed;
  }
  return unsupported();
}

// The first action that names our thread, or none, counts.
Answer Commands::resume_all(std::string_view actions) {
  while (!actions.empty()) {
    const auto [action, rest] = split(actions, ';');
    const auto [what, thread] = split(action, ':');
    actions = rest;
    if (!thread.empty() && !is_our_thread(thread)) continue;
    switch (what.empty() ? '\0' : what[0]) {
      case 'c':
      case 'C':
        return {{}, Next::kContinue};
      case 's':
      case 'S':
        return {{}, Next::kStep};
      case 't':
        return answer(stop_);  // it stands already
      default:
        return malformed();
    }
  }
  return malformed();
}

// --- queries ------------------------------------------------------------------------------------

Answer Commands::query(std::string_view text) {
  if (text == "C") return answer(std::string("QC") + kThread);
  if (text == "fThreadInfo") return answer(std::string("m") + kThread);
  if (text == "sThreadInfo") return answer("l");
  if (text == "Attached" || begins_with(text, "Attached:")) return answer("1");
  if (text == "Supported" || begins_with(text, "Supported:")) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx", PacketReader::kMaxPacketBytes);
    return answer(std::string("PacketSize=") + size +
                  ";QStartNoAckMode+;qXfer:features:read+;vContSupported+");
  }
  constexpr std::string_view kFeatures = "Xfer:features:read:target.xml:";
  if (begins_with(text, kFeatures)) return describe(text.substr(kFeatures.size()));
  if (begins_with(text, "Xfer:features:read:")) return answer("E00");  // no such annex
  constexpr std::string_view kMonitor = "Rcmd,";
  if (begins_with(text, kMonitor)) return run_monitor(text.substr(kMonitor.size()));
  return unsupported();
}

Answer Commands::describe(std::string_view text) {
  const auto range = range_of(text);
  if (!range) return malformed();
  const std::string& all = target_description();
  if (range->address >= all.size()) return answer("l");
  const std::string part =
      all.substr(static_cast<std::size_t>(range->address),
                 std::min<std::uint64_t>(range->count, PacketReader::kMaxPacketBytes / 2));
  return answer((range->address + part.size() < all.size() ? "m" : "l") + part);
}

Answer Commands::run_monitor(std::string_view digits) {
  const auto line = from_hex(digits);
  if (!line) return malformed();
  const std::string text = monitor_(*line);
  Answer made;
  for (std::size_t at = 0; at < text.size(); at += kConsoleBytes) {
    made.packets.push_back(console(std::string_view(text).substr(at, kConsoleBytes)));
  }
  made.packets.push_back("OK");
  return made;
}

}  // namespace tandem::platform::debug
