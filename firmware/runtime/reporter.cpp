// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/reporter.h"

namespace tandem::firmware {

void Reporter::start(const abi::BootInfo& boot, const abi::ModelImage& model) {
  const bool wanted = (boot.flags & abi::kBootEchoText) != 0 && model.piece_count > 0;
  uart_base_ = wanted ? boot.uart_base : 0;
  settles_ = (boot.flags & abi::kBootChecked) != 0;
  pieces_ = model.pieces;
  text_ = model.text;
  text_bytes_ = model.text_bytes;
  piece_count_ = model.piece_count;
  bos_id_ = model.bos_id;
  eos_id_ = model.eos_id;
  echo_tokens_ = 0;
  echo_bytes_ = 0;
}

bool Reporter::send(Machine& machine, Mailbox& mailbox, Scheduler& scheduler) {
  bool all_sent = true;
  for (u32 i = 0; i < scheduler.count(); ++i) {
    Sequence& sequence = scheduler.at(i);
    // A DRAFT in flight still uses the pages.
    const bool ends = sequence.state == SequenceState::kEnding && !sequence.ahead.busy;
    if (ends) scheduler.release_pages(machine, sequence);
    if (sequence.report.count > 0 && !send_tokens(machine, mailbox, sequence)) {
      all_sent = false;
      continue;
    }
    if (!ends) continue;
    if (!send_end(machine, mailbox, scheduler, sequence)) {
      all_sent = false;
      continue;
    }
    const bool echoes = i == kEchoedSequence && uart_base_ != 0;
    sequence.state = echoes ? SequenceState::kDraining : SequenceState::kFree;
  }
  return all_sent;
}

bool Reporter::send_tokens(Machine& machine, Mailbox& mailbox, Sequence& sequence) {
  const Report& report = sequence.report;
  abi::Record record{};
  record.kind = static_cast<u32>(abi::RecordKind::kTokens);
  record.request_id = sequence.request_id;
  record.count = report.count;
  record.drafted = report.drafted;
  record.accepted = report.accepted;
  record.round = report.round;
  record.time_ns = machine.now_ns();
  const u32* const history = machine.shared<u32>(sequence.history);
  for (u32 i = 0; i < report.count; ++i) record.tokens[i] = history[report.first + i];
  if (!mailbox.send(machine, record)) return false;
  sequence.report.count = 0;
  return true;
}

bool Reporter::send_end(Machine& machine, Mailbox& mailbox, const Scheduler& scheduler,
                        const Sequence& sequence) {
  abi::Record record{};
  record.kind = static_cast<u32>(sequence.end_kind);
  record.request_id = sequence.request_id;
  record.status = static_cast<u32>(sequence.end_status);
  record.stop_reason = static_cast<u32>(sequence.stop_reason);
  record.round = sequence.rounds;
  record.time_ns = machine.now_ns();
  abi::EndReport report{};
  report.started_ns = sequence.started_ns;
  report.preemptions = sequence.preemptions;
  report.kv_pages = scheduler.kv().total_pages();
  report.kv_pages_free = scheduler.kv().free_pages();
  report.kv_pages_most_used = scheduler.kv().most_used_pages();
  report.kv_pages_wanted = sequence.pages_wanted;
  report.largest_batch = scheduler.steps().largest;
  report.decode_steps = scheduler.steps().count;
  report.decode_step_sequences = scheduler.steps().sequences;
  report.drafts_dropped = scheduler.drafting().dropped;
  report.pre_verifications = scheduler.drafting().pre_verifications;
  report.decided_early = scheduler.drafting().decided_early;
  copy_bytes(record.tokens, &report, sizeof report);
  return mailbox.send(machine, record);
}

bool Reporter::echo(Machine& machine, Scheduler& scheduler) {
  if (uart_base_ == 0) return true;
  Sequence& sequence = scheduler.at(kEchoedSequence);
  if (!sequence.live()) return true;
  const u32* const history = machine.shared<u32>(sequence.history);
  while (echo_tokens_ < sequence.total) {
    const u32 previous = echo_tokens_ == 0 ? eos_id_ : history[echo_tokens_ - 1];
    if (!write_piece(machine, history[echo_tokens_], previous)) return false;
    ++echo_tokens_;
  }
  if (sequence.state == SequenceState::kDraining) {
    if (settles_ && !uart_.settle(machine, uart_base_) && !machine.bus_error()) return false;
    sequence.state = SequenceState::kFree;
    uart_base_ = 0;
  }
  return true;
}

// True when the whole piece is written. Tokens that only mark a beginning or an end have no text,
// and neither has the space that tokenizers put before the first word.
bool Reporter::write_piece(Machine& machine, u32 token, u32 previous) {
  if (token == bos_id_ || token == eos_id_ || token >= piece_count_) return true;
  const abi::TokenPiece* const piece =
      machine.window<abi::TokenPiece>(pieces_ + u64{token} * sizeof(abi::TokenPiece), 1);
  const u8* const text = machine.window<u8>(text_, text_bytes_);
  if (piece == nullptr || text == nullptr) return true;
  if (u64{piece->offset} + piece->bytes > text_bytes_) return true;
  const u8* const start = text + piece->offset;
  if (echo_bytes_ == 0 && previous == bos_id_ && piece->bytes > 0 && *start == ' ') {
    echo_bytes_ = 1;
  }
  echo_bytes_ += uart_.send(machine, uart_base_, start + echo_bytes_, piece->bytes - echo_bytes_);
  // An UART that does not answer must not hold up the rest.
  if (echo_bytes_ < piece->bytes && !machine.bus_error()) return false;
  echo_bytes_ = 0;
  return true;
}

}  // namespace tandem::firmware
