// SPDX-License-Identifier: Apache-2.0
// Tiny problems for the primitives: programs of a few primitives on the tables, and one sequence.
// Activations leave the device as keys and values of layer 1.
#pragma once
#include "apps/bringup_bench.h"
#include "apps/bringup_tables.h"
#include "tandem/abi/batch.h"
#include "tandem/abi/program.h"

namespace tandem::firmware {

constexpr u32 kLabPrimitives = 8;

// In the local activation buffer.
enum class Place : u32 { kA, kB, kC };

class Lab {
 public:
  static constexpr u64 kBytes = 8 << 10;
  static constexpr u8 kActivations = 0;  // slots
  static constexpr u8 kTables = 1;
  static constexpr u8 kMemory = 2;  // what primitives may write
  static constexpr u8 kUnbound = 5;

  // A program of its own, with `tokens` tokens from position `position` on.
  Lab(Bench& bench, u32 tokens, u32 position = 0);

  abi::Primitive& add(abi::PrimitiveOp op);  // behind the one before
  abi::Primitive& gather(Table table, Place to);
  // Times matrix() in this format.
  abi::Primitive& linear(abi::Format format, Place from, Place to);
  abi::Primitive& elementwise(abi::ElementwiseKind kind, Place a, Place b);  // a = f(a, b)
  abi::Primitive& append(Place keys, Place values, u32 layer = 1);

  abi::Command command(abi::Opcode opcode = abi::Opcode::kRun);
  CommandEnd run(abi::Opcode opcode = abi::Opcode::kRun);

  abi::BatchEntry& entry();
  abi::ParameterBlock& parameters();
  abi::DraftBlock& draft();
  const abi::VerifyResult& result();
  u32* tokens();
  abi::Primitive& primitive(u32 index);
  u32* word(u32 index);  // of the memory that primitives may write
  u64 word_address(u32 index) const;

  // What append() has written, row by row.
  u16 key(u32 row, u32 column);
  u16 value(u32 row, u32 column);
  // True if the keys of the rows are expected(token, row, column).
  template <typename Expected>
  bool keys_are(Expected expected) {
    for (u32 row = 0; row < count_; ++row) {
      for (u32 column = 0; column < kLabColumns; ++column) {
        const u16 got = key(row, column);
        const u16 wanted = half(expected(tokens()[row], row, column));
        const bool zeros = ((got | wanted) & 0x7FFFu) == 0;  // +0 and -0
        if (got != wanted && !zeros) return false;
      }
    }
    return true;
  }

  abi::Operand activation(Place place) const;
  abi::Operand table(Table table, abi::Format format = abi::Format::kFp16, u64 offset = 0) const;
  abi::Operand memory(u32 offset) const;

 private:
  void describe_sequence(u32 position);
  template <typename T>
  T& at(u64 offset) {
    return *bench_.machine().shared<T>(base_ + offset);
  }

  Bench& bench_;
  u64 base_;
  u32 count_;
  u32 primitives_ = 0;
};

}  // namespace tandem::firmware
