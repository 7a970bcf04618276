// SPDX-License-Identifier: Apache-2.0
// Tiny problems for the primitives: tables of small integers, which FP16 holds exactly, programs of
// a few primitives, and one sequence. Activations leave the device as keys and values of layer 1.
#pragma once
#include "apps/bringup_bench.h"
#include "tandem/abi/batch.h"
#include "tandem/abi/program.h"

namespace tandem::firmware {

constexpr u32 kLabColumns = 16;
constexpr u32 kLabRows = 16;  // of a table, and tokens of a page
constexpr u32 kLabPrimitives = 8;

// FP16 of an integer that it holds exactly: up to 2048, and even ones up to 4096.
constexpr u16 half(int value) {
  if (value == 0) return 0;
  const u32 sign = value < 0 ? 0x8000u : 0u;
  const u32 magnitude = static_cast<u32>(value < 0 ? -value : value);
  u32 exponent = 0;
  while ((magnitude >> exponent) > 1) ++exponent;
  const u32 fraction = exponent <= 10 ? magnitude << (10 - exponent) : magnitude >> (exponent - 10);
  return static_cast<u16>(sign | (exponent + 15) << 10 | (fraction & 0x3FFu));
}

enum class Table : u32 {
  kSuccessor,    // row t: largest at column t + 1, else t - column
  kMatrix,       // row n: 2 at column n, 1 more at column 0
  kSwitch,       // 64 at odd columns, else 0
  kFlat,         // 4
  kAlternate,    // 4 at odd columns, else -4
  kSlope,        // row t: t + column
  kSignedBytes,  // of kMatrix, INT8
  kNibbles,      // of kMatrix, INT4
  kZeros,
  kNotNumbers,
  kTables
};

// In the local activation buffer.
enum class Place : u32 { kA, kB, kC };

class Lab {
 public:
  static constexpr u64 kBytes = 24 << 10;
  static constexpr u8 kActivations = 0;  // slots
  static constexpr u8 kTables = 1;
  static constexpr u8 kMemory = 2;  // what primitives may write
  static constexpr u8 kUnbound = 5;

  // A program of its own, with `tokens` tokens from position `position` on.
  Lab(Bench& bench, u32 tokens, u32 position = 0);

  abi::Primitive& add(abi::PrimitiveOp op);  // behind the one before
  abi::Primitive& gather(Table table, Place to);
  abi::Primitive& linear(Table weights, Place from, Place to);
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
  abi::Operand table(Table table, abi::Format format = abi::Format::kFp16) const;
  abi::Operand memory(u32 offset) const;

 private:
  void fill_tables();
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

// Contents of the tables, for expectations.
int successor(u32 token, u32 column);
int matrix(u32 row, u32 column);

}  // namespace tandem::firmware
