// SPDX-License-Identifier: Apache-2.0
// The commands of the GDB remote serial protocol, without a connection.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "debug/hart.h"

namespace tandem::platform::debug {

// What becomes of the hart after a command.
enum class Next { kStay, kContinue, kStep, kDetach, kKill };

struct Answer {
  std::vector<std::string> packets;  // to be sent, in order; an empty text means "not supported"
  Next next = Next::kStay;
};

// Why the hart has halted, as gdb is told.
std::string stop_reply(int signal);
std::string watch_reply(std::uint64_t address);
std::string exit_reply(int status);
// A text for gdb's console.
std::string console(std::string_view text);

class Commands {
 public:
  // Executes a line after gdb's `monitor` and gives the text to print.
  using Monitor = std::function<std::string(const std::string& line)>;

  Commands(Hart& hart, Monitor monitor) : hart_(hart), monitor_(std::move(monitor)) {}

  // To be told whenever the hart has halted: what '?' answers.
  void set_stop(std::string reply) { stop_ = std::move(reply); }
  const std::string& stop() const { return stop_; }
  // gdb no longer expects '+' after each packet.
  bool without_acks() const { return without_acks_; }

  // Any text is answered: what is malformed with an error, what is unknown with an empty packet.
  Answer execute(const std::string& packet);

 private:
  Answer read_registers();
  Answer write_registers(std::string_view digits);
  Answer read_register(std::string_view text);
  Answer write_register(std::string_view text);
  Answer read_memory(std::string_view text);
  Answer write_memory(std::string_view text, bool binary);
  Answer point(std::string_view text, bool insert);
  Answer select_thread(std::string_view text);
  Answer resume(std::string_view text, Next next);
  Answer verbose(std::string_view text);
  Answer resume_all(std::string_view actions);
  Answer query(std::string_view text);
  Answer describe(std::string_view text);
  Answer run_monitor(std::string_view digits);

  Hart& hart_;
  Monitor monitor_;
  std::string stop_;
  bool without_acks_ = false;
};

}  // namespace tandem::platform::debug
