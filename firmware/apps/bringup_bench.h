// SPDX-License-Identifier: Apache-2.0
// What the checks of `bringup` work with: its state, the report, and commands with a time limit.
#pragma once
#include "tandem/abi/boot_info.h"
#include "tandem/abi/command.h"
#include "tandem/abi/registers.h"
#include "tandem/firmware/driver/queue_pair.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

constexpr u32 kBringupRing = 8;         // entries
constexpr u64 kBringupData = 32 << 10;  // bytes to play with

struct BringupState {
  abi::BootInfo boot;
  QueuePair queues[2];
  u64 rings[2];
  u64 data;
  u64 tables;  // see bringup_tables.h
  u64 lab;     // of programs and what they refer to, see bringup_lab.h
  u32 next;
  u32 tag;
  u64 submitted_ns;
  u32 passed;
  u32 failed;
  u32 skipped;
  bool uart_hangs;
};

// A line of the report, cut where it is too long.
class Line {
 public:
  Line() = default;
  Line(const char* words) { text(words); }
  Line& text(const char* words);
  Line& text(const Line& other);
  Line& number(u64 value);
  Line& hex(u64 value);
  Line& duration(u64 ns);
  const u8* bytes() const { return bytes_; }
  u32 length() const { return length_; }

 private:
  Line& put(char c);
  u8 bytes_[120];
  u32 length_ = 0;
};

// What became of a command; not come: the device was reset since.
struct CommandEnd {
  bool came;
  abi::Completion completion;
  u64 time_ns;  // since the last command was submitted

  bool is(abi::Status status) const { return came && completion.status == static_cast<u8>(status); }
};

// Made anew in every step, as the Machine is.
class Bench {
 public:
  Bench(BringupState& state, Machine& machine, const tandem_hal& hal)
      : state_(state), machine_(machine), hal_(hal) {}

  BringupState& state() { return state_; }
  const abi::BootInfo& boot() const { return state_.boot; }
  Machine& machine() { return machine_; }

  // --- the report ---
  void print(const Line& line);
  bool check(bool good, const Line& what);
  bool equal(const char* what, u64 got, u64 expected);
  void skip(const Line& what);
  // A command that must have worked, and led to the right values.
  void check_run(Line what, const CommandEnd& end, bool right);
  // True once the UART has sent everything, or does not answer.
  void drain_uart();

  // --- registers; an access that is answered with an error shows in the result ---
  bool read(u64 address, u32& value);
  bool write(u64 address, u32 value);
  u32 npu(u32 offset) { return machine_.read(state_.boot.npu_base + offset); }
  void npu(u32 offset, u32 value) { machine_.write(state_.boot.npu_base + offset, value); }

  // Polls until done() or for so long; whether it was done.
  template <typename Done>
  bool within(u64 limit_ns, Done done) {
    const u64 begin = machine_.now_ns();
    while (!done()) {
      if (machine_.now_ns() - begin > limit_ns) return false;
      machine_.relax();
    }
    return true;
  }
  bool sleep_until_interrupt(u64 limit_ns) { return hal_.wait_irq(hal_.context, limit_ns) != 0; }

  // --- commands ---
  // Soft reset, then both queue pairs.
  void start_npu();
  // Gives it a version and a tag of its own; returns the tag.
  u32 submit(abi::Command command, u32 pair = 0);
  // `version`: not the right one, to see it refused.
  u32 submit_as(abi::Command command, u32 pair, u8 version);
  // Resets the device if nothing comes in time.
  CommandEnd finish(u32 pair = 0);
  CommandEnd run(const abi::Command& command);
  // The command must end like this, a failure must show in the error registers, and the device must
  // go on.
  void expect(const char* what, const abi::Command& command, abi::Status status);
  void expect_end(const char* what, const CommandEnd& end, abi::Status status);

 private:
  bool errors_show(abi::Status status);
  void write_uart(const u8* bytes, u32 length);

  BringupState& state_;
  Machine& machine_;
  const tandem_hal& hal_;
};

// Groups of checks, in the order in which they run.
void check_identities(Bench& bench);
void check_bus(Bench& bench);
void check_reset_values(Bench& bench);
void check_writable_registers(Bench& bench);
void check_read_only_registers(Bench& bench);
void check_timer(Bench& bench);
void check_interrupt_lines(Bench& bench);
void check_timer_interrupt(Bench& bench);
void check_mailbox_interrupt(Bench& bench);
void check_npu_interrupt(Bench& bench);
void check_rings(Bench& bench);
void check_copies(Bench& bench);
void check_semaphores(Bench& bench);
void check_cancel(Bench& bench);
void check_moving_primitives(Bench& bench);
void check_matrix_primitives(Bench& bench);
void check_vector_primitives(Bench& bench);
void check_cache_primitives(Bench& bench);
void check_token_primitives(Bench& bench);
void check_command_errors(Bench& bench);
void check_program_errors(Bench& bench);
void check_batch_errors(Bench& bench);
void check_pim(Bench& bench);

}  // namespace tandem::firmware
