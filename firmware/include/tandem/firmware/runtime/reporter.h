// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/boot_info.h"
#include "tandem/abi/model_image.h"
#include "tandem/firmware/driver/uart.h"
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

// Index of the sequence that the first request becomes.
constexpr u32 kEchoedSequence = 0;

// Tells the host what came out, and writes the text of the first request to the UART. Never waits:
// what the mailbox or the UART does not take now is tried again in the next step. Pages of a
// sequence that has ended are given back before anything else is done.
class Reporter {
 public:
  void start(const abi::BootInfo& boot, const abi::ModelImage& model);

  // True when no record is left to send. Sequences that have ended are released.
  bool send(Machine& machine, Mailbox& mailbox, Scheduler& scheduler);
  // True when no text is left to write.
  bool echo(Machine& machine, Scheduler& scheduler);

  u32 bytes_sent_again() const { return uart_.resent(); }

 private:
  bool send_tokens(Machine& machine, Mailbox& mailbox, Sequence& sequence);
  bool send_end(Machine& machine, Mailbox& mailbox, const Scheduler& scheduler,
                const Sequence& sequence);
  bool write_piece(Machine& machine, u32 token, u32 previous);

  Uart uart_;
  bool settles_;   // looks whether the last byte was lost, too
  u64 uart_base_;  // 0: no text is wanted, or all of it is written
  u64 pieces_;
  u64 text_;
  u64 text_bytes_;
  u32 piece_count_;
  u32 bos_id_;
  u32 eos_id_;
  u32 echo_tokens_;  // tokens of the history that are written
  u32 echo_bytes_;   // bytes of the next token that are written
};

}  // namespace tandem::firmware
