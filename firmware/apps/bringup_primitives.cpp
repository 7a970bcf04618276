// SPDX-License-Identifier: Apache-2.0
// Each primitive on a problem whose result is known in integers.
#include "apps/bringup_lab.h"
#include "tandem/abi/npu_registers.h"

namespace tandem::firmware {

using abi::ElementwiseKind;
using abi::Format;
using abi::Mask;
using abi::Opcode;
using abi::PositionKind;
using abi::Primitive;
using abi::PrimitiveOp;

namespace {

// Gathers rows of `table`, applies what `write` adds, and compares what is in A then.
template <typename Write, typename Expected>
void check_rows(Bench& bench, const Line& what, Table table, Write write, Expected expected) {
  Lab lab(bench, 2, 2);
  lab.gather(table, Place::kA);
  write(lab);
  lab.append(Place::kA, Place::kA);
  const CommandEnd end = lab.run();
  bench.check_run(what, end, lab.keys_are(expected));
}

constexpr u32 kHalfRow = kLabColumns / 2;
constexpr u32 kFloatOne = 0x3F80'0000;

// The matrix read as two of half as many rows and columns, one below the other, each of which gets
// its half of the input.
int product_of_group(u32 token, u32 output) {
  const u32 group = output / kHalfRow;
  int sum = 0;
  for (u32 i = 0; i < kHalfRow; ++i) {
    const u32 element = output * kHalfRow + i;
    sum += matrix(element / kLabColumns, element % kLabColumns, Format::kFp16) *
           successor(token, group * kHalfRow + i);
  }
  return sum;
}

void check_linear(Bench& bench, Format format) {
  const Line what = Line("npu.linear ").text(abi::name_of(format));
  const u32 formats = abi::npu::CAPABILITY_FORMATS.get(bench.npu(abi::npu::CAPABILITY));
  if ((formats >> static_cast<u32>(format) & 1u) == 0) return bench.skip(what);
  check_rows(
      bench, what, Table::kZeros,
      [=](Lab& lab) {
        lab.gather(Table::kSuccessor, Place::kB);
        lab.linear(format, Place::kB, Place::kA);
      },
      [=](u32 token, u32, u32 column) { return product(token, column, format); });
}

void check_copy_primitive(Bench& bench) {
  Lab lab(bench, 1);
  for (u32 i = 0; i < 16; ++i) *lab.word(i) = 0x0101'0101u * i;
  Primitive& copy = lab.add(PrimitiveOp::kCopy);
  copy.n = 64;
  copy.input = lab.memory(0);
  copy.output = lab.memory(128);
  const CommandEnd end = lab.run();
  bool right = true;
  for (u32 i = 0; i < 16; ++i) right = right && *lab.word(32 + i) == 0x0101'0101u * i;
  bench.check_run("npu.copy", end, right);
}

// A WAIT that only the SIGNAL before it can end, and a SIGNAL that its predicate forbids.
void check_signals(Bench& bench) {
  Lab lab(bench, 1);
  Primitive& signal = lab.add(PrimitiveOp::kSignal);
  signal.semaphore = lab.word_address(4);
  signal.semaphore_value = 7;
  Primitive& wait = lab.add(PrimitiveOp::kWait);
  wait.semaphore = lab.word_address(4);
  wait.semaphore_value = 7;
  const CommandEnd both = lab.run();
  bench.check_run("npu.signal, wait", both, *lab.word(4) == 7);

  for (u32 predicate = 0; predicate < 2; ++predicate) {
    Lab other(bench, 1);
    *other.word(0) = predicate;
    Primitive& skipped = other.add(PrimitiveOp::kSignal);
    skipped.semaphore = other.word_address(4);
    skipped.semaphore_value = 9;
    skipped.predicate_slot = Lab::kMemory;
    const CommandEnd end = other.run();
    bench.check_run(predicate != 0 ? "npu.predicate 1 lets it run" : "npu.predicate 0 skips it",
                    end, *other.word(4) == 9 * predicate);
  }
}

}  // namespace

void check_moving_primitives(Bench& bench) {
  check_rows(
      bench, "npu.gather, kv_append", Table::kSuccessor, [](Lab&) {},
      [](u32 token, u32, u32 column) { return successor(token, column); });
  check_copy_primitive(bench);
  check_signals(bench);
  check_rows(
      bench, "npu.collective of one device", Table::kSuccessor,
      [](Lab& lab) {
        Primitive& sum = lab.add(PrimitiveOp::kCollective);
        sum.input = lab.activation(Place::kA);
        sum.output = lab.activation(Place::kA);
      },
      [](u32 token, u32, u32 column) { return successor(token, column); });
}

void check_matrix_primitives(Bench& bench) {
  for (const Format format : kWeightFormats) check_linear(bench, format);
  const auto multiply = [](Lab& lab) -> Primitive& {
    lab.gather(Table::kSuccessor, Place::kB);
    return lab.linear(Format::kFp16, Place::kB, Place::kA);
  };
  check_rows(
      bench, "npu.linear with bias", Table::kZeros,
      [&](Lab& lab) { multiply(lab).bias = lab.table(Table::kSlope); },
      [](u32 token, u32, u32 column) {
        return product(token, column, Format::kFp16) + static_cast<int>(column);
      });
  check_rows(
      bench, "npu.linear in two groups", Table::kZeros,
      [&](Lab& lab) {
        Primitive& linear = multiply(lab);
        linear.groups = 2;
        linear.n = kHalfRow;
        linear.k = kHalfRow;
      },
      [](u32 token, u32, u32 column) { return product_of_group(token, column); });
}

namespace {

void check_elementwise(Bench& bench) {
  const auto with_other = [](Table other, ElementwiseKind kind, Place a, Place b) {
    return [=](Lab& lab) {
      lab.gather(other, Place::kB);
      Primitive& last = lab.elementwise(kind, a, b);
      last.output = lab.activation(Place::kA);
    };
  };
  check_rows(bench, "npu.elementwise add", Table::kSuccessor,
             with_other(Table::kSlope, ElementwiseKind::kAdd, Place::kA, Place::kB),
             [](u32 token, u32, u32 column) {
               return successor(token, column) + static_cast<int>(token + column);
             });
  check_rows(bench, "npu.elementwise multiply", Table::kSuccessor,
             with_other(Table::kSlope, ElementwiseKind::kMultiply, Place::kA, Place::kB),
             [](u32 token, u32, u32 column) {
               return successor(token, column) * static_cast<int>(token + column);
             });
  check_rows(bench, "npu.elementwise silu multiply", Table::kSuccessor,
             with_other(Table::kSwitch, ElementwiseKind::kSiluMultiply, Place::kB, Place::kA),
             [](u32 token, u32, u32 column) {
               return static_cast<int>(column % 2) * 64 * successor(token, column);
             });
  check_rows(
      bench, "npu.elementwise gelu", Table::kSwitch,
      [](Lab& lab) { lab.elementwise(ElementwiseKind::kGelu, Place::kA, Place::kA); },
      [](u32, u32, u32 column) { return static_cast<int>(column % 2) * 64; });
}

void check_norms(Bench& bench) {
  const auto normalise = [](abi::NormKind kind) {
    return [=](Lab& lab) {
      Primitive& norm = lab.add(PrimitiveOp::kNorm);
      norm.kind = static_cast<u8>(kind);
      norm.input = lab.activation(Place::kA);
      norm.weight = lab.table(Table::kSlope);  // row 0: gain = column
      norm.output = lab.activation(Place::kA);
      if (kind == abi::NormKind::kLayer) norm.bias = lab.table(Table::kSlope);
    };
  };
  check_rows(bench, "npu.norm rms", Table::kFlat, normalise(abi::NormKind::kRms),
             [](u32, u32, u32 column) { return static_cast<int>(column); });
  check_rows(bench, "npu.norm layer", Table::kAlternate, normalise(abi::NormKind::kLayer),
             [](u32, u32, u32 column) { return static_cast<int>(column % 2 * 2 * column); });
}

void check_positions(Bench& bench) {
  const auto position = [](PositionKind kind, Table table) {
    return [=](Lab& lab) {
      Primitive& turn = lab.add(PrimitiveOp::kPosition);
      turn.kind = static_cast<u8>(kind);
      turn.k = kLabRows;
      turn.heads = 1;
      turn.head_dim = kLabColumns;
      turn.input = lab.activation(Place::kA);
      turn.output = lab.activation(Place::kA);
      const bool learned = kind == PositionKind::kLearned;
      turn.input2 = lab.table(table, learned ? Format::kFp16 : Format::kFp32);
    };
  };
  const auto unchanged = [](u32 token, u32, u32 column) { return successor(token, column); };
  check_rows(bench, "npu.position interleaved, angle 0", Table::kSuccessor,
             position(PositionKind::kRotaryInterleaved, Table::kZeros), unchanged);
  check_rows(bench, "npu.position halves, angle 0", Table::kSuccessor,
             position(PositionKind::kRotaryHalves, Table::kZeros), unchanged);
  // At positions 2 and 3: (4, 4) becomes (-4, -4) and (4, -4).
  check_rows(bench, "npu.position interleaved, quarter turns", Table::kFlat,
             position(PositionKind::kRotaryInterleaved, Table::kQuarterTurn),
             [](u32, u32 row, u32 column) { return row == 1 && column % 2 == 0 ? 4 : -4; });
  check_rows(bench, "npu.position halves, quarter turns", Table::kFlat,
             position(PositionKind::kRotaryHalves, Table::kQuarterTurn),
             [](u32, u32 row, u32 column) { return row == 1 && column < kHalfRow ? 4 : -4; });
  check_rows(bench, "npu.position learned", Table::kSuccessor,
             position(PositionKind::kLearned, Table::kSlope), [](u32 token, u32 row, u32 column) {
               return successor(token, column) + static_cast<int>(2 + row + column);
             });
}

}  // namespace

void check_vector_primitives(Bench& bench) {
  check_elementwise(bench);
  check_norms(bench);
  check_positions(bench);
}

namespace {

// With scale 0 every key weighs the same: the output is the mean of the values that a row sees.
Primitive& average(Lab& lab, u32 layer) {
  Primitive& attention = lab.add(PrimitiveOp::kAttention);
  attention.layer = static_cast<u16>(layer);
  attention.heads = 1;
  attention.kv_heads = 1;
  attention.head_dim = kLabColumns;
  attention.input = lab.activation(Place::kB);
  attention.output = lab.activation(Place::kA);
  return attention;
}

int mean(const u32* tokens, u32 column) {
  return (successor(tokens[0], column) + successor(tokens[1], column)) / 2;
}

void check_attention(Bench& bench, const char* what, Mask mask) {
  Lab lab(bench, 2);
  lab.gather(Table::kSuccessor, Place::kB);
  lab.append(Place::kB, Place::kB, 0);
  average(lab, 0).mask = static_cast<u8>(mask);
  lab.append(Place::kA, Place::kB);
  const CommandEnd end = lab.run();
  bench.check_run(what, end, lab.keys_are([&](u32 token, u32 row, u32 column) {
    const bool sees_both = row == 1 || mask == Mask::kNone;
    return sees_both ? mean(lab.tokens(), column) : successor(token, column);
  }));
}

void check_append_and_commit(Bench& bench) {
  Lab lab(bench, 2);
  lab.gather(Table::kSuccessor, Place::kB);
  lab.append(Place::kB, Place::kB);
  lab.add(PrimitiveOp::kKvCommit);
  const CommandEnd end = lab.run();
  bool right = lab.entry().kv[0].committed_length == 2;
  for (u32 i = 0; i < kLabColumns; ++i) {
    right = right && lab.value(1, i) == half(successor(lab.tokens()[1], i));
  }
  bench.check_run("npu.kv_append of values, kv_commit", end, right);
}

// With a large scale a row sees only the key that is most like it: its own.
void check_scores(Bench& bench) {
  Lab lab(bench, 2);
  lab.gather(Table::kSuccessor, Place::kB);
  lab.append(Place::kB, Place::kB, 0);
  Primitive& attention = average(lab, 0);
  attention.mask = static_cast<u8>(Mask::kNone);
  attention.scale = kFloatOne;
  lab.append(Place::kA, Place::kB);
  const CommandEnd end = lab.run();
  bench.check_run("npu.attention, largest score", end, lab.keys_are([](u32 token, u32, u32 column) {
    return successor(token, column);
  }));
}

// Keys whose first half is the value: the output has half as many columns.
void check_latent_attention(Bench& bench) {
  Lab lab(bench, 2);
  lab.gather(Table::kSuccessor, Place::kB);
  lab.gather(Table::kZeros, Place::kA);
  abi::Operand rest = lab.activation(Place::kB);
  rest.offset += kHalfRow * sizeof(u16);
  Primitive& append = lab.append(Place::kB, Place::kB, 0);
  append.value_dim = kHalfRow;
  append.input2 = rest;
  Primitive& attention = average(lab, 0);
  attention.value_dim = kHalfRow;
  attention.input2 = rest;
  lab.append(Place::kA, Place::kB);
  const CommandEnd end = lab.run();
  bench.check_run("npu.kv_append, attention, values in the keys", end,
                  lab.keys_are([&](u32 token, u32 row, u32 column) {
                    if (column >= kHalfRow) return 0;
                    return row == 1 ? mean(lab.tokens(), column) : successor(token, column);
                  }));
}

}  // namespace

void check_cache_primitives(Bench& bench) {
  check_append_and_commit(bench);
  check_attention(bench, "npu.attention, causal", Mask::kCausal);
  check_attention(bench, "npu.attention, no mask", Mask::kNone);
  check_scores(bench);
  check_latent_attention(bench);
}

void check_token_primitives(Bench& bench) {
  {
    Lab lab(bench, 1);
    lab.parameters().max_draft = 4;
    lab.gather(Table::kSuccessor, Place::kA);
    lab.add(PrimitiveOp::kSample).input = lab.activation(Place::kA);
    const CommandEnd end = lab.run(Opcode::kDraft);
    bool right = lab.draft().count == 4;
    for (u32 i = 0; i < 4; ++i) right = right && lab.draft().tokens[i] == lab.tokens()[0] + 1 + i;
    bench.check_run("npu.draft, sample", end, right);
  }
  Lab lab(bench, 1);
  const u32 first = lab.tokens()[0];
  lab.entry().remaining_tokens = 8;
  lab.draft().count = 3;
  lab.draft().tokens[0] = first + 1;
  lab.draft().tokens[1] = first + 2;
  lab.draft().tokens[2] = first + 9;  // wrong
  lab.gather(Table::kSuccessor, Place::kA);
  lab.add(PrimitiveOp::kAccept).input = lab.activation(Place::kA);
  const CommandEnd end = lab.run(Opcode::kVerify);
  const abi::VerifyResult& result = lab.result();
  bench.check_run("npu.verify, accept", end,
                  result.drafted == 3 && result.accepted == 2 && result.emitted == 3 &&
                      result.next_token == first + 3 && result.stop_reason == 0);
}

}  // namespace tandem::firmware
