// SPDX-License-Identifier: Apache-2.0
// One decoder layer of width 2,048 with random weights, as a program for a RigDriver.
#pragma once
#include <vector>

#include "npu_rig.h"

namespace tandem::test {

constexpr std::uint32_t kDim = 2048, kHidden = 2048, kHeads = 16, kHeadDim = 128;
constexpr std::uint64_t kMatrixBytes = 2ull * kDim * kDim;

inline std::vector<std::uint16_t> random_fp16(std::size_t n, std::uint32_t seed) {
  std::vector<std::uint16_t> values(n);
  for (std::uint16_t& value : values) {
    seed = seed * 1664525u + 1013904223u;
    // Sign, an exponent of 2^-7 or 2^-6, mantissa.
    value = static_cast<std::uint16_t>((seed >> 16 & 0x83FFu) | 0x2000u | (seed >> 5 & 0x0400u));
  }
  return values;
}

class DecoderLayer {
 public:
  // Activation buffer: rows of kDim or kHidden elements, one after the other.
  enum Buffer : std::uint64_t { kX, kNormed, kQ, kK, kV, kAttended, kProjected, kGate, kUp, kDown };
  static abi::Operand at(Buffer buffer) { return on_chip(buffer * 2ull * kDim, kDim); }

  explicit DecoderLayer(RigDriver& rig) : rig_(rig) {
    const auto x = add(abi::PrimitiveOp::kGather, {});
    program_[x].weight = tensor(kDim, 8);
    program_[x].n = kDim;
    program_[x].k = 8;
    program_[x].output = at(kX);
    const auto norm = normalise(x, kX);
    const auto q = linear(kNormed, kQ, {norm}), k = linear(kNormed, kK, {norm});
    const auto v = linear(kNormed, kV, {norm});
    const auto append = add(abi::PrimitiveOp::kKvAppend, {k, v});
    program_[append].input = at(kK);
    program_[append].input2 = at(kV);
    heads(append);
    const auto attention = add(abi::PrimitiveOp::kAttention, {q, append});
    program_[attention].input = at(kQ);
    program_[attention].output = at(kAttended);
    program_[attention].scale = 0x3DB504F3;  // 1 / sqrt(128)
    heads(attention);
    const auto o = linear(kAttended, kProjected, {attention});
    const auto sum = elementwise(abi::ElementwiseKind::kAdd, kX, kProjected, kX, {o});
    const auto norm2 = normalise(sum, kX);
    const auto gate = linear(kNormed, kGate, {norm2}), up = linear(kNormed, kUp, {norm2});
    const auto act =
        elementwise(abi::ElementwiseKind::kSiluMultiply, kGate, kUp, kGate, {gate, up});
    const auto down = linear(kGate, kDown, {act});
    elementwise(abi::ElementwiseKind::kAdd, kX, kDown, kX, {down});
  }

  const std::vector<abi::Primitive>& program() const { return program_; }
  std::uint64_t weight_bytes() const { return weight_bytes_; }

 private:
  std::uint16_t add(abi::PrimitiveOp op, std::initializer_list<std::uint16_t> after) {
    program_.push_back(primitive(op, after));
    return static_cast<std::uint16_t>(program_.size() - 1);
  }
  abi::Operand tensor(std::uint32_t rows, std::uint32_t columns) {
    const std::uint64_t address = next_;
    rig_.put(address, random_fp16(std::size_t{rows} * columns, static_cast<std::uint32_t>(next_)));
    next_ += 2ull * rows * columns;
    return in_memory(address);
  }
  std::uint16_t linear(Buffer from, Buffer to, std::initializer_list<std::uint16_t> after) {
    const auto index = add(abi::PrimitiveOp::kLinear, after);
    program_[index].n = program_[index].k = kDim;
    program_[index].input = at(from);
    program_[index].output = at(to);
    program_[index].weight = tensor(kDim, kDim);
    weight_bytes_ += kMatrixBytes;
    return index;
  }
  std::uint16_t normalise(std::uint16_t after, Buffer from) {
    const auto index = add(abi::PrimitiveOp::kNorm, {after});
    program_[index].n = kDim;
    program_[index].epsilon = 0x3727C5AC;  // 1e-5
    program_[index].input = at(from);
    program_[index].output = at(kNormed);
    program_[index].weight = tensor(kDim, 1);
    return index;
  }
  std::uint16_t elementwise(abi::ElementwiseKind kind, Buffer a, Buffer b, Buffer to,
                            std::initializer_list<std::uint16_t> after) {
    const auto index = add(abi::PrimitiveOp::kElementwise, after);
    program_[index].kind = static_cast<std::uint8_t>(kind);
    program_[index].n = kHidden;
    program_[index].input = at(a);
    program_[index].input2 = at(b);
    program_[index].output = at(to);
    return index;
  }
  void heads(std::uint16_t index) {
    program_[index].heads = program_[index].kv_heads = kHeads;
    program_[index].head_dim = kHeadDim;
  }

  RigDriver& rig_;
  std::vector<abi::Primitive> program_;
  std::uint64_t next_ = kTensors;
  std::uint64_t weight_bytes_ = 0;
};

}  // namespace tandem::test
