// SPDX-License-Identifier: Apache-2.0
#include "debug/hart_debugger.h"

#include <utility>

namespace tandem::platform::debug {
namespace {

// Signals as gdb numbers them.
constexpr int kSigInt = 2;
constexpr int kSigIll = 4;
constexpr int kSigTrap = 5;
constexpr int kSigSegv = 11;
// Causes of the privileged specification.
constexpr std::uint64_t kIllegalInstruction = 2;
constexpr std::uint64_t kBreakpoint = 3;

// Looking at the socket costs more than many instructions.
constexpr auto kAskEvery = std::chrono::milliseconds(5);

int signal_of(const cpu::CpuDebugger::Halt& halt) {
  using Reason = cpu::CpuDebugger::Reason;
  if (halt.reason == Reason::kRequest) return kSigInt;
  if (halt.reason != Reason::kLockedUp || halt.cause == kBreakpoint) return kSigTrap;
  return halt.cause == kIllegalInstruction ? kSigIll : kSigSegv;
}

}  // namespace

class HartDebugger::CpuHart : public Hart {
 public:
  explicit CpuHart(cpu::RiscvCpu& cpu) : cpu_(cpu) {}

  std::uint64_t read_register(unsigned number) const override { return cpu_.read_register(number); }
  bool write_register(unsigned number, std::uint64_t value) override {
    return cpu_.write_register(number, value);
  }
  std::string read_memory(std::uint64_t address, unsigned count) override {
    std::string bytes(count, '\0');
    bytes.resize(cpu_.read_memory(address, reinterpret_cast<unsigned char*>(bytes.data()), count));
    return bytes;
  }
  bool write_memory(std::uint64_t address, const std::string& bytes) override {
    const auto count = static_cast<unsigned>(bytes.size());
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    return cpu_.write_memory(address, data, count) == count;
  }
  void add_breakpoint(std::uint64_t address) override { cpu_.add_breakpoint(address); }
  void remove_breakpoint(std::uint64_t address) override { cpu_.remove_breakpoint(address); }
  void add_watchpoint(std::uint64_t address, unsigned bytes) override {
    cpu_.add_watchpoint(address, bytes);
  }
  void remove_watchpoint(std::uint64_t address, unsigned bytes) override {
    cpu_.remove_watchpoint(address, bytes);
  }
  std::uint64_t simulated_time_ps() const override { return cpu_.local_time_ps(); }

 private:
  cpu::RiscvCpu& cpu_;
};

HartDebugger::HartDebugger(cpu::RiscvCpu& cpu, std::vector<MappedBlock> blocks, Connect connect)
    : cpu_(cpu),
      hart_(std::make_unique<CpuHart>(cpu)),
      monitor_(*hart_, std::move(blocks)),
      commands_(*hart_, [this](const std::string& line) { return monitor_.execute(line); }),
      connect_(std::move(connect)) {}

HartDebugger::~HartDebugger() = default;

bool HartDebugger::wants_halt() {
  if (!link_) return true;  // the first instruction is not executed yet
  const auto now = std::chrono::steady_clock::now();
  if (now - asked_ < kAskEvery) return false;
  asked_ = now;
  return link_->wants_attention();
}

cpu::CpuDebugger::Resume HartDebugger::halted(cpu::RiscvCpu&, const Halt& halt) {
  if (link_) {
    tell(halt);
  } else {
    link_.emplace(connect_());
    commands_.set_stop(stop_reply(kSigTrap));
  }
  while (const std::optional<std::string> packet = receive()) {
    const Answer answer = commands_.execute(*packet);
    for (const std::string& text : answer.packets) link_->send(text);
    if (commands_.without_acks()) link_->stop_acks();
    switch (answer.next) {
      case Next::kStay:
        break;
      case Next::kContinue:
        return Resume::kContinue;
      case Next::kStep:
        return Resume::kStep;
      case Next::kDetach:
        return let_go();
      case Next::kKill:
        killed_ = true;
        link_.reset();
        return Resume::kKill;
    }
  }
  return let_go();
}

// Who has connected and gone without a word was no gdb, but somebody who looked whether there is
// one: the next one is waited for.
std::optional<std::string> HartDebugger::receive() {
  std::optional<std::string> packet = link_->receive();
  while (!packet && !heard_) {
    link_.emplace(connect_());
    packet = link_->receive();
  }
  heard_ = true;
  return packet;
}

void HartDebugger::tell(const Halt& halt) {
  locked_up_ = halt.reason == Reason::kLockedUp;
  if (!halt.why.empty()) link_->send(console(halt.why + '\n'));
  commands_.set_stop(halt.reason == Reason::kWatchpoint ? watch_reply(halt.address)
                                                        : stop_reply(signal_of(halt)));
  link_->send(commands_.stop());
}

cpu::CpuDebugger::Resume HartDebugger::let_go() {
  link_.reset();
  return Resume::kDetach;
}

void HartDebugger::end(int status, const std::string& why) {
  if (link_ && !why.empty() && !locked_up_) halted(cpu_, {Reason::kRequest, 0, 0, why});
  if (!link_) return;
  link_->send(exit_reply(status));
  link_.reset();
}

}  // namespace tandem::platform::debug
