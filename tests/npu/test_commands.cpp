// SPDX-License-Identifier: Apache-2.0
// Commands and programs through the queue pairs, right and wrong ones.
#include <catch2/catch.hpp>

#include "npu_rig.h"
#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"

using namespace tandem;
using abi::Opcode;
using abi::PrimitiveOp;
using abi::Status;
using test::NpuRig;
using test::status_of;

namespace {

std::vector<std::uint16_t> ramp(std::size_t n, float step) {
  std::vector<std::uint16_t> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = numerics::float_to_fp16(step * static_cast<float>(static_cast<int>(i % 37) - 18));
  }
  return values;
}

// GATHER of row 3 of a table [8][64], then LINEAR with [48][64], then a copy of nothing.
std::vector<abi::Primitive> gather_and_multiply(NpuRig& rig) {
  rig.put(test::kTensors, ramp(8 * 64, 0.0625f));
  rig.put(test::kTensors + 0x1000, ramp(48 * 64, 0.03125f));
  abi::Primitive gather = test::primitive(PrimitiveOp::kGather);
  gather.n = 64;
  gather.k = 8;
  gather.weight = test::in_memory(test::kTensors);
  gather.output = test::on_chip(0, 64);
  abi::Primitive linear = test::primitive(PrimitiveOp::kLinear, {0});
  linear.n = 48;
  linear.k = 64;
  linear.input = test::on_chip(0, 64);
  linear.weight = test::in_memory(test::kTensors + 0x1000);
  linear.output = test::on_chip(0x1000, 48);
  abi::Primitive accept = test::primitive(PrimitiveOp::kAccept, {1});
  accept.n = 48;
  accept.input = test::on_chip(0x1000, 48);
  return {gather, linear, accept};
}

// The largest logit of that program, by the canonical dot product.
std::uint32_t best_token() {
  const std::vector<std::uint16_t> table = ramp(8 * 64, 0.0625f), weights = ramp(48 * 64, 0.03125f);
  std::uint32_t best = 0;
  float best_value = -1e30f;
  for (std::uint32_t n = 0; n < 48; ++n) {
    const float value = numerics::fp16_to_float(
        numerics::float_to_fp16(numerics::dot(&table[3 * 64], 1, &weights[n * 64], 1, 64)));
    if (value > best_value) {
      best_value = value;
      best = n;
    }
  }
  return best;
}

}  // namespace

TEST_CASE("A NOP completes with its tag and the first lap's phase") {
  NpuRig rig;
  const abi::Completion completion = rig.run(NpuRig::command(Opcode::kNop));
  CHECK(status_of(completion) == Status::kOk);
  CHECK(completion.tag == 0x1234);
  CHECK(completion.phase == 1);
  CHECK(rig.driver.read32(abi::npu::SQ_HEAD) == 1);
}

TEST_CASE("The completion ring wraps and flips its phase") {
  NpuRig rig;
  for (int i = 0; i < 40; ++i) {
    abi::Command command = NpuRig::command(Opcode::kNop);
    command.tag = static_cast<std::uint32_t>(i);
    const abi::Completion completion = rig.run(command);
    REQUIRE(completion.tag == static_cast<std::uint32_t>(i));
    REQUIRE(completion.phase == (i / 16 % 2 == 0 ? 1 : 0));
  }
}

TEST_CASE("A program computes what the canonical dot product says") {
  NpuRig rig;
  const auto program = gather_and_multiply(rig);
  const abi::Completion completion = rig.run_program(program);
  REQUIRE(status_of(completion) == Status::kOk);
  CHECK(completion.value == 1);  // one token emitted
  const auto result = rig.get<abi::VerifyResult>(test::kResults);
  CHECK(result.next_token == best_token());
  CHECK(result.emitted == 1);
}

TEST_CASE("More rows than the device takes are refused before any token is fetched") {
  npu::Config config = test::small_npu();
  config.max_rows = 256;
  NpuRig rig(config);
  abi::Command command = rig.prepare(gather_and_multiply(rig));
  command.batch_count = 256;
  rig.put(test::kTensors, std::vector<abi::BatchEntry>(256, rig.entry(256)));
  command.batch_table = test::kTensors;
  const abi::Completion completion = rig.run(command);
  CHECK(status_of(completion) == Status::kBadBatch);
  CHECK(completion.value > config.max_rows);
  observe::StatisticsTable table;
  rig.npu.collect(table);
  CHECK(table.find("dma.control.read_bytes")->integer < 50'000);  // the batch table above all
}

TEST_CASE("A KV cache longer than its length can say is refused") {
  npu::Config config = test::small_npu();
  config.timing_only = true;
  NpuRig rig(config);
  abi::Primitive append = test::primitive(PrimitiveOp::kKvAppend);
  append.kv_heads = 1;
  append.head_dim = 16;
  append.input = append.input2 = test::on_chip(0, 16);
  const abi::Primitive commit = test::primitive(PrimitiveOp::kKvCommit, {0});
  const abi::Command command = rig.prepare({append, commit});
  abi::BatchEntry entry = rig.entry();
  entry.kv[0] = {test::kPages, 65'536, 65'536, 0, 0xFFFF'FFFF, 0, 0};
  rig.put(test::kBatch, entry);
  CHECK(status_of(rig.run(command)) == Status::kBadBatch);
  CHECK(rig.get<abi::BatchEntry>(test::kBatch).kv[0].committed_length == 0xFFFF'FFFF);
}

TEST_CASE("A refused command names its fault, and the next one works") {
  struct Case {
    const char* what;
    Status expected;
    void (*spoil)(abi::Command&);
  };
  static const Case kCases[] = {
      {"opcode", Status::kBadOpcode, [](abi::Command& c) { c.opcode = 99; }},
      {"version", Status::kBadVersion, [](abi::Command& c) { c.abi_version = 7; }},
      {"flags", Status::kBadFlags, [](abi::Command& c) { c.flags = 0x80; }},
      {"context", Status::kBadContext, [](abi::Command& c) { c.context = 200; }},
      {"unaligned program", Status::kBadProgram, [](abi::Command& c) { c.program = 0x8001; }},
      {"no primitives", Status::kBadProgram, [](abi::Command& c) { c.primitive_count = 0; }},
      {"no batch", Status::kBadBatch, [](abi::Command& c) { c.batch_count = 0; }},
      {"program in a hole", Status::kBusError, [](abi::Command& c) { c.program = 1ull << 40; }},
      {"batch in a hole", Status::kBusError, [](abi::Command& c) { c.batch_table = 1ull << 41; }},
      {"parameters in a hole", Status::kBusError,
       [](abi::Command& c) { c.parameter_block = 1ull << 42; }},
      {"cancel of nothing", Status::kNotFound,
       [](abi::Command& c) {
         c.opcode = static_cast<std::uint8_t>(Opcode::kCancel);
         c.semaphore_address = 77;
       }},
  };
  NpuRig rig;
  rig.put(test::kParameters, rig.parameters());
  rig.put(test::kBatch, rig.entry());
  for (const Case& spoiled : kCases) {
    INFO(spoiled.what);
    abi::Command command = NpuRig::command(Opcode::kRun);
    command.primitive_count = 1;
    spoiled.spoil(command);
    CHECK(status_of(rig.run(command)) == spoiled.expected);
    CHECK(rig.driver.read32(abi::npu::ERROR_CAUSE) == static_cast<std::uint32_t>(spoiled.expected));
    CHECK(rig.driver.read32(abi::npu::ERROR_COUNT) == 1);
    rig.driver.write32(abi::npu::ERROR_COUNT, 0);
    CHECK(status_of(rig.run(NpuRig::command(Opcode::kNop))) == Status::kOk);
  }
}

TEST_CASE("A second error is not lost while the first is shown") {
  NpuRig rig;
  abi::Command command = NpuRig::command(Opcode::kNop);
  command.opcode = 99;
  CHECK(status_of(rig.run(command)) == Status::kBadOpcode);
  command.opcode = 0;
  command.abi_version = 3;
  CHECK(status_of(rig.run(command)) == Status::kBadVersion);
  CHECK(rig.driver.read32(abi::npu::ERROR_CAUSE) == static_cast<std::uint32_t>(Status::kBadOpcode));
  CHECK(rig.driver.read32(abi::npu::ERROR_COUNT) == 2);
}

TEST_CASE("A primitive that cannot run is named by its index") {
  struct Case {
    const char* what;
    Status expected;
    void (*spoil)(abi::Primitive&);
  };
  static const Case kCases[] = {
      {"weights beyond the slot", Status::kBadOperand,
       [](abi::Primitive& p) { p.weight.offset = 1ull << 50; }},
      {"slot unbound", Status::kBadOperand, [](abi::Primitive& p) { p.weight.slot = 9; }},
      {"output beyond the activation buffer", Status::kBadOperand,
       [](abi::Primitive& p) { p.output.offset = 1u << 30; }},
      {"activation format", Status::kBadOperand, [](abi::Primitive& p) { p.input.format = 0; }},
      {"no columns", Status::kBadOperand, [](abi::Primitive& p) { p.k = 0; }},
      {"a shape that overflows", Status::kBadOperand,
       [](abi::Primitive& p) { p.n = p.k = 0xFFFF'FFFF; }},
      {"unknown primitive", Status::kBadProgram, [](abi::Primitive& p) { p.op = 200; }},
      {"predecessor not lower", Status::kBadProgram,
       [](abi::Primitive& p) { p.predecessors[0] = 1; }},
      {"no engine", Status::kNoEngine, [](abi::Primitive& p) { p.engine_mask = abi::kEnginePim; }},
      {"experts without an oracle", Status::kUnsupported,
       [](abi::Primitive& p) { p.op = static_cast<std::uint8_t>(PrimitiveOp::kRoute); }},
      {"top k", Status::kNoEngine,
       [](abi::Primitive& p) { p.op = static_cast<std::uint8_t>(PrimitiveOp::kTopk); }},
  };
  NpuRig rig;
  for (const Case& spoiled : kCases) {
    INFO(spoiled.what);
    auto program = gather_and_multiply(rig);
    spoiled.spoil(program[1]);
    const abi::Completion completion = rig.run_program(program);
    CHECK(status_of(completion) == spoiled.expected);
    CHECK(completion.primitive == 1);
    CHECK(status_of(rig.run_program(gather_and_multiply(rig))) == Status::kOk);
  }
}

TEST_CASE("A bus error ends the command with the address that failed") {
  NpuRig rig;
  auto program = gather_and_multiply(rig);
  program[0].weight.offset = 0;
  const abi::Command command = rig.prepare(program);
  abi::ParameterBlock parameters = rig.parameters();
  parameters.slots[1].base = 1ull << 44;
  rig.put(test::kParameters, parameters);
  const abi::Completion completion = rig.run(command);
  CHECK(status_of(completion) == Status::kBusError);
  CHECK(completion.value >= (1ull << 44));
  CHECK(rig.npu.idle());
}

TEST_CASE("Two queue pairs run side by side, and CANCEL withdraws a command that waits") {
  NpuRig rig;
  abi::Command waiting = NpuRig::command(Opcode::kNop);
  waiting.flags = abi::kCommandWait;
  waiting.semaphore_address = 0x800;
  waiting.wait_value = 5;
  waiting.context = 1;
  waiting.tag = 42;
  rig.submit(waiting, 1);
  CHECK(status_of(rig.run(NpuRig::command(Opcode::kNop))) == Status::kOk);
  rig.put(0x800, std::uint32_t{5});
  CHECK(status_of(rig.wait(1)) == Status::kOk);

  waiting.wait_value = 6;
  rig.submit(waiting, 1);
  abi::Command cancel = NpuRig::command(Opcode::kCancel);
  cancel.flags = 0;
  cancel.semaphore_address = 42;
  CHECK(status_of(rig.run(cancel)) == Status::kOk);
  const abi::Completion completion = rig.wait(1);
  CHECK(completion.tag == 42);
  CHECK(status_of(completion) == Status::kCancelled);
  CHECK(rig.npu.idle());
}

TEST_CASE("COPY moves bytes and a command may signal") {
  NpuRig rig;
  std::vector<std::uint8_t> bytes(10'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  rig.put(0x20'0000, bytes);
  abi::Command copy = NpuRig::command(Opcode::kCopy);
  copy.flags = abi::kCommandSignal;
  copy.parameter_block = 0x20'0000;
  copy.result_block = 0x30'0003;
  copy.wait_value = static_cast<std::uint32_t>(bytes.size());
  copy.semaphore_address = 0x800;
  copy.signal_value = 9;
  const abi::Completion completion = rig.run(copy);
  CHECK(status_of(completion) == Status::kOk);
  CHECK(completion.value == bytes.size());
  CHECK(rig.get<std::uint32_t>(0x800) == 9);
  std::vector<std::uint8_t> copied(bytes.size());
  rig.memory.store().read(0x30'0003, copied.data(), copied.size());
  CHECK(copied == bytes);
}

TEST_CASE("Soft reset in flight leaves the device like new") {
  NpuRig rig;
  const auto program = gather_and_multiply(rig);
  const abi::Command command = rig.prepare(program);
  for (int step = 0; step < 60; ++step) {
    rig.submit(command);
    sc_core::sc_start(sc_core::sc_time(step * 37, sc_core::SC_NS));
    rig.driver.write32(abi::npu::CONTROL, 3);
    sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_US));
    REQUIRE(rig.npu.idle());
    REQUIRE(rig.driver.read32(abi::npu::SQ_BASE_LO) == 0);
    rig.put(test::kRings + 0x1000, std::vector<std::uint8_t>(16 * 16));
    rig.enable();
  }
  CHECK(status_of(rig.run_program(program)) == Status::kOk);
}

TEST_CASE("A host that knows only b_transport gets the same answer") {
  npu::Config config = test::small_npu();
  config.initiator = npu::Initiator::kLt;
  NpuRig rig(config);
  CHECK(status_of(rig.run_program(gather_and_multiply(rig))) == Status::kOk);
  const auto result = rig.get<abi::VerifyResult>(test::kResults);
  CHECK(result.emitted == 1);
  CHECK(result.next_token == best_token());
}

TEST_CASE("What a driver writes right after a soft reset holds") {
  NpuRig rig;
  const auto program = gather_and_multiply(rig);
  const abi::Command command = rig.prepare(program);
  rig.submit(command);
  sc_core::sc_start(sc_core::sc_time(500, sc_core::SC_NS));
  // A CPU that runs ahead of simulated time does all of this in one instant.
  rig.driver.write32(abi::npu::CONTROL, 2);
  rig.put(test::kRings + 0x1000, std::vector<std::uint8_t>(0x1000));
  rig.enable();
  CHECK(status_of(rig.run(NpuRig::command(Opcode::kNop))) == Status::kOk);
}

TEST_CASE("A primitive whose predicate is zero is skipped, and its weights do not stay behind") {
  npu::Config config = test::small_npu();
  config.weight_buffer_bytes = 8 * 1024;
  config.weight_tile_bytes = 4 * 1024;
  NpuRig rig(config);
  auto program = gather_and_multiply(rig);
  const abi::Primitive skipped = [&] {
    abi::Primitive p = program[1];
    p.n = 512;  // 64 KiB of weights, more than the buffer holds
    p.output = test::on_chip(0x4000, 512);
    p.predicate_slot = 2;
    return p;
  }();
  program.insert(program.begin() + 1, skipped);
  program[2].predecessors[0] = 0;
  program[3].predecessors[0] = 2;
  const abi::Command command = rig.prepare(program);
  abi::ParameterBlock parameters = rig.parameters();
  parameters.slot_count = 3;
  parameters.slots[2] = {0x900, 4, static_cast<std::uint32_t>(abi::Space::kBus), 0};
  rig.put(test::kParameters, parameters);
  for (std::uint32_t predicate : {0u, 1u, 0u}) {
    rig.put(0x900, predicate);
    REQUIRE(status_of(rig.run(command)) == Status::kOk);
    CHECK(rig.get<abi::VerifyResult>(test::kResults).next_token == best_token());
  }
}

TEST_CASE("DRAFT takes exactly one SAMPLE and no ACCEPT") {
  NpuRig rig;
  auto program = gather_and_multiply(rig);
  abi::BatchEntry entry = rig.entry();
  entry.draft_block = test::kDraft;
  const auto status = [&] {
    const abi::Command command = rig.prepare(program, Opcode::kDraft);
    rig.put(test::kBatch, entry);
    return status_of(rig.run(command));
  };
  CHECK(status() == Status::kBadProgram);  // ACCEPT
  program[2].op = static_cast<std::uint8_t>(PrimitiveOp::kSample);
  CHECK(status() == Status::kOk);
  CHECK(rig.get<abi::DraftBlock>(test::kDraft).tokens[0] == best_token());
  program.push_back(program[2]);
  CHECK(status() == Status::kBadProgram);
  program.resize(2);
  CHECK(status() == Status::kBadProgram);
}

TEST_CASE("A command without a program does not wait for a context in use") {
  NpuRig rig;
  abi::Command waiting = NpuRig::command(Opcode::kRun);
  waiting.flags = abi::kCommandWait;
  waiting.semaphore_address = 0x800;
  waiting.wait_value = 1;
  waiting.tag = 7;
  rig.submit(waiting, 1);
  abi::Command signal = NpuRig::command(Opcode::kNop);
  signal.flags = abi::kCommandSignal;
  signal.semaphore_address = 0x800;
  signal.signal_value = 1;
  CHECK(status_of(rig.run(signal, 0)) == Status::kOk);
  CHECK(status_of(rig.wait(1)) == Status::kBadProgram);  // released, then refused: no primitives
}
