// SPDX-License-Identifier: Apache-2.0
// A queue pair with QP_CONTROL.CHECKED, and what goes wrong inside the NPU on demand.
#include <catch2/catch.hpp>

#include "npu_rig.h"
#include "tandem/abi/checks.h"

using namespace tandem;
using abi::Opcode;
using abi::Status;
using test::NpuRig;
using test::status_of;

namespace {

class CheckedRig : public NpuRig {
 public:
  CheckedRig() {
    REQUIRE(abi::npu::CAPABILITY_CHECKS.get(driver.read32(abi::npu::CAPABILITY)) == 1);
    enable_checked();
  }
  void enable_checked() {
    driver.write32(abi::npu::QP_CONTROL, 0);
    driver.write32(abi::npu::QP_CONTROL, 3);
  }
};

abi::Command protect(abi::Command command) {
  command.check = abi::command_check(command);
  return command;
}

// GATHER of one row, whose program and tables carry checks.
abi::Command prepared(CheckedRig& rig) {
  abi::Primitive gather = test::primitive(abi::PrimitiveOp::kGather);
  gather.n = 64;
  gather.k = 8;
  gather.weight = test::in_memory(test::kTensors);
  gather.output = test::on_chip(0, 64);
  gather.check = abi::primitive_check(gather);
  const abi::Command command = rig.prepare({gather});
  abi::ParameterBlock block = rig.parameters();
  const abi::BatchEntry entry = rig.entry();
  block.check = abi::tables_check(block, &entry, 1);
  rig.put(test::kParameters, block);
  return protect(command);
}

void flip_bit(CheckedRig& rig, std::uint64_t address) {
  rig.put(address, static_cast<std::uint8_t>(rig.get<std::uint8_t>(address) ^ 0x10));
}

struct Hooks final : npu::FaultHooks {
  void descriptor_fetched(Descriptor what, std::uint64_t, void*, std::size_t) override {
    if (what == Descriptor::kProgram) ++programs;
  }
  void completion_written(std::uint64_t, abi::Completion& completion) override {
    if (corrupts) completion.value ^= 4;
  }
  std::uint64_t completion_delay_ps() override { return delay_ps; }
  bool hangs(Unit) override { return stuck; }
  void reset() override { stuck = false; }

  unsigned programs = 0;
  bool corrupts = false, stuck = false;
  std::uint64_t delay_ps = 0;
};

}  // namespace

TEST_CASE("a checked queue pair runs what matches its checks, and checks its completions") {
  CheckedRig rig;
  const abi::Completion nop = rig.run(protect(NpuRig::command(Opcode::kNop)));
  CHECK(status_of(nop) == Status::kOk);
  CHECK(nop.phase >> 1 == abi::completion_check(nop));
  const abi::Completion run = rig.run(prepared(rig));
  CHECK(status_of(run) == Status::kOk);
  CHECK(run.phase >> 1 == abi::completion_check(run));
}

TEST_CASE("a command that does not match its check is not run, and its tag not believed") {
  CheckedRig rig;
  abi::Command command = protect(NpuRig::command(Opcode::kNop));
  command.flags ^= abi::kCommandReloadProgram;
  const abi::Completion completion = rig.run(command);
  CHECK(status_of(completion) == Status::kCorrupted);
  CHECK(completion.tag == 0xFFFF'FFFF);
  CHECK(completion.phase >> 1 == abi::completion_check(completion));
  CHECK(status_of(rig.run(protect(NpuRig::command(Opcode::kNop)))) == Status::kOk);
}

TEST_CASE("a program or a table that does not match its check is not used") {
  CheckedRig rig;
  const abi::Command command = prepared(rig);
  for (const std::uint64_t address :
       {test::kProgram, test::kProgram + 255, test::kParameters, test::kParameters + 70,
        test::kBatch + 4, test::kBatch + 135}) {
    INFO("byte " << address);
    flip_bit(rig, address);
    const abi::Completion completion = rig.run(command);
    CHECK(status_of(completion) == Status::kCorrupted);
    CHECK(completion.tag == command.tag);
    flip_bit(rig, address);
  }
  CHECK(status_of(rig.run(command)) == Status::kOk);
}

TEST_CASE("checks are ignored where nobody has asked for them") {
  NpuRig rig;
  abi::Command command = NpuRig::command(Opcode::kNop);
  command.check = 0x1234;
  const abi::Completion completion = rig.run(command);
  CHECK(status_of(completion) == Status::kOk);
  CHECK(completion.phase == 1);
}

TEST_CASE("a unit that hangs ends with a reset, not with CANCEL") {
  CheckedRig rig;
  Hooks hooks;
  rig.npu.set_faults(&hooks);
  const abi::Command command = prepared(rig);
  hooks.stuck = true;
  CHECK(rig.run(command).status == 0xFF);
  CHECK(hooks.programs == 1);
  abi::Command cancel = NpuRig::command(Opcode::kCancel);
  cancel.semaphore_address = command.tag;
  rig.submit(protect(cancel));
  CHECK(status_of(rig.wait(0, 1000)) == Status::kOk);  // of CANCEL, which has told it to stop
  CHECK(rig.wait(0, 1000).status == 0xFF);
  rig.driver.write32(abi::npu::CONTROL, abi::npu::CONTROL_SOFT_RESET.put(1));
  CHECK_FALSE(hooks.stuck);
  rig.enable();
  rig.enable_checked();
  rig.put(test::kRings + 0x1000, abi::Completion{});
  rig.put(test::kRings + 0x1010, abi::Completion{});
  CHECK(status_of(rig.run(command)) == Status::kOk);
}

TEST_CASE("a completion may be late or wrong") {
  CheckedRig rig;
  Hooks hooks;
  rig.npu.set_faults(&hooks);
  hooks.delay_ps = 500'000'000;
  const std::uint64_t begin_ps = common::now_ps();
  CHECK(status_of(rig.run(protect(NpuRig::command(Opcode::kNop)))) == Status::kOk);
  CHECK(common::now_ps() - begin_ps >= hooks.delay_ps);
  hooks.delay_ps = 0;
  hooks.corrupts = true;
  const abi::Completion wrong = rig.run(protect(NpuRig::command(Opcode::kNop)));
  CHECK(wrong.phase >> 1 != abi::completion_check(wrong));
}
