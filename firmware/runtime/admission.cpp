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

bool valid(const abi::Request& request) {
  const bool greedy = request.sampling == static_cast<u32>(abi::Sampling::kGreedy);
  return request.prompt_count > 0 &&
         request.sampling <= static_cast<u32>(abi::Sampling::kCoupled) &&
         (greedy || positive_finite(request.temperature)) && request.stop_count <= abi::kMaxStopIds;
}

}  // namespace

void Scheduler::admit(Machine& machine, Mailbox& mailbox) {
  abi::Request request;
  for (Sequence* slot = free_slot(); slot != nullptr; slot = free_slot()) {
    if (!mailbox.peek(machine, request)) break;
    const Status status = open(machine, *slot, request);
    mailbox.drop(machine);
    if (status != Status::kOk) {
      slot->fail(status);
    } else if (slot->remaining == 0) {
      slot->finish(abi::StopReason::kLength);
    }
  }
  activate(machine);
}

Sequence* Scheduler::free_slot() {
  for (u32 i = 0; i < setup_.sequences; ++i) {
    if (!sequences_[i].live()) return &sequences_[i];
  }
  return nullptr;
}

// Whether positions and pages can ever hold what the request is certain to need. The last token
// that it is given is in no cache.
Status Scheduler::judge_length(Sequence& sequence, const abi::Request& request) const {
  const bool whole = (request.flags & abi::kRequestWhole) != 0;
  const u64 certain = u64{request.prompt_count} + (whole ? request.max_tokens : 1u);
  if (request.prompt_count > max_positions_ || (whole && certain > max_positions_)) {
    return Status::kNoSpace;
  }
  const u64 pages = u64{kv_.pages_for(static_cast<u32>(certain - 1))} * setup_.kv_sets;
  if (pages <= kv_.total_pages()) return Status::kOk;
  sequence.pages_wanted = static_cast<u32>(pages);
  return Status::kNoSpace;
}

Status Scheduler::open(Machine& machine, Sequence& sequence, const abi::Request& request) {
  sequence.state = SequenceState::kWaiting;
  sequence.request_id = request.request_id;
  sequence.serial = ++taken_;
  sequence.started_ns = 0;
  sequence.preemptions = 0;
  sequence.rounds = 0;
  sequence.pages_wanted = 0;
  sequence.lane = 0;
  sequence.busy = false;
  sequence.yields_to = 0;
  sequence.total = 0;
  sequence.report = {};
  for (u32& length : sequence.committed) length = 0;
  const bool pinned_to_nowhere =
      request.channel != 0 &&
      (kv_.layout() != abi::KvLayout::kBankRows || request.channel > kv_.channels());
  if (!valid(request) || pinned_to_nowhere) return Status::kBadParameter;
  const Status length = judge_length(sequence, request);
  if (length != Status::kOk) return length;

  const bool cached = (request.flags & abi::kRequestCached) != 0;
  sequence.cached = cached ? request.prompt_count - 1 : 0;
  // A cached prompt is no work: its last token counts as one that the sequence was given before.
  sequence.prompt_count = cached ? request.prompt_count - 1 : request.prompt_count;
  if (cached) sequence.rounds = 1;
  sequence.remaining = smaller(request.max_tokens, max_positions_ - request.prompt_count);
  sequence.channel = request.channel;
  sequence.sampling = request.sampling;
  sequence.temperature = request.temperature;
  sequence.stop_count = request.stop_count;
  for (u32 i = 0; i < abi::kMaxStopIds; ++i) sequence.stop_ids[i] = request.stop_ids[i];
  return copy_prompt(machine, sequence, request);
}

Status Scheduler::copy_prompt(Machine& machine, Sequence& sequence, const abi::Request& request) {
  const u32* const prompt = machine.window<u32>(request.prompt, request.prompt_count);
  if (prompt == nullptr) return Status::kBusError;
  u32* const history = machine.shared<u32>(sequence.history);
  for (u32 i = 0; i < request.prompt_count; ++i) {
    // A token that the model does not know would fail the others of its batch, too.
    if (prompt[i] >= vocabulary_) return Status::kBadParameter;
    history[i] = prompt[i];
  }
  sequence.total = request.prompt_count;
  return Status::kOk;
}

// The oldest first, and none before it: a long prompt is not overtaken for ever by short ones.
// Those that find room together are placed in the order that the packing wants.
void Scheduler::activate(Machine& machine) {
  const u64 last_serial = find_room();
  const bool by_length = packing_ == abi::ChannelPacking::kMinLoad;
  for (;;) {
    Sequence* const next = by_length ? longest_waiting(last_serial) : oldest_waiting(0);
    if (next == nullptr || next->serial > last_serial) return;
    activate_one(machine, *next);
  }
}

// Serial of the last of the waiting sequences for whose tokens there are pages, 0 if there is none.
// One that all pages together cannot hold fails; behind one that must wait all others do.
u64 Scheduler::find_room() {
  u64 promised = 0;
  u64 last = 0;
  bool full = false;
  for (Sequence* sequence = oldest_waiting(0); sequence != nullptr;
       sequence = oldest_waiting(sequence->serial)) {
    const u64 pages = u64{kv_.pages_for(sequence->total)} * setup_.kv_sets;
    const u64 free = kv_.free_pages() - promised;
    if (!full && pages <= free) {
      promised += pages;
      last = sequence->serial;
      continue;
    }
    sequence->pages_wanted = static_cast<u32>(pages);
    if (!full && free == kv_.total_pages()) {
      sequence->fail(Status::kNoSpace);
    } else {
      full = true;
    }
  }
  return last;
}

void Scheduler::activate_one(Machine& machine, Sequence& sequence) {
  place(sequence);
  reserve(machine, sequence, sequence.total);
  sequence.state = SequenceState::kActive;
  for (u32& length : sequence.committed) length = sequence.cached;
  sequence.cached = 0;
  sequence.ahead.clear(sequence.total);
  if (sequence.started_ns == 0) sequence.started_ns = machine.now_ns();
}

// Younger than `after_serial`.
Sequence* Scheduler::oldest_waiting(u64 after_serial) {
  Sequence* oldest = nullptr;
  for (u32 i = 0; i < setup_.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.waiting() || sequence.serial <= after_serial) continue;
    if (oldest == nullptr || sequence.serial < oldest->serial) oldest = &sequence;
  }
  return oldest;
}

// Up to `last_serial`, the oldest of equals.
Sequence* Scheduler::longest_waiting(u64 last_serial) {
  Sequence* longest = nullptr;
  for (u32 i = 0; i < setup_.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.waiting() || sequence.serial > last_serial) continue;
    const bool better = longest == nullptr || sequence.total > longest->total ||
                        (sequence.total == longest->total && sequence.serial < longest->serial);
    if (better) longest = &sequence;
  }
  return longest;
}

Sequence* Scheduler::youngest_active() {
  Sequence* youngest = nullptr;
  for (u32 i = 0; i < setup_.sequences; ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.active()) continue;
    if (youngest == nullptr || sequence.serial > youngest->serial) youngest = &sequence;
  }
  return youngest;
}

void Scheduler::place(Sequence& sequence) {
  u32 channel = kv_.least_loaded();
  if (sequence.channel != 0) {
    channel = sequence.channel - 1;
  } else if (packing_ == abi::ChannelPacking::kRoundRobin) {
    channel = next_channel_;
    next_channel_ = (next_channel_ + 1) % kv_.channels();
  }
  const u64 load = packing_ == abi::ChannelPacking::kMinLoad
                       ? attention_cycles(shape_, sequence.total)
                       : u64{sequence.total} + sequence.remaining;
  for (u32 set = 0; set < setup_.kv_sets; ++set) kv_.place(sequence.kv[set], channel, load);
}

bool Scheduler::reserve(Machine& machine, Sequence& sequence, u32 tokens) {
  for (u32 set = 0; set < setup_.kv_sets; ++set) {
    if (!kv_.reserve(machine, sequence.kv[set], tokens)) return false;
  }
  return true;
}

void Scheduler::release_pages(Machine& machine, Sequence& sequence) {
  for (KvTable& table : sequence.kv) kv_.release(machine, table);
  drafting_.dropped += sequence.ahead.drop(sequence.total);
}

bool Scheduler::holds_all_used(const Sequence& sequence) const {
  u32 held = 0;
  for (u32 set = 0; set < setup_.kv_sets; ++set) held += sequence.kv[set].page_count;
  return held == kv_.total_pages() - kv_.free_pages();
}

// For an active sequence that lacks pages. The youngest of all, itself included, makes room; a
// sequence that has made all the others wait and still lacks pages fails. False while the youngest
// is in a command, after which it is in no other: were an older one preempted instead, two could
// take turns without end.
bool Scheduler::make_room(Machine& machine, Sequence& sequence) {
  if (holds_all_used(sequence)) {
    if (sequence.ahead.busy) return false;
    release_pages(machine, sequence);
    sequence.pages_wanted = kv_.total_pages() + 1;  // at least
    sequence.fail(Status::kNoSpace);
    return true;
  }
  Sequence& youngest = *youngest_active();
  if (youngest.in_command()) {
    youngest.yields_to = sequence.lane + 1;
    return false;
  }
  preempt(machine, youngest);
  return true;
}

// What the sequence has computed is lost but for its tokens, which it takes in again later.
void Scheduler::preempt(Machine& machine, Sequence& sequence) {
  release_pages(machine, sequence);
  for (u32& length : sequence.committed) length = 0;
  sequence.state = SequenceState::kWaiting;
  sequence.yields_to = 0;
  ++sequence.preemptions;
}

}  // namespace tandem::firmware
