// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "fake_machine.h"
#include "tandem/firmware/driver/npu.h"

using namespace tandem;
using firmware::Machine;
using firmware::NpuDriver;
using test::FakeMachine;
namespace npu = abi::npu;

namespace {

struct Fixture {
  Fixture() : machine(fake.hal()) {
    REQUIRE(machine.open_shared(fake.boot().shared_base, fake.boot().shared_bytes));
    setup.base = FakeMachine::kNpu;
    setup.rings = FakeMachine::kSharedBase;
    setup.entries = 8;
    setup.timeout_ns = 50'000;
  }

  abi::Status start() { return driver.start(machine, setup); }

  FakeMachine fake;
  Machine machine;
  NpuDriver::Setup setup;
  NpuDriver driver;
};

abi::Command nop() {
  return {};
}

}  // namespace

TEST_CASE("the driver refuses what is not this NPU") {
  Fixture f;
  SECTION("another device") {
    f.fake.npu().registers[npu::ID] = 1;
    CHECK(f.start() == abi::Status::kBadVersion);
  }
  SECTION("an incompatible contract") {
    f.fake.npu().registers[npu::VERSION] = 0x0002'0000;
    CHECK(f.start() == abi::Status::kBadVersion);
  }
  SECTION("no answer") {
    f.fake.faulty_register = FakeMachine::kNpu + npu::ID;
    CHECK(f.start() == abi::Status::kBusError);
  }
  SECTION("too few queue pairs") {
    f.setup.queue_pairs = 5;
    CHECK(f.start() == abi::Status::kUnsupported);
  }
}

TEST_CASE("rings wrap many times with several commands in flight") {
  Fixture f;
  REQUIRE(f.start() == abi::Status::kOk);
  std::uint32_t submitted = 0;
  std::uint32_t completed = 0;
  abi::Completion completion;
  while (completed < 100) {
    while (submitted < 100 && f.driver.submit(f.machine, 0, nop()) != 0) ++submitted;
    CHECK(submitted - completed <= f.setup.entries - 1);
    CHECK_FALSE(f.driver.poll(f.machine, 0, completion));
    for (int i = 0; i < 5; ++i) f.fake.npu().work();
    while (f.driver.poll(f.machine, 0, completion)) {
      CHECK(completion.tag == ++completed);
      CHECK(completion.status == 0);
    }
  }
  CHECK(f.fake.npu().complaints.empty());
}

TEST_CASE("a full ring takes no command") {
  Fixture f;
  REQUIRE(f.start() == abi::Status::kOk);
  for (std::uint32_t i = 0; i < f.setup.entries - 1; ++i) {
    CHECK(f.driver.submit(f.machine, 0, nop()) == i + 1);
  }
  CHECK(f.driver.submit(f.machine, 0, nop()) == 0);
  f.fake.npu().work();
  abi::Completion completion;
  REQUIRE(f.driver.poll(f.machine, 0, completion));
  CHECK(f.driver.submit(f.machine, 0, nop()) == f.setup.entries);
}

TEST_CASE("a completion of the last lap is not taken for a new one") {
  Fixture f;
  REQUIRE(f.start() == abi::Status::kOk);
  abi::Completion completion;
  for (std::uint32_t i = 0; i < f.setup.entries; ++i) {
    REQUIRE(f.driver.submit(f.machine, 0, nop()) != 0);
    f.fake.npu().work();
    REQUIRE(f.driver.poll(f.machine, 0, completion));
  }
  // The entry that comes next still holds the completion of the first command.
  REQUIRE(f.driver.submit(f.machine, 0, nop()) != 0);
  CHECK_FALSE(f.driver.poll(f.machine, 0, completion));
  f.fake.npu().work();
  REQUIRE(f.driver.poll(f.machine, 0, completion));
  CHECK(completion.tag == f.setup.entries + 1);
}

TEST_CASE("an error completion is handed on") {
  Fixture f;
  REQUIRE(f.start() == abi::Status::kOk);
  f.fake.npu().fail_command[0] = abi::Status::kBadOperand;
  const std::uint32_t tag = f.driver.submit(f.machine, 0, nop());
  f.fake.npu().work();
  abi::Completion completion;
  REQUIRE(f.driver.poll(f.machine, 0, completion));
  CHECK(completion.tag == tag);
  CHECK(completion.status == static_cast<std::uint8_t>(abi::Status::kBadOperand));
  CHECK(completion.value == 0xDEAD);
}

TEST_CASE("a command times out, and the device works again after recovery") {
  Fixture f;
  REQUIRE(f.start() == abi::Status::kOk);
  f.fake.npu().swallow_command.insert(0);
  const std::uint64_t begin = f.machine.now_ns();
  REQUIRE(f.driver.submit(f.machine, 0, nop()) != 0);
  abi::Completion completion;
  int turns = 0;
  while (!f.driver.timed_out(f.machine, begin)) {
    REQUIRE_FALSE(f.driver.poll(f.machine, 0, completion));
    f.machine.relax();
    REQUIRE(++turns < 1000);
  }
  CHECK(turns == 51);  // 50 us at 1 us each
  f.fake.npu().swallow_command.clear();
  REQUIRE(f.driver.recover(f.machine) == abi::Status::kOk);
  CHECK(f.fake.npu().resets == 1);
  const std::uint32_t tag = f.driver.submit(f.machine, 0, nop());
  f.fake.npu().work();
  REQUIRE(f.driver.poll(f.machine, 0, completion));
  CHECK(completion.tag == tag);
}

TEST_CASE("stop takes what is in flight away, switches the device off, and start begins anew") {
  Fixture f;
  f.setup.use_interrupts = true;
  REQUIRE(f.start() == abi::Status::kOk);
  REQUIRE(f.driver.submit(f.machine, 0, nop()) != 0);
  REQUIRE(f.driver.submit(f.machine, 0, nop()) != 0);
  f.fake.npu().work();
  SECTION("in time") {
    f.fake.npu().work();
    CHECK(f.driver.stop(f.machine, 1'000) == abi::Status::kOk);
    CHECK(f.fake.npu().resets == 0);
  }
  SECTION("not in time: the device is reset") {
    f.fake.npu().swallow_command.insert(1);
    const std::uint64_t begin_ns = f.machine.now_ns();
    CHECK(f.driver.stop(f.machine, 20'000) == abi::Status::kReset);
    CHECK(f.machine.now_ns() - begin_ns >= 20'000);
    CHECK(f.fake.npu().resets == 1);
  }
  CHECK(f.fake.npu().registers[npu::CONTROL] == 0);
  CHECK(f.fake.npu().registers[npu::IRQ_MASK] == 0);
  CHECK(f.fake.npu().registers[npu::IRQ_RAW] == 0);
  CHECK(f.fake.npu().registers[npu::QP_CONTROL] == 0);
  abi::Completion completion;
  CHECK_FALSE(f.driver.poll(f.machine, 0, completion));
  f.fake.npu().swallow_command.clear();

  REQUIRE(f.start() == abi::Status::kOk);
  const std::uint32_t tag = f.driver.submit(f.machine, 0, nop());
  CHECK(tag == 1);
  f.fake.npu().work();
  REQUIRE(f.driver.poll(f.machine, 0, completion));
  CHECK(completion.tag == tag);
  CHECK_FALSE(f.driver.poll(f.machine, 0, completion));
  CHECK(f.fake.npu().complaints.empty());
}

TEST_CASE("cancel names the command to withdraw") {
  Fixture f;
  REQUIRE(f.start() == abi::Status::kOk);
  const std::uint32_t tag = f.driver.submit(f.machine, 0, nop());
  REQUIRE(f.driver.cancel(f.machine, 0, tag) == tag + 1);
  abi::Completion completion;
  REQUIRE(f.driver.poll(f.machine, 0, completion));
  CHECK(completion.tag == tag);
  CHECK(completion.status == static_cast<std::uint8_t>(abi::Status::kCancelled));
  REQUIRE(f.driver.poll(f.machine, 0, completion));
  CHECK(completion.tag == tag + 1);
  CHECK(completion.status == static_cast<std::uint8_t>(abi::Status::kOk));
  f.fake.npu().work();
  CHECK(f.fake.npu().executed.empty());
}

TEST_CASE("a program is fetched again when its context held another one") {
  Fixture f;
  REQUIRE(f.start() == abi::Status::kOk);
  const auto reloads = [&](std::uint64_t program, std::uint8_t context) {
    abi::Command command{};
    command.program = program;
    command.context = context;
    REQUIRE(f.driver.submit(f.machine, 0, command) != 0);
    f.fake.npu().work();
    abi::Completion completion;
    REQUIRE(f.driver.poll(f.machine, 0, completion));
    return (f.fake.npu().executed.back().flags & abi::kCommandReloadProgram) != 0;
  };
  CHECK(reloads(0x1000, 0));
  CHECK(reloads(0x2000, 1));
  CHECK_FALSE(reloads(0x1000, 0));
  CHECK_FALSE(reloads(0x2000, 1));
  CHECK(reloads(0x2000, 0));
  CHECK(reloads(0x1000, 0));
  REQUIRE(f.driver.recover(f.machine) == abi::Status::kOk);
  CHECK(reloads(0x1000, 0));
}

TEST_CASE("interrupts are asked for only when they are used") {
  Fixture f;
  f.setup.use_interrupts = GENERATE(false, true);
  REQUIRE(f.start() == abi::Status::kOk);
  REQUIRE(f.driver.submit(f.machine, 0, nop()) != 0);
  f.fake.npu().work();
  const bool asked = (f.fake.npu().executed.back().flags & abi::kCommandInterrupt) != 0;
  CHECK(asked == f.setup.use_interrupts);
  CHECK(f.fake.npu().registers[npu::IRQ_MASK] == (f.setup.use_interrupts ? 1u : 0u));
  CHECK(f.fake.npu().registers[npu::IRQ_RAW] == (f.setup.use_interrupts ? 1u : 0u));
  f.driver.acknowledge(f.machine);
  CHECK(f.fake.npu().registers[npu::IRQ_RAW] == 0);
}
