// SPDX-License-Identifier: Apache-2.0
// Whatever a driver writes, the device answers or can be reset, and works afterwards.
#include <catch2/catch.hpp>
#include <random>

#include "npu_rig.h"
#include "tandem/abi/pim_registers.h"

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
    if (below(8) == 0) p.predicate_slot = 2;
    if (below(3) == 0) spoil(p, 1 + below(4));
    return p;
  }

  // Strides that a memory could have, or nearly.
  void set_banked(abi::KvSet& kv) {
    namespace regs = abi::pim;
    kv.layout = 2 + below(2);
    kv.banks = regs::BANK_LAYOUT_ROW.put(8 + below(4)) | regs::BANK_LAYOUT_BANKS.put(below(6)) |
               regs::BANK_LAYOUT_BANK_STRIDE.put(10 + below(6)) |
               regs::BANK_LAYOUT_ROW_STRIDE.put(14 + below(20));
    kv.channels = regs::CHANNEL_LAYOUT_CHANNELS.put(below(5)) |
                  regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.put(8 + below(24));
  }

  abi::Command command() {
    std::vector<abi::Primitive> program(1 + below(6));
    for (std::uint16_t i = 0; i < program.size(); ++i) program[i] = primitive(i);
    const auto opcode = static_cast<abi::Opcode>(below(8));
    if (opcode == abi::Opcode::kDraft && below(4) != 0) end_with_sample(program);
    rig_.put(test::kProgram, program);
    rig_.put(0x900, below(2));
    abi::ParameterBlock parameters = rig_.parameters();
    parameters.slot_count = 3;
    parameters.slots[2] = {0x900, 4, static_cast<std::uint32_t>(abi::Space::kBus), 0};
    parameters.draft_index = below(3);
    parameters.sampling = below(3);
    parameters.temperature = 0x3F800000;
    parameters.max_draft = 1 + below(16);
    if (below(4) == 0) spoil(parameters, 1 + below(6));
    rig_.put(test::kParameters, parameters);
    abi::BatchEntry entries[2] = {rig_.entry(1 + below(3)), rig_.entry(1)};
    for (abi::BatchEntry& entry : entries) {
      entry.draft_block = test::kDraft;
      for (abi::KvSet& kv : entry.kv) {
        if (below(4) == 0) set_banked(kv);
      }
      if (below(4) == 0) spoil(entry, 1 + below(6));
    }
    rig_.put(test::kBatch, entries);
    abi::Command command = NpuRig::command(opcode);
    command.primitive_count = static_cast<std::uint16_t>(program.size());
    command.batch_count = static_cast<std::uint16_t>(1 + below(2));
    command.context = static_cast<std::uint8_t>(below(4));
    if (command.opcode == static_cast<std::uint8_t>(abi::Opcode::kCopy)) {
      command.wait_value = below(4096);
    }
    if (below(3) == 0) spoil(command, 1 + below(4));
    if (command.opcode == static_cast<std::uint8_t>(abi::Opcode::kCopy)) {
      command.wait_value %= 65'536;  // a copy of gigabytes is legal and only takes long
    }
    may_wait_ = (command.flags & abi::kCommandWait) != 0;
    for (const abi::Primitive& p : program) {
      if (p.op == static_cast<std::uint8_t>(abi::PrimitiveOp::kWait)) may_wait_ = true;
    }
    return command;
  }

  // True once the device has written one more completion, by its own register: what it was told to
  // write may have gone over the ring.
  bool answered(std::uint64_t limit_us) {
    const std::uint32_t next = (completed_ + 1) % 16;
    for (std::uint64_t us = 0; us < limit_us; ++us) {
      if (rig_.driver.read32(abi::npu::CQ_TAIL) == next) {
        rig_.driver.write32(abi::npu::CQ_HEAD, next);
        last_ = completed_;
        completed_ = next;
        return true;
      }
      sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_US));
    }
    return false;
  }
  abi::Status status() {
    return test::status_of(rig_.get<abi::Completion>(test::kRings + 0x1000 + last_ * 16));
  }

  // The last command may wait for a semaphore that nobody will signal.
  bool may_wait() const { return may_wait_; }

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
    completed_ = last_ = 0;
  }

 private:
  static void end_with_sample(std::vector<abi::Primitive>& program) {
    for (abi::Primitive& p : program) {
      const auto op = static_cast<abi::PrimitiveOp>(p.op);
      if (op == abi::PrimitiveOp::kSample || op == abi::PrimitiveOp::kAccept) {
        p.op = static_cast<std::uint8_t>(abi::PrimitiveOp::kElementwise);
      }
    }
    program.back().op = static_cast<std::uint8_t>(abi::PrimitiveOp::kSample);
  }

  NpuRig& rig_;
  bool may_wait_ = false;
  std::uint32_t completed_ = 0, last_ = 0;  // completion ring
  std::mt19937_64 random_{20240607};
};

}  // namespace

TEST_CASE("100,000 random descriptors: each is answered, unless it waits for a semaphore") {
  NpuRig rig;
  Fuzzer fuzz(rig);
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
  rig.put(test::kTokens, std::vector<std::uint32_t>{1, 2, 3, 4});
  std::uint32_t succeeded = 0, waited = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    rig.submit(fuzz.command());
    const bool answered = fuzz.answered(60) || (!fuzz.may_wait() && fuzz.answered(200'000));
    if (!answered) {
      INFO("descriptor " << i);
      REQUIRE(fuzz.may_wait());
      ++waited;
      fuzz.restart();
    } else if (fuzz.status() == abi::Status::kOk) {
      ++succeeded;
    }
  }
  CHECK(succeeded > 5'000);
  CHECK(waited > 0);
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
