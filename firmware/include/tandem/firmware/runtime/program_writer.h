// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/program.h"
#include "tandem/firmware/machine.h"
#include "tandem/firmware/runtime/activation_layout.h"
#include "tandem/firmware/runtime/range_allocator.h"

namespace tandem::firmware {

// A program in shared memory.
struct ProgramRef {
  u64 address;
  u32 primitives;
  u32 context;
};

// Gives each of its primitives a check.
void protect(const Machine& machine, const ProgramRef& program);

// A primitive with every operand and slot absent.
abi::Primitive blank_primitive(abi::PrimitiveOp op);

// Writes the primitives of one program in order and finds their predecessors: a primitive waits
// for the last writer of what it reads (true dependence), and before it overwrites a buffer for
// all readers of the old contents and for its writer. Nothing else, so that independent
// primitives may overlap.
class ProgramWriter {
 public:
  static constexpr u32 kMaxAccesses = 4;
  static constexpr u16 kNone = 0xFFFF;

  struct Accesses {
    Buffer reads[kMaxAccesses];
    u32 read_count = 0;
    Buffer writes = Buffer::kResidual;
    bool has_write = false;
    u16 after = kNone;  // one more predecessor, for what passes through memory

    Accesses& read(Buffer buffer) {
      reads[read_count++] = buffer;
      return *this;
    }
    Accesses& write(Buffer buffer) {
      writes = buffer;
      has_write = true;
      return *this;
    }
    Accesses& behind(u16 index) {
      after = index;
      return *this;
    }
  };

  ProgramWriter(const Machine& machine, RangeAllocator& control)
      : machine_(machine), control_(control) {}

  // Starts a program of at most `primitives` primitives.
  void begin(u32 primitives);
  // Of the primitives added from now on, for statistics.
  void set_stage(abi::Stage stage) { stage_ = stage; }
  // Index of the new primitive.
  u16 add(abi::Primitive primitive, const Accesses& accesses);
  ProgramRef end();
  // True when memory, the announced length or the predecessor list did not suffice.
  bool failed() const { return failed_; }

 private:
  static constexpr u32 kMaxReaders = abi::kMaxPredecessors;
  struct History {
    u16 writer;
    u16 readers[kMaxReaders];
    u32 reader_count;
  };
  History& history(Buffer buffer) { return histories_[static_cast<u32>(buffer)]; }
  void add_predecessor(abi::Primitive& primitive, u16 index);
  void note_read(Buffer buffer, u16 index);

  const Machine& machine_;
  RangeAllocator& control_;
  History histories_[kBuffers];
  u64 address_ = 0;
  u32 capacity_ = 0;
  u32 count_ = 0;
  abi::Stage stage_ = abi::Stage::kOther;
  bool failed_ = false;
};

}  // namespace tandem::firmware
