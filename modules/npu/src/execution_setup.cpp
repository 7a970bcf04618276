// SPDX-License-Identifier: Apache-2.0
// Fetching and checking what a command names.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tandem/abi/checks.h"
#include "tandem/npu/execution.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

using abi::Opcode;
using abi::Status;

namespace {
constexpr std::uint32_t kMaxPages = 65'536;
}  // namespace

bool Execution::drafted_rows() const {
  return opcode() == Opcode::kVerify || (command_.flags & abi::kCommandRowsDrafted) != 0;
}

void Execution::start() {
  if ((command_.flags & abi::kCommandWait) != 0) {
    wait_for(command_.semaphore_address, command_.wait_value, kNoPrimitive,
             [this] { fetch_command_data(); });
    return;
  }
  fetch_command_data();
}

void Execution::fetch_command_data() {
  switch (opcode()) {
    case Opcode::kNop:
    case Opcode::kFence:
      return signal_and_finish();
    case Opcode::kCopy:
      return copy(command_.parameter_block, command_.result_block, command_.wait_value,
                  kNoPrimitive, [this] {
                    emitted_ = command_.wait_value;
                    signal_and_finish();
                  });
    default:
      break;
  }
  if (command_.primitive_count == 0 || command_.primitive_count > core_.config.max_primitives ||
      command_.program % 64 != 0) {
    return fail({Status::kBadProgram, kNoPrimitive, command_.program});
  }
  if (command_.batch_count == 0 || command_.batch_count > core_.config.max_rows) {
    return fail({Status::kBadBatch, kNoPrimitive, command_.batch_count});
  }
  setup_pending_ = 3;
  fetch_descriptor(FaultHooks::Descriptor::kTables, command_.parameter_block, &parameters_,
                   abi::kParameterHeaderBytes, &Execution::fetch_slots);
  entries_.resize(command_.batch_count);
  fetch_descriptor(FaultHooks::Descriptor::kTables, command_.batch_table, entries_.data(),
                   entries_.size() * sizeof(abi::BatchEntry), &Execution::setup_part_done);
  const bool reload = (command_.flags & abi::kCommandReloadProgram) != 0;
  if (!reload && program_.holds(command_.program, command_.primitive_count)) {
    return setup_part_done();
  }
  fetched_program_.resize(command_.primitive_count);
  fetch_descriptor(FaultHooks::Descriptor::kProgram, command_.program, fetched_program_.data(),
                   fetched_program_.size() * sizeof(abi::Primitive), &Execution::setup_part_done);
}

void Execution::fetch(std::uint64_t address, void* to, std::uint64_t bytes,
                      void (Execution::*next)()) {
  core_.dma.read(Dma::kControl, address, to, bytes,
                 then(kNoPrimitive, [this, next] { (this->*next)(); }));
}

void Execution::fetch_descriptor(FaultHooks::Descriptor what, std::uint64_t address, void* to,
                                 std::uint64_t bytes, void (Execution::*next)()) {
  if (core_.faults == nullptr) return fetch(address, to, bytes, next);
  core_.dma.read(Dma::kControl, address, to, bytes,
                 then(kNoPrimitive, [this, what, address, to, bytes, next] {
                   core_.faults->descriptor_fetched(what, address, to, bytes);
                   (this->*next)();
                 }));
}

// Where the block is checked, that comes before what it says is looked at.
void Execution::fetch_slots() {
  const Fault fault = checked_ ? Fault{} : check_parameters();
  if (fault) return fail(fault);
  const std::uint32_t slots = std::min(parameters_.slot_count, abi::kMaxSlots);
  fetch_descriptor(FaultHooks::Descriptor::kTables,
                   command_.parameter_block + abi::kParameterHeaderBytes, parameters_.slots,
                   slots * sizeof(abi::Slot), &Execution::setup_part_done);
}

Fault Execution::check_descriptors() const {
  const std::uint32_t tables =
      abi::tables_check(parameters_, entries_.data(), static_cast<std::uint32_t>(entries_.size()));
  if (tables != parameters_.check) {
    return {Status::kCorrupted, kNoPrimitive, command_.parameter_block};
  }
  for (std::size_t i = 0; i < fetched_program_.size(); ++i) {
    if (abi::primitive_check(fetched_program_[i]) == fetched_program_[i].check) continue;
    return {Status::kCorrupted, static_cast<std::uint16_t>(i),
            command_.program + i * sizeof(abi::Primitive)};
  }
  return check_parameters();
}

Fault Execution::check_parameters() const {
  const auto bad = [](std::uint64_t value) {
    return Fault{Status::kBadParameter, kNoPrimitive, value};
  };
  if (parameters_.slot_count > abi::kMaxSlots) return bad(parameters_.slot_count);
  if (parameters_.sampling > 2) return bad(parameters_.sampling);
  if (parameters_.collective_size > core_.config.link.devices) {
    return {Status::kUnsupported, kNoPrimitive, parameters_.collective_size};
  }
  if (parameters_.collective_size > 1 &&
      parameters_.collective_rank >= parameters_.collective_size) {
    return bad(parameters_.collective_rank);
  }
  const float temperature = numerics::bits_float(parameters_.temperature);
  if (parameters_.sampling != 0 &&
      !(temperature >= kMinTemperature && std::isfinite(temperature))) {
    return bad(parameters_.temperature);
  }
  if (opcode() != Opcode::kDraft) return {};
  if (parameters_.max_draft == 0 || parameters_.max_draft > abi::kMaxDraft ||
      parameters_.draft_index > abi::kMaxDraft - parameters_.max_draft) {
    return bad(parameters_.max_draft);
  }
  const float stop_below = numerics::bits_float(parameters_.stop_below);
  return stop_below >= 0.0f && stop_below <= 1.0f ? Fault{} : bad(parameters_.stop_below);
}

void Execution::setup_part_done() {
  if (--setup_pending_ != 0) return;
  if (checked_) {
    if (const Fault fault = check_descriptors()) return fail(fault);
  }
  if (!fetched_program_.empty()) {
    // Commands that take turns meet in every layer.
    const bool takes_turns = (command_.flags & abi::kCommandTurns) != 0;
    const std::uint32_t replay_layers = takes_turns ? 0 : core_.config.replay_layers;
    const Fault fault = program_.load(command_.program, std::move(fetched_program_),
                                      core_.config.pim_bound, !timing_only(), replay_layers);
    if (fault) return fail(fault);
  }
  const Fault fault = check_program_use();
  if (fault) return fail(fault);
  fetch_sequences();
}

// DRAFT chooses exactly one token per pass and judges none; the others do not draft.
Fault Execution::check_program_use() const {
  const bool drafts = opcode() == Opcode::kDraft;
  std::uint32_t samples = 0, accepts = 0;
  for (std::size_t i = 0; i < program_.size(); ++i) {
    const auto op = static_cast<abi::PrimitiveOp>(program_[i].op);
    if (op == abi::PrimitiveOp::kSample) ++samples;
    if (op == abi::PrimitiveOp::kAccept) ++accepts;
    const bool too_many = drafts ? samples > 1 || accepts > 0 : samples > 0 || accepts > 1;
    if (too_many) return {Status::kBadProgram, static_cast<std::uint16_t>(i), program_[i].op};
  }
  return drafts && samples == 0 ? Fault{Status::kBadProgram, kNoPrimitive, command_.program}
                                : Fault{};
}

Fault Execution::check_entry(const Sequence& sequence) const {
  const abi::BatchEntry& entry = sequence.entry;
  const auto bad = [](Status status, std::uint64_t value) {
    return Fault{status, kNoPrimitive, value};
  };
  if (entry.topology != static_cast<std::uint32_t>(abi::Topology::kChain)) {
    return bad(Status::kUnsupported, entry.topology);
  }
  if (entry.pending_count == 0 || entry.pending_count > core_.config.max_rows) {
    return bad(Status::kBadBatch, entry.pending_count);
  }
  if (entry.stop_count > abi::kMaxStopIds) return bad(Status::kBadBatch, entry.stop_count);
  const bool needs_draft = opcode() == Opcode::kDraft;
  if (needs_draft && entry.draft_block == 0) return bad(Status::kBadBatch, 0);
  for (std::uint32_t set = 0; set < abi::kKvSets; ++set) {
    if (!uses_kv_set(set)) continue;
    const abi::KvSet& kv = entry.kv[set];
    if (kv.page_count > kMaxPages || kv.page_tokens == 0 || kv.page_tokens % 16 != 0 ||
        kv.page_tokens > 65'536) {
      return bad(Status::kBadBatch, kv.page_tokens);
    }
    if (kv.layout > static_cast<std::uint32_t>(abi::KvLayout::kHeadSplit)) {
      return bad(Status::kBadBatch, kv.layout);
    }
    const Fault fault = BankedKv::check(kv);
    if (fault) return fault;
  }
  return {};
}

bool Execution::uses_kv_set(std::uint32_t set) const {
  for (std::size_t i = 0; i < program_.size(); ++i) {
    const auto op = static_cast<abi::PrimitiveOp>(program_[i].op);
    const bool kv = op == abi::PrimitiveOp::kKvAppend || op == abi::PrimitiveOp::kAttention;
    if (kv && program_[i].kv_set == set) return true;
  }
  return false;
}

void Execution::fetch_sequences() {
  sequences_.resize(entries_.size());
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Sequence& sequence = sequences_[i];
    sequence.entry = entries_[i];
    const Fault fault = check_entry(sequence);
    if (fault) return fail(fault);
    rows += sequence.entry.pending_count;
    if (rows > core_.config.max_rows) return fail({Status::kBadBatch, kNoPrimitive, rows});
    sequence.position = sequence.entry.position_base;
    for (std::uint32_t set = 0; set < abi::kKvSets; ++set) {
      sequence.kv_length[set] = sequence.entry.kv[set].committed_length;
    }
  }
  setup_pending_ = 1;
  for (Sequence& sequence : sequences_) {
    sequence.pending.resize(sequence.entry.pending_count);
    ++setup_pending_;
    fetch(sequence.entry.pending_tokens, sequence.pending.data(), 4ull * sequence.pending.size(),
          &Execution::sequences_ready);
    if (sequence.entry.draft_block != 0 && (drafted_rows() || opcode() == Opcode::kDraft)) {
      // What DRAFT appends to, and what VERIFY checks: header and the tokens of a chain.
      ++setup_pending_;
      fetch(sequence.entry.draft_block, &sequence.draft,
            abi::kDraftHeaderBytes + 4ull * abi::kMaxDraft, &Execution::sequences_ready);
    }
    fetch_pages(sequence);
  }
  probe_pim();
}

void Execution::fetch_pages(Sequence& sequence) {
  for (std::uint32_t set = 0; set < abi::kKvSets; ++set) {
    if (!uses_kv_set(set)) continue;
    sequence.pages[set].resize(sequence.entry.kv[set].page_count);
    ++setup_pending_;
    fetch(sequence.entry.kv[set].page_table, sequence.pages[set].data(),
          8 * sequence.pages[set].size(), &Execution::sequences_ready);
  }
}

bool Execution::needs_pim() const {
  for (std::size_t i = 0; i < program_.size(); ++i) {
    if ((program_[i].engine_mask & abi::kEnginePim) != 0 && core_.config.pim_bound) return true;
  }
  return false;
}

void Execution::probe_pim() {
  if (!needs_pim() || core_.pim.known()) return sequences_ready();
  core_.pim.with_geometry(then(kNoPrimitive, [this] { sequences_ready(); }));
}

Fault Execution::check_draft(const Sequence& sequence) const {
  const abi::DraftBlock& draft = sequence.draft;
  const Fault bad{Status::kBadBatch, kNoPrimitive, draft.count};
  if (draft.count > abi::kMaxDraft) return bad;
  if (opcode() == Opcode::kDraft && draft.count < parameters_.draft_index) return bad;
  return {};
}

void Execution::sequences_ready() {
  if (--setup_pending_ != 0) return;
  for (Sequence& sequence : sequences_) {
    const Fault fault = check_draft(sequence);
    if (fault) return fail(fault);
    if (opcode() == Opcode::kDraft) {
      sequence.draft.count = parameters_.draft_index;
      sequence.draft.stopped_early = 0;
    } else if (!drafted_rows()) {
      sequence.draft.count = 0;
    }
  }
  at(common::now_ps() + core_.cycles_ps(core_.config.command_cycles), [this] { first_pass(); });
}

}  // namespace tandem::npu
