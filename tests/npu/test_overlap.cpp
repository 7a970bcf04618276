// SPDX-License-Identifier: Apache-2.0
// The sequencer keeps the memory busy: weights of later primitives arrive while earlier ones
// compute. Measured on one decoder layer of width 2,048 with random weights.
#include <catch2/catch.hpp>

#include "npu_rig.h"

using namespace tandem;
using abi::PrimitiveOp;
using test::NpuRig;

namespace {

constexpr std::uint32_t kDim = 2048, kHidden = 2048, kHeads = 16, kHeadDim = 128;
constexpr std::uint64_t kMatrixBytes = 2ull * kDim * kDim;

std::vector<std::uint16_t> random_fp16(std::size_t n, std::uint32_t seed) {
  std::vector<std::uint16_t> values(n);
  for (std::uint16_t& value : values) {
    seed = seed * 1664525u + 1013904223u;
    // Sign, an exponent of 2^-7 or 2^-6, mantissa.
    value = static_cast<std::uint16_t>((seed >> 16 & 0x83FFu) | 0x2000u | (seed >> 5 & 0x0400u));
  }
  return values;
}

class Layer {
 public:
  // Activation buffer: rows of kDim or kHidden elements, one after the other.
  enum Buffer : std::uint64_t { kX, kNormed, kQ, kK, kV, kAttended, kProjected, kGate, kUp, kDown };
  static abi::Operand at(Buffer buffer) { return test::on_chip(buffer * 2ull * kDim, kDim); }

  explicit Layer(NpuRig& rig) : rig_(rig) {
    const auto x = add(PrimitiveOp::kGather, {});
    program_[x].weight = tensor(kDim, 8);
    program_[x].n = kDim;
    program_[x].k = 8;
    program_[x].output = at(kX);
    const auto norm = normalise(x, kX);
    const auto q = linear(kNormed, kQ, {norm}), k = linear(kNormed, kK, {norm});
    const auto v = linear(kNormed, kV, {norm});
    const auto append = add(PrimitiveOp::kKvAppend, {k, v});
    program_[append].input = at(kK);
    program_[append].input2 = at(kV);
    heads(append);
    const auto attention = add(PrimitiveOp::kAttention, {q, append});
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
  std::uint16_t add(PrimitiveOp op, std::initializer_list<std::uint16_t> after) {
    program_.push_back(test::primitive(op, after));
    return static_cast<std::uint16_t>(program_.size() - 1);
  }
  abi::Operand tensor(std::uint32_t rows, std::uint32_t columns) {
    const std::uint64_t address = next_;
    rig_.put(address, random_fp16(std::size_t{rows} * columns, static_cast<std::uint32_t>(next_)));
    next_ += 2ull * rows * columns;
    return test::in_memory(address);
  }
  std::uint16_t linear(Buffer from, Buffer to, std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kLinear, after);
    program_[index].n = program_[index].k = kDim;
    program_[index].input = at(from);
    program_[index].output = at(to);
    program_[index].weight = tensor(kDim, kDim);
    weight_bytes_ += kMatrixBytes;
    return index;
  }
  std::uint16_t normalise(std::uint16_t after, Buffer from) {
    const auto index = add(PrimitiveOp::kNorm, {after});
    program_[index].n = kDim;
    program_[index].epsilon = 0x3727C5AC;  // 1e-5
    program_[index].input = at(from);
    program_[index].output = at(kNormed);
    program_[index].weight = tensor(kDim, 1);
    return index;
  }
  std::uint16_t elementwise(abi::ElementwiseKind kind, Buffer a, Buffer b, Buffer to,
                            std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kElementwise, after);
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

  NpuRig& rig_;
  std::vector<abi::Primitive> program_;
  std::uint64_t next_ = test::kTensors;
  std::uint64_t weight_bytes_ = 0;
};

// Share of the memory's effective bandwidth (peak less refresh) that the layer's weights got.
double bandwidth_share(bool serial) {
  npu::Config config = test::small_npu();
  // A tile holds as many whole rows as the array has columns, so fetches are contiguous.
  config.contexts = 2;
  config.weight_tile_bytes = 32 * 2 * kDim;
  config.weight_buffer_bytes = 4 * config.weight_tile_bytes;
  config.serial = serial;
  NpuRig rig(config);
  const std::uint64_t page = test::kPages;
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, page));
  const Layer layer(rig);
  abi::Command command = rig.prepare(layer.program());
  command.phase = static_cast<std::uint32_t>(abi::Phase::kDecode);
  REQUIRE(test::status_of(rig.run(command)) == abi::Status::kOk);
  const memory::DeviceConfig& device = rig.memory.config().device;
  const double refresh =
      static_cast<double>(device.timing.tRFC) / static_cast<double>(device.timing.tREFI);
  const double effective = rig.memory.config().peak_bytes_per_s() * (1.0 - refresh);
  const std::uint64_t time_ps = rig.npu.phase_times().phase_ps[4];
  const double rate =
      static_cast<double>(layer.weight_bytes()) / (1e-12 * static_cast<double>(time_ps));
  INFO("share of " << effective << " B/s: " << rate / effective);
  CHECK(rate <= rig.memory.config().peak_bytes_per_s());
  return rate / effective;
}

}  // namespace

TEST_CASE("Plain decoding takes at least 90 % of the effective bandwidth") {
  CHECK(bandwidth_share(false) >= 0.90);
}

TEST_CASE("A serial sequencer does not: the measurement sees the difference") {
  CHECK(bandwidth_share(true) < 0.90);
}
