// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/program_writer.h"

#include "tandem/abi/checks.h"
#include "tandem/abi/command.h"

namespace tandem::firmware {

void protect(const Machine& machine, const ProgramRef& program) {
  abi::Primitive* const primitives = machine.shared<abi::Primitive>(program.address);
  for (u32 i = 0; i < program.primitives; ++i) {
    primitives[i].check = abi::primitive_check(primitives[i]);
  }
}

abi::Primitive blank_primitive(abi::PrimitiveOp op) {
  abi::Primitive primitive{};
  primitive.op = static_cast<u8>(op);
  primitive.engine_mask = abi::kEngineNpu;
  primitive.predicate_slot = abi::kNoSlot;
  primitive.index_slot = abi::kNoSlot;
  abi::Operand* const operands[] = {&primitive.input,     &primitive.input2, &primitive.weight,
                                    &primitive.remainder, &primitive.scales, &primitive.tables,
                                    &primitive.bias,      &primitive.output};
  for (abi::Operand* operand : operands) {
    operand->slot = abi::kNoSlot;
    operand->scale_slot = abi::kNoSlot;
  }
  return primitive;
}

void ProgramWriter::begin(u32 primitives) {
  address_ = control_.take(u64{primitives} * sizeof(abi::Primitive));
  capacity_ = address_ == 0 ? 0 : primitives;
  count_ = 0;
  for (History& history : histories_) {
    history.writer = kNone;
    history.reader_count = 0;
  }
}

void ProgramWriter::add_predecessor(abi::Primitive& primitive, u16 index) {
  if (index == kNone) return;
  for (u32 i = 0; i < primitive.predecessor_count; ++i) {
    if (primitive.predecessors[i] == index) return;
  }
  if (primitive.predecessor_count == abi::kMaxPredecessors) {
    failed_ = true;
    return;
  }
  primitive.predecessors[primitive.predecessor_count++] = index;
}

void ProgramWriter::note_read(Buffer buffer, u16 index) {
  History& past = history(buffer);
  if (past.reader_count == kMaxReaders) {
    failed_ = true;
    return;
  }
  past.readers[past.reader_count++] = index;
}

u16 ProgramWriter::add(abi::Primitive primitive, const Accesses& accesses) {
  if (count_ == capacity_) {
    failed_ = true;
    return kNone;
  }
  const u16 index = static_cast<u16>(count_++);
  primitive.stage = static_cast<u32>(stage_);
  for (u32 i = 0; i < accesses.read_count; ++i) {
    add_predecessor(primitive, history(accesses.reads[i]).writer);
  }
  add_predecessor(primitive, accesses.after);
  for (u32 i = 0; i < accesses.read_count; ++i) note_read(accesses.reads[i], index);
  if (accesses.has_write) {
    History& past = history(accesses.writes);
    // Readers waited for the old writer themselves.
    if (past.reader_count == 0) add_predecessor(primitive, past.writer);
    for (u32 i = 0; i < past.reader_count; ++i) {
      if (past.readers[i] != index) add_predecessor(primitive, past.readers[i]);
    }
    past.writer = index;
    past.reader_count = 0;
  }
  *machine_.shared<abi::Primitive>(address_ + u64{index} * sizeof(abi::Primitive)) = primitive;
  return index;
}

ProgramRef ProgramWriter::end() {
  return {address_, count_, 0};
}

}  // namespace tandem::firmware
