// SPDX-License-Identifier: Apache-2.0
// Whatever a driver writes, the device answers or can be reset, and works afterwards.
#include <catch2/catch.hpp>
#include <random>

#include "npu_rig.h"

using namespace tandem;
using test::NpuRig;

namespace {

class Fuzzer {
 public:
  explicit Fuzzer(NpuRig& rig) : rig_(rig) {}

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

  // Changes a few bytes, often to values at the edge of something.
  template <typename T>
  void spoil(T& object, std::uint32_t changes) {
    auto* bytes = reinterpret_cast<std::uint8_t*>(&object);
    for (std::uint32_t i = 0; i < changes; ++i) {
      static constexpr std::uint8_t kEdges[] = {0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 64};
      bytes[below(sizeof object)] =
          below(2) == 0 ? kEdges[below(8)] : static_cast<std::uint8_t>(below(256));
    }
  }

  abi::Primitive primitive(std::uint16_t index) {
    abi::Primitive p = test::primitive(static_cast<abi::PrimitiveOp>(below(18)));
    if (index > 0 && below(2) == 0) {
      p.predecessor_count = 1;
      p.predecessors[0] = static_cast<std::uint16_t>(below(index));
    }
    p.row_mode = static_cast<std::uint8_t>(below(3));
    p.n = 16 * (1 + below(8));
    p.k = 16 * (1 + below(8));
    p.heads = static_cast<std::uint16_t>(1 + below(4));
    p.kv_heads = 1;
    p.head_dim = static_cast<std::uint16_t>(8 * (1 + below(4)));
    p.kind = static_cast<std::uint8_t>(below(4));
    p.input = test::on_chip(below(16) * 0x800, 128);
    p.input2 = below(4) == 0 ? test::in_memory(test::kTensors, abi::Format::kFp32)
                             : test::on_chip(below(16) * 0x800, 128);
    p.output = test::on_chip(below(16) * 0x800, 128);
    p.weight =
        test::in_memory(test::kTensors + below(0x10000), static_cast<abi::Format>(below(12)));
    p.remainder = p.scales = p.tables = test::in_memory(test::kTensors + below(0x10000));
    p.grouping = static_cast<std::uint8_t>(below(4));
    p.scope = static_cast<std::uint8_t>(below(2));
    p.semaphore = 0x800;
    if (below(3) == 0) spoil(p, 1 + below(4));
    return p;
  }

  abi::Command command() {
    std::vector<abi::Primitive> program(1 + below(6));
    for (std::uint16_t i = 0; i < program.size(); ++i) program[i] = primitive(i);
    rig_.put(test::kProgram, program);
    abi::ParameterBlock parameters = rig_.parameters();
    parameters.sampling = below(3);
    parameters.temperature = 0x3F800000;
    parameters.max_draft = 1 + below(16);
    if (below(4) == 0) spoil(parameters, 1 + below(6));
    rig_.put(test::kParameters, parameters);
    abi::BatchEntry entries[2] = {rig_.entry(1 + below(3)), rig_.entry(1)};
    for (abi::BatchEntry& entry : entries) {
      entry.draft_block = test::kDraft;
      if (below(4) == 0) spoil(entry, 1 + below(6));
    }
    rig_.put(test::kBatch, entries);
    abi::Command command = NpuRig::command(static_cast<abi::Opcode>(below(8)));
    command.primitive_count = static_cast<std::uint16_t>(program.size());
    command.batch_count = static_cast<std::uint16_t>(1 + below(2));
    command.context = static_cast<std::uint8_t>(below(4));
    if (command.opcode == static_cast<std::uint8_t>(abi::Opcode::kCopy)) {
      command.wait_value = below(4096);
    }
    if (below(3) == 0) spoil(command, 1 + below(4));
    return command;
  }

  void registers(std::uint32_t accesses) {
    for (std::uint32_t i = 0; i < accesses; ++i) {
      std::uint8_t data[16] = {};
      for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(below(256));
      const std::uint64_t address = below(8) == 0 ? random_() : below(0x1100);
      const unsigned length = below(4) == 0 ? 1 + below(16) : 4;
      if (below(2) == 0) {
        rig_.driver.write(address, data, length);
      } else {
        rig_.driver.read(address, data, length);
      }
    }
  }

  void restart() {
    rig_.driver.write32(abi::npu::CONTROL, 3);
    sc_core::sc_start(sc_core::sc_time(2, sc_core::SC_US));
    rig_.put(test::kRings, std::vector<std::uint8_t>(0x2000));
    rig_.enable();
  }

 private:
  NpuRig& rig_;
  std::mt19937_64 random_{20240607};
};

}  // namespace

TEST_CASE("100,000 random descriptors: each is answered or can be reset away") {
  NpuRig rig;
  Fuzzer fuzz(rig);
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
  rig.put(test::kTokens, std::vector<std::uint32_t>{1, 2, 3, 4});
  std::uint32_t answered = 0, succeeded = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const abi::Completion completion = [&] {
      rig.submit(fuzz.command());
      return rig.wait(0, 60);
    }();
    if (completion.status == 0xFF) {
      fuzz.restart();
      continue;
    }
    ++answered;
    if (completion.status == 0) ++succeeded;
  }
  // The rest waits for semaphores or copies gigabytes.
  CHECK(answered > 80'000);
  CHECK(succeeded > 5'000);
  fuzz.restart();
  CHECK(test::status_of(rig.run(NpuRig::command(abi::Opcode::kNop))) == abi::Status::kOk);
}

TEST_CASE("100,000 random register accesses leave a device that works after reset") {
  NpuRig rig;
  Fuzzer fuzz(rig);
  for (int round = 0; round < 1000; ++round) {
    fuzz.registers(100);
    sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_US));
  }
  fuzz.restart();
  CHECK(test::status_of(rig.run(NpuRig::command(abi::Opcode::kNop))) == abi::Status::kOk);
}
