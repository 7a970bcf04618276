// SPDX-License-Identifier: Apache-2.0
// How requests become sequences.
#include "tandem/firmware/runtime/scheduler.h"

namespace tandem::firmware {

using abi::Status;

namespace {

constexpr u32 kInfinityBits = 0x7F80'0000;

// Positive and finite, judged by its bits: firmware does not compute with floating point.
bool positive_finite(u32 bits) {
  return bits != 0 && bits < kInfinityBits;
}

bool valid(const abi::Request& request, u32 max_positions) {
  const bool greedy = request.sampling == static_cast<u32>(abi::Sampling::kGreedy);
  return request.prompt_count > 0 && request.prompt_count <= max_positions &&
         request.sampling <= static_cast<u32>(abi::Sampling::kCoupled) &&
         (greedy || positive_finite(request.temperature)) && request.stop_count <= abi::kMaxStopIds;
}

}  // namespace

void Scheduler::admit(Machine& machine, Mailbox& mailbox) {
  abi::Request request;
  for (Sequence* slot = free_slot(); slot != nullptr; slot = free_slot()) {
    if (!mailbox.take(machine, request)) return;
    const Status status = open(machine, *slot, request);
    if (status != Status::kOk) {
      slot->fail(status);
    } else if (slot->remaining == 0) {
      slot->finish(abi::StopReason::kLength);
    }
  }
}

Status Scheduler::open(Machine& machine, Sequence& sequence, const abi::Request& request) {
  sequence.state = SequenceState::kActive;
  sequence.request_id = request.request_id;
  sequence.total = 0;
  sequence.rounds = 0;
  sequence.report = {};
  for (u32& length : sequence.committed) length = 0;
  if (!valid(request, max_positions_)) return Status::kBadParameter;

  sequence.prompt_count = request.prompt_count;
  sequence.remaining = smaller(request.max_tokens, max_positions_ - request.prompt_count);
  sequence.sampling = request.sampling;
  sequence.temperature = request.temperature;
  sequence.stop_count = request.stop_count;
  for (u32 i = 0; i < abi::kMaxStopIds; ++i) sequence.stop_ids[i] = request.stop_ids[i];

  const u32* const prompt = machine.window<u32>(request.prompt, request.prompt_count);
  if (prompt == nullptr) return Status::kBusError;
  u32* const history = machine.shared<u32>(sequence.history);
  for (u32 i = 0; i < request.prompt_count; ++i) {
    // A token that the model does not know would fail the others of its batch, too.
    if (prompt[i] >= vocabulary_) return Status::kBadParameter;
    history[i] = prompt[i];
  }
  sequence.total = request.prompt_count;
  const u32 channel = kv_.least_loaded();
  for (u32 set = 0; set < setup_.kv_sets; ++set) {
    kv_.place(sequence.kv[set], channel, sequence.total + sequence.remaining);
  }
  return Status::kOk;
}

}  // namespace tandem::firmware
