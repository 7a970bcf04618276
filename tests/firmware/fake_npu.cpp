// SPDX-License-Identifier: Apache-2.0
#include "fake_npu.h"

#include <algorithm>
#include <cstring>

namespace tandem::test {

namespace npu = abi::npu;
using abi::PrimitiveOp;
using abi::Status;
using Tokens = std::vector<std::uint32_t>;

namespace {

std::uint32_t hash(const Tokens& history) {
  std::uint32_t value = 2166136261u;
  for (const std::uint32_t token : history) value = (value ^ token) * 16777619u;
  return value ^ value >> 15;
}

Tokens prefix(const Tokens& tokens, std::size_t count) {
  count = std::min(count, tokens.size());
  return Tokens(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count));
}

// A sequence may be drafted for while it is verified: they use different KV sets.
bool drafts(const abi::Command& command) {
  return command.opcode == static_cast<std::uint8_t>(abi::Opcode::kDraft);
}

// Another one.
std::uint32_t wrong_token(std::uint32_t token) {
  return 3 + (token - 2) % (FakeNpu::kVocabulary - 3);
}

bool verifies(const abi::Command& command) {
  return command.opcode == static_cast<std::uint8_t>(abi::Opcode::kVerify);
}

constexpr std::uint32_t kHalf = 0x3F00'0000;   // 0.5f
constexpr std::uint32_t kTenth = 0x3DCC'CCCD;  // 0.1f

}  // namespace

FakeNpu::FakeNpu() {
  registers[npu::CAPABILITY] = npu::CAPABILITY_QUEUE_PAIRS.put(4) | npu::CAPABILITY_CONTEXTS.put(4);
  registers[npu::ACTIVATION_BYTES] = 1u << 20;
  registers[npu::MAX_PRIMITIVES] = 1024;
  registers[npu::MAX_ROWS] = 256;
  registers[npu::ID] = npu::kRegisters[0].reset;
  registers[npu::VERSION] = npu::kRegisters[1].reset;
}

// Tokens from 3 on, so that 0..2 can serve as special ones.
std::uint32_t FakeNpu::target_token(const Tokens& history) {
  return 3 + hash(history) % (kVocabulary - 3);
}

std::uint32_t FakeNpu::draft_token(const Tokens& history) {
  const std::uint32_t token = target_token(history);
  return hash(history) >> 8 & 3u ? token : wrong_token(token);
}

Tokens FakeNpu::reference(Tokens prompt, std::uint32_t count) {
  Tokens answer;
  for (std::uint32_t i = 0; i < count; ++i) {
    answer.push_back(target_token(prompt));
    prompt.push_back(answer.back());
  }
  return answer;
}

void FakeNpu::preload(std::uint32_t request_id, const Tokens& tokens) {
  for (unsigned set = 0; set < abi::kKvSets; ++set) caches_[{request_id, set}] = tokens;
}

void FakeNpu::complain(const std::string& text) {
  complaints.push_back(text);
}

std::uint32_t FakeNpu::read(std::uint32_t offset) {
  return registers[offset];
}

void FakeNpu::write(std::uint32_t offset, std::uint32_t value) {
  if (offset == npu::CONTROL && npu::CONTROL_SOFT_RESET.get(value) != 0) {
    ++resets;
    pending_.clear();
    registers[npu::CONTROL] = 0;
    for (const auto& [queue, state] : queues_) queue_register(queue, npu::QP_CONTROL) = 0;
    return;
  }
  for (unsigned queue = 0; queue < 4; ++queue) {
    const std::uint32_t base = queue * abi::kQueuePairStride;
    if (offset >= base + npu::SQ_BASE_LO &&
        offset < base + npu::SQ_BASE_LO + abi::kQueuePairStride) {
      return write_queue(queue, offset - base, value);
    }
  }
  registers[offset] = value;
  if (offset == npu::IRQ_STATUS) registers[npu::IRQ_RAW] &= ~value;
}

void FakeNpu::write_queue(unsigned queue, std::uint32_t offset, std::uint32_t value) {
  const bool was_enabled = queue_register(queue, npu::QP_CONTROL) != 0;
  queue_register(queue, offset) = value;
  if (offset == npu::QP_CONTROL && value != 0 && !was_enabled) {
    queues_[queue] = {0, 0, 1, queues_[queue].executed};
    queue_register(queue, npu::CQ_HEAD) = 0;
  }
  if (offset == npu::SQ_TAIL && was_enabled) fetch(queue);
}

void FakeNpu::fetch(unsigned queue) {
  const std::uint64_t base = queue_register(queue, npu::SQ_BASE_LO);
  std::uint32_t& fetched = queues_[queue].fetched;
  while (fetched != queue_register(queue, npu::SQ_TAIL)) {
    const Pending added{queue, at<abi::Command>(base + fetched * sizeof(abi::Command)),
                        delay_of_queue[queue]};
    if (added.command.opcode == static_cast<std::uint8_t>(abi::Opcode::kCancel)) {
      cancel(added);
    } else {
      check_shared(added);
      pending_.push_back(added);
    }
    fetched = (fetched + 1) % queue_register(queue, npu::SQ_SIZE);
  }
  most_in_flight = std::max(most_in_flight, pending_.size());
}

std::set<std::uint32_t> FakeNpu::requests_of(const abi::Command& command) {
  std::set<std::uint32_t> requests;
  for (std::uint32_t i = 0; i < command.batch_count; ++i) {
    requests.insert(
        at<abi::BatchEntry>(command.batch_table + i * sizeof(abi::BatchEntry)).request_id);
  }
  return requests;
}

// The request that each KV page belongs to.
std::map<std::uint64_t, std::uint32_t> FakeNpu::pages_of(const abi::Command& command) {
  std::map<std::uint64_t, std::uint32_t> pages;
  for (std::uint32_t i = 0; i < command.batch_count; ++i) {
    const auto& entry = at<abi::BatchEntry>(command.batch_table + i * sizeof(abi::BatchEntry));
    for (const abi::KvSet& kv : entry.kv) {
      for (std::uint32_t p = 0; p < kv.page_count; ++p) {
        pages[at<std::uint64_t>(kv.page_table + p * 8ull)] = entry.request_id;
      }
    }
  }
  return pages;
}

void FakeNpu::cancel(const Pending& cancel) {
  const auto found = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& one) {
    return one.command.tag == cancel.command.semaphore_address;
  });
  const bool hung = found != pending_.end() && hangs(found->queue);
  if (found == pending_.end() || hung || cancels_late) {
    return complete(cancel.queue, cancel.command, Status::kNotFound, 0);
  }
  const Pending one = *found;
  pending_.erase(found);
  ++cancelled;
  complete(one.queue, one.command, Status::kCancelled, 0);
  complete(cancel.queue, cancel.command, Status::kOk, 0);
}

// A pre-verification computes what a verification of one sequence begins with.
bool FakeNpu::verify_the_same(const abi::Command& one, const abi::Command& other) {
  const auto verify = static_cast<std::uint8_t>(abi::Opcode::kVerify);
  if (one.opcode != verify || other.opcode != verify) return false;
  if (one.batch_count != 1 || other.batch_count != 1) return false;
  const auto& a = at<abi::BatchEntry>(one.batch_table);
  const auto& b = at<abi::BatchEntry>(other.batch_table);
  const auto& head = at<abi::DraftBlock>(a.draft_block);
  const auto& whole = at<abi::DraftBlock>(b.draft_block);
  return a.request_id == b.request_id && a.position_base == b.position_base &&
         a.pending_tokens == b.pending_tokens && head.count <= whole.count &&
         std::equal(head.tokens, head.tokens + head.count, whole.tokens);
}

// One that comes too late for its round does no harm if all its tokens are right: those of later
// commands are the same, at the same places.
bool FakeNpu::verifies_right_tokens(const abi::Command& command) {
  if (command.opcode != static_cast<std::uint8_t>(abi::Opcode::kVerify)) return false;
  if (command.batch_count != 1) return false;
  const auto& entry = at<abi::BatchEntry>(command.batch_table);
  const auto& drafted = at<abi::DraftBlock>(entry.draft_block);
  const Tokens& cache = caches_[{entry.request_id, 0}];
  const std::uint32_t first = entry.position_base + entry.pending_count;
  for (std::uint32_t i = 0; i < drafted.count; ++i) {
    if (drafted.tokens[i] != target_token(prefix(cache, first + i))) return false;
  }
  return true;
}

// Commands of several queue pairs must not meet in what they use.
void FakeNpu::check_shared(const Pending& added) {
  if (added.command.batch_count == 0) return;
  const std::set<std::uint32_t> requests = requests_of(added.command);
  for (const std::uint32_t request : requests) queues_of[request].insert(added.queue);
  const abi::Slot& slot = at<abi::ParameterBlock>(added.command.parameter_block).slots[0];
  if (slot.base + slot.bytes > registers[npu::ACTIVATION_BYTES])
    complain("slot outside the buffer");
  for (const Pending& other : pending_) {
    if (other.queue == added.queue) continue;
    if (other.command.context == added.command.context) complain("a context is used twice");
    const abi::Slot& its = at<abi::ParameterBlock>(other.command.parameter_block).slots[0];
    if (slot.base < its.base + its.bytes && its.base < slot.base + slot.bytes) {
      complain("activations overlap");
    }
    const auto pages = pages_of(other.command);
    for (const auto& [page, request] : pages_of(added.command)) {
      const auto found = pages.find(page);
      if (found != pages.end() && found->second != request) complain("a page has two requests");
    }
    for (const std::uint32_t request : requests_of(other.command)) {
      if (requests.count(request) == 0) continue;
      if (drafts(added.command) != drafts(other.command)) continue;
      if (verify_the_same(added.command, other.command)) continue;
      if (!verifies_right_tokens(other.command)) complain("a sequence is in two commands");
    }
  }
}

bool FakeNpu::hangs(unsigned queue) const {
  const auto other = waits_for_queue.find(queue);
  if (other != waits_for_queue.end()) {
    for (const Pending& one : pending_) {
      if (one.queue == other->second && hangs(one.queue)) return true;
    }
  }
  const auto swallowed = swallow_of_queue.find(queue);
  return swallowed != swallow_of_queue.end() &&
         swallowed->second.count(queues_.at(queue).executed) != 0;
}

void FakeNpu::work() {
  const auto next = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& one) {
    return one.delay == 0 && !hangs(one.queue);
  });
  for (Pending& one : pending_) one.delay -= one.delay > 0;
  if (next == pending_.end()) return;
  const auto [queue, command, delay] = *next;
  const unsigned number = command_count_;
  if (swallow_command.count(number) != 0) return;
  ++command_count_;
  ++queues_[queue].executed;
  pending_.erase(next);
  executed.push_back(command);
  const auto failure = fail_command.find(number);
  if (failure != fail_command.end()) return complete(queue, command, failure->second, 0xDEAD);
  if (drafts(command) && draft_pending.size() >= fail_draft) {
    fail_draft = ~0u;
    return complete(queue, command, Status::kNotANumber, 0xDEAD);
  }
  if (verifies(command) && fail_verify-- == 0) {
    for (std::uint32_t i = 0; i < command.batch_count; ++i) {
      const auto& entry = at<abi::BatchEntry>(command.batch_table + i * sizeof(abi::BatchEntry));
      failed_drafts += at<abi::DraftBlock>(entry.draft_block).count;
    }
    return complete(queue, command, Status::kNotANumber, 0xDEAD);
  }
  if (command.batch_count > 0) execute(command);
  complete(queue, command, Status::kOk, 0);
}

void FakeNpu::complete(unsigned queue, const abi::Command& command, Status status,
                       std::uint64_t value) {
  const std::uint64_t base = queue_register(queue, npu::CQ_BASE_LO);
  Queue& state = queues_[queue];
  abi::Completion completion{};
  completion.tag = command.tag;
  completion.status = static_cast<std::uint8_t>(status);
  completion.phase = static_cast<std::uint8_t>(state.phase);
  completion.primitive = 0xFFFF;
  completion.value = value;
  at<abi::Completion>(base + state.completion_tail * sizeof(abi::Completion)) = completion;
  state.completion_tail = (state.completion_tail + 1) % queue_register(queue, npu::CQ_SIZE);
  if (state.completion_tail == 0) state.phase ^= 1u;
  if (state.completion_tail == queue_register(queue, npu::CQ_HEAD)) {
    complain("completion ring overflows");
  }
  if ((command.flags & abi::kCommandInterrupt) != 0) registers[npu::IRQ_RAW] |= 1u << queue;
}

FakeNpu::Program FakeNpu::inspect(const abi::Command& command) {
  Program program;
  for (std::uint32_t i = 0; i < command.primitive_count; ++i) {
    const auto& primitive =
        at<abi::Primitive>(command.program + std::uint64_t{i} * sizeof(abi::Primitive));
    for (std::uint32_t p = 0; p < primitive.predecessor_count; ++p) {
      if (primitive.predecessors[p] >= i) complain("predecessor is not lower");
    }
    const auto op = static_cast<PrimitiveOp>(primitive.op);
    if (op == PrimitiveOp::kKvAppend) {
      program.appends = true;
      program.first_layer |= primitive.layer == 0;
      program.kv_set = primitive.kv_set;
    }
    program.chooses |= op == PrimitiveOp::kAccept;
    program.samples |= op == PrimitiveOp::kSample;
    program.commits |= op == PrimitiveOp::kKvCommit;
  }
  return program;
}

void FakeNpu::execute(const abi::Command& command) {
  const Program program = inspect(command);
  largest_batch = std::max(largest_batch, std::size_t{command.batch_count});
  count_rows(command);
  for (std::uint32_t i = 0; i < command.batch_count; ++i) {
    auto& entry = at<abi::BatchEntry>(command.batch_table + i * sizeof(abi::BatchEntry));
    auto& result = at<abi::VerifyResult>(command.result_block + i * sizeof(abi::VerifyResult));
    run_entry(command, program, entry, result);
  }
}

void FakeNpu::count_rows(const abi::Command& command) {
  std::size_t rows = 0;
  unsigned ones = 0;
  for (std::uint32_t i = 0; i < command.batch_count; ++i) {
    const auto& entry = at<abi::BatchEntry>(command.batch_table + i * sizeof(abi::BatchEntry));
    rows += entry.pending_count;
    ones += entry.pending_count == 1;
  }
  most_rows = std::max(most_rows, rows);
  mixed_commands += ones > 0 && ones < command.batch_count;
}

void FakeNpu::run_entry(const abi::Command& command, const Program& program, abi::BatchEntry& entry,
                        abi::VerifyResult& result) {
  const bool drafting = command.opcode == static_cast<std::uint8_t>(abi::Opcode::kDraft);
  const bool drafted_rows = command.opcode == static_cast<std::uint8_t>(abi::Opcode::kVerify) ||
                            (command.flags & abi::kCommandRowsDrafted) != 0;
  if (drafting) draft_pending.push_back(entry.pending_count);
  Tokens rows;
  for (std::uint32_t i = 0; i < entry.pending_count; ++i) {
    rows.push_back(at<std::uint32_t>(entry.pending_tokens + i * 4ull));
  }
  Tokens drafted;
  if (drafted_rows) {
    const auto& block = at<abi::DraftBlock>(entry.draft_block);
    drafted.assign(block.tokens, block.tokens + block.count);
  }
  rows.insert(rows.end(), drafted.begin(), drafted.end());

  // A program that only ends a pass stands on what the layers have appended.
  const unsigned set =
      drafting && !program.appends && entry.kv[1].page_count != 0 ? 1 : program.kv_set;
  Tokens& cache = caches_[{entry.request_id, set}];
  if (program.appends) {
    if (entry.position_base != entry.kv[set].committed_length) complain("position and KV differ");
    check_pages(entry, set, entry.position_base + static_cast<std::uint32_t>(rows.size()));
    for (std::size_t i = 0; i < rows.size() && program.first_layer; ++i) {
      put(cache, entry.position_base + static_cast<std::uint32_t>(i), rows[i]);
    }
  }
  if (drafting) return draft(command, program, entry, cache);
  std::uint32_t committed = entry.pending_count;
  if (program.chooses) {
    accept(entry, drafted, result);
    committed += result.accepted;
  }
  if (program.commits) entry.kv[set].committed_length += committed;
}

void FakeNpu::put(Tokens& cache, std::uint32_t position, std::uint32_t token) {
  if (position > cache.size()) return complain("a position of the KV cache was left out");
  if (position >= positions) complain("a position that the table does not have");
  if (position == cache.size()) cache.push_back(0);
  cache[position] = token;
}

void FakeNpu::check_pages(const abi::BatchEntry& entry, unsigned kv_set, std::uint32_t tokens) {
  const abi::KvSet& kv = entry.kv[kv_set];
  if (kv.page_count * kv.page_tokens < tokens) complain("no page for a token");
  std::set<std::uint64_t> pages;
  for (std::uint32_t i = 0; i < kv.page_count; ++i) {
    pages.insert(at<std::uint64_t>(kv.page_table + i * 8ull));
  }
  if (pages.size() != kv.page_count || pages.count(0) != 0) complain("a page is used twice");
}

void FakeNpu::draft(const abi::Command& command, const Program& program, abi::BatchEntry& entry,
                    Tokens& cache) {
  auto& block = at<abi::DraftBlock>(entry.draft_block);
  const auto& parameters = at<abi::ParameterBlock>(command.parameter_block);
  if (block.count != parameters.draft_index) complain("draft_index differs from the count");
  const std::uint32_t known = entry.kv[0].committed_length;
  if (prefix(cache, known) != prefix(caches_[{entry.request_id, 0}], known)) {
    complain("the draft's KV cache is not the target's history");
  }
  std::uint32_t length = entry.position_base + entry.pending_count;
  for (std::uint32_t i = 0; i < parameters.max_draft; ++i) {
    const Tokens history = prefix(cache, length);
    const std::uint32_t token =
        drafts_are_wrong ? wrong_token(target_token(history)) : draft_token(history);
    const bool stop = parameters.stop_below != 0 && block.count + 1 >= stop_draft_after;
    block.tokens[block.count] = token;
    block.confidences[block.count++] = stop ? kTenth : kHalf;
    block.stopped_early = stop;
    if (stop || i + 1 == parameters.max_draft) return;
    check_pages(entry, program.kv_set, length + 1);
    put(cache, length++, token);
  }
}

void FakeNpu::accept(const abi::BatchEntry& entry, const Tokens& drafted,
                     abi::VerifyResult& result) {
  const Tokens& cache = caches_[{entry.request_id, 0}];
  std::uint32_t length = entry.position_base + entry.pending_count;
  result = {};
  result.drafted = static_cast<std::uint32_t>(drafted.size());
  result.next_token = target_token(prefix(cache, length));
  while (result.accepted < drafted.size() && drafted[result.accepted] == result.next_token) {
    ++result.accepted;
    result.next_token = target_token(prefix(cache, ++length));
  }
  if (lie_about_acceptance) result.accepted = 60;
  Tokens emitted = prefix(drafted, result.accepted);
  emitted.push_back(result.next_token);
  for (std::size_t i = 0; i < emitted.size() && result.stop_reason == 0; ++i) {
    ++result.emitted;
    const auto* stops = entry.stop_ids;
    if (std::find(stops, stops + entry.stop_count, emitted[i]) != stops + entry.stop_count) {
      result.stop_reason = static_cast<std::uint32_t>(abi::StopReason::kStopId);
    } else if (result.emitted == entry.remaining_tokens) {
      result.stop_reason = static_cast<std::uint32_t>(abi::StopReason::kLength);
    }
  }
}

}  // namespace tandem::test
