// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/batch_table.h"

#include "tandem/abi/checks.h"

namespace tandem::firmware {

bool BatchTable::start(Machine& machine, const abi::ModelImage& model,
                       const ActivationLayout& layout, u64 first, u64 bytes,
                       RangeAllocator& control) {
  entries_ = control.take(u64{layout.sequences} * sizeof(abi::BatchEntry));
  results_ = control.take(u64{layout.sequences} * sizeof(abi::VerifyResult));
  parameters_ = control.take(sizeof(abi::ParameterBlock));
  count_ = 0;
  if (control.failed()) return false;

  abi::ParameterBlock& block = *machine.shared<abi::ParameterBlock>(parameters_);
  fill_zero(&block, sizeof block);
  block.slot_count = kSlots;
  block.collective_size = model.devices;
  block.collective_rank = model.rank;
  block.slots[kActivationSlot] = {first, bytes, static_cast<u32>(abi::Space::kLocal), 1};
  block.slots[kWeightSlot] = {model.weights_base, model.weights_bytes,
                              static_cast<u32>(abi::Space::kBus), 0};
  return true;
}

abi::BatchEntry& BatchTable::entry(Machine& machine, u32 row) const {
  return *machine.shared<abi::BatchEntry>(entries_ + u64{row} * sizeof(abi::BatchEntry));
}

const abi::VerifyResult& BatchTable::result(const Machine& machine, u32 row) const {
  return *machine.shared<abi::VerifyResult>(results_ + u64{row} * sizeof(abi::VerifyResult));
}

abi::BatchEntry& BatchTable::append(Machine& machine, const PagedKvCache& kv,
                                    const Sequence& sequence) {
  abi::BatchEntry& row = entry(machine, count_++);
  row = {};
  row.request_id = sequence.request_id;
  row.rng_key = sequence.request_id;
  row.remaining_tokens = sequence.remaining;
  row.topology = static_cast<u32>(abi::Topology::kChain);
  row.stop_count = sequence.stop_count;
  for (u32 i = 0; i < abi::kMaxStopIds; ++i) row.stop_ids[i] = sequence.stop_ids[i];
  for (u32 set = 0; set < abi::kKvSets; ++set) {
    if (sequence.kv[set].page_count == 0) continue;
    row.kv[set] = kv.describe(sequence.kv[set], sequence.committed[set]);
  }
  return row;
}

void BatchTable::add(Machine& machine, const PagedKvCache& kv, const Sequence& sequence, u32 kv_set,
                     u32 pending) {
  abi::BatchEntry& row = append(machine, kv, sequence);
  const u32 first = sequence.committed[kv_set];
  row.pending_count = pending;
  row.pending_tokens = sequence.history + u64{first} * sizeof(u32);
  row.position_base = first;
}

void BatchTable::add_drafted(Machine& machine, const PagedKvCache& kv, const Sequence& sequence,
                             u32 kv_set, const DraftedToken& token) {
  abi::BatchEntry& row = append(machine, kv, sequence);
  row.pending_count = 1;
  row.pending_tokens = token.block + abi::kDraftHeaderBytes + u64{token.index} * sizeof(u32);
  row.position_base = token.position;
  row.kv[kv_set].committed_length = token.position;
  attach_draft(machine, token.block);
}

void BatchTable::keep_silent(Machine& machine) {
  entry(machine, count_ - 1).remaining_tokens = 0;
}

void BatchTable::attach_draft(Machine& machine, u64 draft_block) {
  entry(machine, count_ - 1).draft_block = draft_block;
}

void BatchTable::set_sampler(Machine& machine, const Sampler& sampler) {
  abi::ParameterBlock& block = *machine.shared<abi::ParameterBlock>(parameters_);
  block.sampling = sampler.sampling;
  block.temperature = sampler.temperature;
  block.seed = sampler.seed;
}

void BatchTable::set_draft(Machine& machine, u32 max_draft, u32 draft_index, u32 stop_below) {
  abi::ParameterBlock& block = *machine.shared<abi::ParameterBlock>(parameters_);
  block.max_draft = max_draft;
  block.draft_index = draft_index;
  block.stop_below = stop_below;
}

void BatchTable::protect(Machine& machine) const {
  abi::ParameterBlock& block = *machine.shared<abi::ParameterBlock>(parameters_);
  block.check = abi::tables_check(block, machine.shared<abi::BatchEntry>(entries_), count_);
}

abi::Command BatchTable::command() const {
  abi::Command command{};
  command.batch_table = entries_;
  command.batch_count = static_cast<u16>(count_);
  command.parameter_block = parameters_;
  command.result_block = results_;
  return command;
}

void clear_draft(Machine& machine, const Sequence& sequence, u32 capacity, u32 vocabulary) {
  abi::DraftBlock& block = *machine.shared<abi::DraftBlock>(sequence.draft_block);
  block.count = 0;
  block.stopped_early = 0;
  const bool keep = sequence.distributions != 0 &&
                    sequence.sampling == static_cast<u32>(abi::Sampling::kStandard);
  block.distributions = keep ? sequence.distributions : 0;
  block.distribution_stride = keep ? vocabulary * static_cast<u32>(sizeof(u32)) : 0;
  block.distribution_capacity = keep ? capacity : 0;
}

}  // namespace tandem::firmware
