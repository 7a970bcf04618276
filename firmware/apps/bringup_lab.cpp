// SPDX-License-Identifier: Apache-2.0
#include "apps/bringup_lab.h"

#include "tandem/firmware/runtime/program_writer.h"

namespace tandem::firmware {

using abi::Format;
using abi::Operand;
using abi::Primitive;
using abi::PrimitiveOp;

namespace {

// Of two layers, keys and values.
constexpr u64 kPageBytes = u64{4} * kLabRows * kLabColumns * sizeof(u16);
constexpr u64 kPlaceBytes = 1024;
constexpr u64 kActivationBytes = 3 * kPlaceBytes;

// Where things lie in the lab's memory.
constexpr u64 kProgramAt = 0;
constexpr u64 kParametersAt = kProgramAt + kLabPrimitives * sizeof(Primitive);
constexpr u64 kEntryAt = kParametersAt + 1024;
constexpr u64 kResultAt = kEntryAt + 256;
constexpr u64 kDraftAt = kResultAt + 128;
constexpr u64 kPageTableAt = kDraftAt + 640;
constexpr u64 kTokensAt = kPageTableAt + 64;
constexpr u64 kMemoryAt = kTokensAt + 64;
constexpr u64 kMemoryBytes = 1024;
constexpr u64 kPageAt = kMemoryAt + kMemoryBytes;
static_assert(kPageAt + kPageBytes <= Lab::kBytes);
static_assert(sizeof(abi::ParameterBlock) <= 1024 && sizeof(abi::BatchEntry) <= 256);
static_assert(sizeof(abi::VerifyResult) <= 128 && sizeof(abi::DraftBlock) <= 640);

}  // namespace

Lab::Lab(Bench& bench, u32 tokens, u32 position)
    : bench_(bench), base_(bench.state().lab), count_(tokens) {
  fill_zero(&at<u8>(0), kBytes);
  describe_sequence(position);
}

void Lab::describe_sequence(u32 position) {
  for (u32 i = 0; i < count_; ++i) tokens()[i] = 3 + 2 * i;
  at<u64>(kPageTableAt) = base_ + kPageAt;
  abi::BatchEntry& sequence = entry();
  sequence.request_id = 1;
  sequence.pending_count = count_;
  sequence.pending_tokens = base_ + kTokensAt;
  sequence.position_base = position;
  for (abi::KvSet& set : sequence.kv) {
    set.page_table = base_ + kPageTableAt;
    set.page_count = 1;
    set.page_tokens = kLabRows;
  }
  abi::ParameterBlock& block = parameters();
  block.slot_count = 3;
  block.max_draft = 1;
  block.slots[kActivations] = {0, kActivationBytes, static_cast<u32>(abi::Space::kLocal), 1};
  block.slots[kTables] = {bench_.state().tables, kTablesBytes, static_cast<u32>(abi::Space::kBus),
                          0};
  block.slots[kMemory] = {base_ + kMemoryAt, kMemoryBytes, static_cast<u32>(abi::Space::kBus), 1};
}

abi::BatchEntry& Lab::entry() {
  return at<abi::BatchEntry>(kEntryAt);
}
abi::ParameterBlock& Lab::parameters() {
  return at<abi::ParameterBlock>(kParametersAt);
}
abi::DraftBlock& Lab::draft() {
  return at<abi::DraftBlock>(kDraftAt);
}
const abi::VerifyResult& Lab::result() {
  return at<abi::VerifyResult>(kResultAt);
}
u32* Lab::tokens() {
  return &at<u32>(kTokensAt);
}
Primitive& Lab::primitive(u32 index) {
  return at<Primitive>(kProgramAt + index * sizeof(Primitive));
}
u32* Lab::word(u32 index) {
  return &at<u32>(kMemoryAt + index * sizeof(u32));
}
u64 Lab::word_address(u32 index) const {
  return base_ + kMemoryAt + index * sizeof(u32);
}

u16 Lab::key(u32 row, u32 column) {
  return at<u16>(kPageAt + kPageBytes / 2 + (row * kLabColumns + column) * sizeof(u16));
}
u16 Lab::value(u32 row, u32 column) {
  return at<u16>(kPageAt + kPageBytes / 4 * 3 + (row * kLabColumns + column) * sizeof(u16));
}

Primitive& Lab::add(PrimitiveOp op) {
  Primitive& added = primitive(primitives_);
  added = blank_primitive(op);
  added.n = kLabColumns;
  if (primitives_ > 0) {
    added.predecessors[0] = static_cast<u16>(primitives_ - 1);
    added.predecessor_count = 1;
  }
  ++primitives_;
  return added;
}

Primitive& Lab::gather(Table from, Place to) {
  Primitive& added = add(PrimitiveOp::kGather);
  added.k = kLabRows;
  added.weight = table(from);
  added.output = activation(to);
  return added;
}

Primitive& Lab::linear(Format format, Place from, Place to) {
  const WeightStreams streams = streams_of(format);
  Primitive& added = add(PrimitiveOp::kLinear);
  added.k = kLabColumns;
  added.input = activation(from);
  added.weight = table(streams.stream, format);
  if (abi::is_bsfp(format)) added.tables = table(Table::kSmall, Format::kFp16, streams.code_offset);
  if (abi::is_bsfp_full(format)) added.remainder = table(streams.remainder);
  added.grouping = static_cast<u8>(streams.scales);
  if (streams.scales != abi::Grouping::kNone) {
    added.scales = table(Table::kSmall, Format::kFp16, streams.scale_offset);
  }
  added.output = activation(to);
  return added;
}

Primitive& Lab::elementwise(abi::ElementwiseKind kind, Place a, Place b) {
  Primitive& added = add(PrimitiveOp::kElementwise);
  added.kind = static_cast<u8>(kind);
  added.input = activation(a);
  added.input2 = activation(b);
  added.output = activation(a);
  if (kind == abi::ElementwiseKind::kGelu) added.input2.slot = abi::kNoSlot;
  return added;
}

Primitive& Lab::append(Place keys, Place values, u32 layer) {
  Primitive& added = add(PrimitiveOp::kKvAppend);
  added.layer = static_cast<u16>(layer);
  added.kv_heads = 1;
  added.head_dim = kLabColumns;
  added.input = activation(keys);
  added.input2 = activation(values);
  return added;
}

Operand Lab::activation(Place place) const {
  Operand operand{};
  operand.offset = static_cast<u64>(place) * kPlaceBytes;
  operand.stride = kLabColumns * sizeof(u16);
  operand.slot = kActivations;
  operand.format = static_cast<u8>(Format::kFp16);
  operand.scale_slot = abi::kNoSlot;
  return operand;
}

Operand Lab::table(Table table, Format format, u64 offset) const {
  Operand operand{};
  operand.offset = static_cast<u64>(table) * kTableBytes + offset;
  operand.slot = kTables;
  operand.format = static_cast<u8>(format);
  operand.scale_slot = abi::kNoSlot;
  return operand;
}

Operand Lab::memory(u32 offset) const {
  Operand operand{};
  operand.offset = offset;
  operand.slot = kMemory;
  operand.format = static_cast<u8>(Format::kFp16);
  operand.scale_slot = abi::kNoSlot;
  return operand;
}

abi::Command Lab::command(abi::Opcode opcode) {
  abi::Command command{};
  command.opcode = static_cast<u8>(opcode);
  command.flags = abi::kCommandReloadProgram;
  command.program = base_ + kProgramAt;
  command.primitive_count = static_cast<u16>(primitives_);
  command.batch_table = base_ + kEntryAt;
  command.batch_count = 1;
  command.parameter_block = base_ + kParametersAt;
  command.result_block = base_ + kResultAt;
  if (opcode != abi::Opcode::kRun) entry().draft_block = base_ + kDraftAt;
  return command;
}

CommandEnd Lab::run(abi::Opcode opcode) {
  const CommandEnd end = bench_.run(command(opcode));
  bench_.machine().barrier();
  return end;
}

}  // namespace tandem::firmware
