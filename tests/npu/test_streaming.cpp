// SPDX-License-Identifier: Apache-2.0
// Primitives that begin with columns of what a LINEAR computes: they gain time, and change nothing.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "npu_rig.h"
#include "tandem/numerics/fp.h"

using namespace tandem;
using abi::PrimitiveOp;
using test::NpuRig;

namespace {

constexpr std::uint32_t kRows = 48, kWidth = 512, kHeads = 4, kHeadDim = 128;
constexpr std::uint64_t kRowsBytes = 2ull * kRows * kWidth;

// Buffers of kRows rows of kWidth elements, one after the other.
enum Buffer : std::uint64_t { kX, kNormed, kQuery, kKey, kValue, kAttended, kProjected, kUp };

abi::Operand at(Buffer buffer) {
  return test::on_chip(buffer * kRowsBytes, kWidth);
}

npu::Config overlapped() {
  npu::Config config = test::small_npu();
  config.contexts = 2;
  config.weight_tile_bytes = 32 * 2 * kWidth;
  config.weight_buffer_bytes = 4 * config.weight_tile_bytes;
  config.activation_bytes = 16 * kRowsBytes;
  config.kv_buffer_bytes = 1u << 20;
  config.vector.lanes = 16;  // slow enough to be seen
  return config;
}

npu::Config serial() {
  npu::Config config = overlapped();
  config.serial = true;
  return config;
}

// A program and the tensors that it reads.
class Builder {
 public:
  explicit Builder(test::RigDriver& rig) : rig_(rig) {}

  const std::vector<abi::Primitive>& program() const { return program_; }
  abi::Primitive& operator[](std::uint16_t index) { return program_[index]; }

  std::uint16_t gather(Buffer to) {
    const auto index = add(PrimitiveOp::kGather, {});
    program_[index].k = 64;
    program_[index].n = kWidth;
    program_[index].weight = tensor(64 * kWidth);
    program_[index].output = at(to);
    return index;
  }
  std::uint16_t linear(Buffer from, Buffer to, std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kLinear, after);
    program_[index].n = program_[index].k = kWidth;
    program_[index].weight = tensor(kWidth * kWidth);
    return connect(index, from, to);
  }
  std::uint16_t norm(Buffer from, Buffer to, std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kNorm, after);
    program_[index].n = kWidth;
    program_[index].epsilon = numerics::float_bits(1e-5f);
    program_[index].weight = tensor(kWidth);
    return connect(index, from, to);
  }
  std::uint16_t rotate(Buffer buffer, std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kPosition, after);
    program_[index].heads = kHeads;
    program_[index].head_dim = kHeadDim;
    connect(index, buffer, buffer);
    program_[index].input2 = in_memory(frequencies(), abi::Format::kFp32);
    return index;
  }
  std::uint16_t gelu(Buffer from, Buffer to, std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kElementwise, after);
    program_[index].kind = static_cast<std::uint8_t>(abi::ElementwiseKind::kGelu);
    program_[index].n = kWidth;
    return connect(index, from, to);
  }
  std::uint16_t combine(abi::ElementwiseKind kind, Buffer into, Buffer other,
                        std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kElementwise, after);
    program_[index].kind = static_cast<std::uint8_t>(kind);
    program_[index].n = kWidth;
    connect(index, into, into);
    program_[index].input2 = at(other);
    return index;
  }
  std::uint16_t append(Buffer keys, Buffer values, std::initializer_list<std::uint16_t> after,
                       std::uint8_t set = 0) {
    const auto index = add(PrimitiveOp::kKvAppend, after);
    program_[index].kv_set = set;
    program_[index].kv_heads = kHeads;
    program_[index].head_dim = kHeadDim;
    program_[index].n = kWidth;
    program_[index].input = at(keys);
    program_[index].input2 = at(values);
    return index;
  }
  std::uint16_t attention(Buffer from, Buffer to, std::initializer_list<std::uint16_t> after) {
    const auto index = add(PrimitiveOp::kAttention, after);
    program_[index].heads = program_[index].kv_heads = kHeads;
    program_[index].head_dim = kHeadDim;
    program_[index].scale = numerics::float_bits(0.0883883f);
    return connect(index, from, to);
  }

 private:
  static abi::Operand in_memory(std::uint64_t address, abi::Format format) {
    return test::in_memory(address, format);
  }
  std::uint16_t add(PrimitiveOp op, std::initializer_list<std::uint16_t> after) {
    program_.push_back(test::primitive(op, after));
    return static_cast<std::uint16_t>(program_.size() - 1);
  }
  std::uint16_t connect(std::uint16_t index, Buffer from, Buffer to) {
    program_[index].input = at(from);
    program_[index].output = at(to);
    return index;
  }
  abi::Operand tensor(std::uint32_t elements) {
    std::vector<std::uint16_t> values(elements);
    for (std::uint16_t& value : values) {
      seed_ = seed_ * 1664525u + 1013904223u;
      value =
          static_cast<std::uint16_t>((seed_ >> 16 & 0x83FFu) | 0x2400u | (seed_ >> 5 & 0x0400u));
    }
    rig_.put(next_, values);
    next_ += 2ull * elements;
    return test::in_memory(next_ - 2ull * elements);
  }
  std::uint64_t frequencies() {
    std::vector<float> values(kHeadDim / 2);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
    rig_.put(next_, values);
    next_ += 4 * values.size();
    return next_ - 4 * values.size();
  }

  test::RigDriver& rig_;
  std::vector<abi::Primitive> program_;
  std::uint64_t next_ = test::kTensors;
  std::uint32_t seed_ = 1;
};

struct Outcome {
  std::uint64_t time_ps, vector_busy_ps;
  std::vector<std::uint8_t> pages;  // keys and values of both sets
};

struct Case {
  void (*build)(Builder&);
  npu::Config config;
};

// An NPU with a memory of its own. Keys and values that the program appends are its results.
class Machine {
 public:
  Machine(const std::string& name, const Case& what)
      : build_(what.build),
        device_(("npu" + name).c_str(), what.config),
        stack_(("memory" + name).c_str(), test::stack_config("lpddr5_6400")),
        rig_(device_, stack_, ("driver" + name).c_str()) {
    device_.memory.bind(stack_.target());
  }
  void start() {
    rig_.enable();
    Builder builder(rig_);
    build_(builder);
    rig_.put(test::kPageTable, std::vector<std::uint64_t>{test::kPages});
    rig_.put(test::kPageTable + 8, std::vector<std::uint64_t>{test::kPages + kPageBytes});
    abi::Command command = rig_.prepare(builder.program());
    command.phase = static_cast<std::uint16_t>(abi::Phase::kPrefill);
    std::vector<std::uint32_t> tokens(kRows);
    for (std::uint32_t i = 0; i < kRows; ++i) tokens[i] = i * 7 % 64;
    rig_.put(test::kTokens, tokens);
    abi::BatchEntry entry = rig_.entry(kRows);
    entry.kv[0].page_count = entry.kv[1].page_count = 1;
    entry.kv[1].page_table = test::kPageTable + 8;
    rig_.put(test::kBatch, entry);
    rig_.submit(command);
  }
  Outcome finish() {
    REQUIRE(test::status_of(rig_.wait()) == abi::Status::kOk);
    Outcome outcome;
    outcome.time_ps = device_.phase_times().phase_ps[static_cast<int>(abi::Phase::kPrefill)];
    observe::StatisticsTable table;
    device_.collect(table);
    outcome.vector_busy_ps = table.find("vector.busy_ps")->integer;
    outcome.pages.resize(2 * kPageBytes);
    stack_.store().read(test::kPages, outcome.pages.data(), outcome.pages.size());
    return outcome;
  }

 private:
  static constexpr std::uint64_t kPageBytes = 2ull * 128 * 2 * kWidth;
  void (*build_)(Builder&);
  npu::Npu device_;
  memory::Stack stack_;
  test::RigDriver rig_;
};

// All from the same moment on: refreshes come at the same times.
std::vector<Outcome> run(const std::vector<Case>& cases) {
  std::vector<std::unique_ptr<Machine>> machines;
  for (const Case& what : cases) {
    machines.push_back(std::make_unique<Machine>(std::to_string(machines.size()), what));
  }
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  for (const auto& machine : machines) machine->start();
  std::vector<Outcome> outcomes;
  for (const auto& machine : machines) outcomes.push_back(machine->finish());
  return outcomes;
}

npu::VectorUnit vector_unit() {
  return npu::VectorUnit(overlapped().vector);
}
std::uint64_t ps_of(std::uint64_t cycles) {
  return cycles * overlapped().vector.clock_period_ps;
}

void linear_alone(Builder& b) {
  const auto x = b.gather(kX);
  const auto up = b.linear(kX, kUp, {x});
  b.append(kUp, kX, {up});
}

void linear_and_gelu(Builder& b) {
  const auto x = b.gather(kX);
  const auto up = b.linear(kX, kUp, {x});
  const auto gelu = b.gelu(kUp, kUp, {up});
  b.append(kUp, kX, {gelu});
}

void gelu_over_the_input(Builder& b) {
  const auto x = b.gather(kX);
  const auto up = b.linear(kX, kUp, {x});
  const auto gelu = b.gelu(kUp, kX, {up});
  b.append(kX, kUp, {gelu});
}

void linear_and_norm(Builder& b) {
  const auto x = b.gather(kX);
  const auto up = b.linear(kX, kUp, {x});
  const auto norm = b.norm(kUp, kNormed, {up});
  b.append(kNormed, kX, {norm});
}

// A layer as the firmware writes it.
void layer(Builder& b) {
  const auto x = b.gather(kX);
  const auto norm = b.norm(kX, kNormed, {x});
  const auto key = b.linear(kNormed, kKey, {norm});
  const auto value = b.linear(kNormed, kValue, {norm});
  const auto key_rotated = b.rotate(kKey, {key});
  const auto append = b.append(kKey, kValue, {key_rotated, value});
  const auto query = b.linear(kNormed, kQuery, {norm});
  const auto query_rotated = b.rotate(kQuery, {query});
  const auto attention = b.attention(kQuery, kAttended, {query_rotated, append});
  const auto projected = b.linear(kAttended, kProjected, {attention});
  const auto sum = b.combine(abi::ElementwiseKind::kAdd, kX, kProjected, {projected, norm});
  const auto norm2 = b.norm(kX, kNormed, {sum, key, value, query});
  const auto gate = b.linear(kNormed, kKey, {norm2, append});
  const auto up = b.linear(kNormed, kUp, {norm2});
  const auto inner = b.combine(abi::ElementwiseKind::kSiluMultiply, kKey, kUp, {gate, up});
  const auto down = b.linear(kKey, kProjected, {inner, sum});
  const auto out = b.combine(abi::ElementwiseKind::kAdd, kX, kProjected, {down, norm2});
  b.append(kX, kAttended, {out}, 1);
}

}  // namespace

TEST_CASE("GELU works on the columns that the array has done") {
  const auto outcomes = run(
      {{linear_alone, overlapped()}, {linear_and_gelu, overlapped()}, {linear_and_gelu, serial()}});
  const Outcome &alone = outcomes[0], &both = outcomes[1];
  const std::uint64_t whole =
      ps_of(vector_unit().cycles(npu::VectorOperation::kGelu, kRows, kWidth));
  const std::uint64_t last_tile = whole * 32 / kWidth;
  CHECK(both.vector_busy_ps == whole);
  CHECK(both.time_ps >= alone.time_ps + last_tile);
  CHECK(both.time_ps < alone.time_ps + 3 * last_tile);
  CHECK(both.pages == outcomes[2].pages);
}

TEST_CASE("what would overwrite the input of a LINEAR waits for all of it") {
  const auto outcomes = run({{linear_alone, overlapped()},
                             {gelu_over_the_input, overlapped()},
                             {gelu_over_the_input, serial()}});
  CHECK(outcomes[1].time_ps >= outcomes[0].time_ps + outcomes[1].vector_busy_ps);
  CHECK(outcomes[1].pages == outcomes[2].pages);
}

TEST_CASE("a norm adds its sums up beside the array, and scales whole rows") {
  const auto outcomes = run(
      {{linear_alone, overlapped()}, {linear_and_norm, overlapped()}, {linear_and_norm, serial()}});
  const Outcome &alone = outcomes[0], &both = outcomes[1];
  const npu::VectorUnit unit = vector_unit();
  constexpr auto kNorm = npu::VectorOperation::kRmsNorm;
  const std::uint64_t whole = ps_of(unit.cycles(kNorm, kRows, kWidth));
  const std::uint64_t rows = whole - ps_of(unit.column_cycles(kNorm, kRows, kWidth));
  CHECK(both.vector_busy_ps == whole);
  CHECK(both.time_ps >= alone.time_ps + rows);
  CHECK(both.time_ps < alone.time_ps + rows + (whole - rows) / 2);
  CHECK(both.pages == outcomes[2].pages);
}

TEST_CASE("a layer computes the same with and without overlap, and takes less time with it") {
  npu::Config timing = overlapped();
  timing.timing_only = true;
  npu::Config bulk = timing;
  bulk.bulk_bytes = 1u << 20;
  const auto outcomes =
      run({{layer, serial()}, {layer, overlapped()}, {layer, timing}, {layer, bulk}});
  const Outcome &one_by_one = outcomes[0], &beside = outcomes[1];
  CHECK(beside.pages == one_by_one.pages);
  CHECK(std::count(beside.pages.begin(), beside.pages.end(), 0) <
        static_cast<std::ptrdiff_t>(beside.pages.size() * 3 / 4));
  CHECK(beside.vector_busy_ps == one_by_one.vector_busy_ps);
  CHECK(beside.time_ps < one_by_one.time_ps);
  CHECK(outcomes[2].time_ps == beside.time_ps);
  CHECK(outcomes[3].vector_busy_ps == beside.vector_busy_ps);
  CHECK(static_cast<double>(outcomes[3].time_ps) ==
        Approx(static_cast<double>(beside.time_ps)).epsilon(0.05));
}
