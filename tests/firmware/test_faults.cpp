// SPDX-License-Identifier: Apache-2.0
// What `generate` does when the device, the memory or the set-up is not as it should be.
#include <catch2/catch.hpp>

#include "fake_machine.h"
#include "tandem/abi/peripheral_registers.h"
#include "tandem/firmware/apps/generate.h"

using namespace tandem;
using test::FakeMachine;
using test::FakeNpu;
using Tokens = std::vector<std::uint32_t>;

namespace {

const tandem_firmware& generate() {
  return *tandem_generate_firmware();
}

void speculate(FakeMachine& machine) {
  machine.policy().policy = static_cast<std::uint32_t>(abi::Policy::kSelfSpeculative);
}

int code(abi::Status status) {
  return static_cast<int>(status);
}

int failure(const FakeMachine& machine, std::uint32_t id) {
  const abi::Record record = machine.last_record(id);
  REQUIRE(record.kind == static_cast<std::uint32_t>(abi::RecordKind::kFailed));
  return static_cast<int>(record.status);
}

}  // namespace

TEST_CASE("a failing command fails its requests, the others go on") {
  const auto number = GENERATE(0u, 1u, 3u, 4u);
  FakeMachine machine;
  speculate(machine);
  machine.npu().fail_command[number] = abi::Status::kNotANumber;
  machine.post(0, {1, 2}, 20);
  machine.post(1, {1, 3}, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(failure(machine, 0) == code(abi::Status::kNotANumber));
  CHECK(machine.tokens(1) == FakeNpu::reference({1, 3}, 20));
}

TEST_CASE("a command that had a bus error is computed again, and no token is lost") {
  const auto number = GENERATE(0u, 1u, 3u, 4u);
  const auto granularity = GENERATE(abi::Granularity::kStep, abi::Granularity::kLayer);
  const auto status = GENERATE(abi::Status::kBusError, abi::Status::kCorrupted);
  FakeMachine machine;
  speculate(machine);
  machine.policy().granularity = static_cast<std::uint32_t>(granularity);
  machine.policy().max_batch = 2;
  machine.npu().fail_command[number] = status;
  machine.post(0, {1, 2}, 20);
  machine.post(1, {1, 3}, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference({1, 2}, 20));
  CHECK(machine.tokens(1) == FakeNpu::reference({1, 3}, 20));
  CHECK(machine.npu().resets == 0);
  const auto told = machine.records(0xFFFF'FFFF);
  REQUIRE(told.size() == 1);
  CHECK(told[0].kind == static_cast<std::uint32_t>(abi::RecordKind::kRecovery));
  CHECK(told[0].stop_reason == static_cast<std::uint32_t>(abi::Recovery::kWorkRepeated));
  CHECK(told[0].status == static_cast<std::uint32_t>(status));
}

TEST_CASE("work that has a bus error three times fails") {
  FakeMachine machine;
  for (unsigned number = 2; number < 5; ++number) {
    machine.npu().fail_command[number] = abi::Status::kBusError;
  }
  machine.post(0, {1, 2}, 20);
  machine.post(1, {1, 3}, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(failure(machine, 0) == code(abi::Status::kBusError));
  CHECK(machine.tokens(1) == FakeNpu::reference({1, 3}, 20));
}

TEST_CASE("a device that hangs once is reset, and no token is lost") {
  const auto number = GENERATE(0u, 1u, 4u, 9u);
  const auto granularity = GENERATE(abi::Granularity::kStep, abi::Granularity::kLayer);
  FakeMachine machine;
  speculate(machine);
  machine.policy().granularity = static_cast<std::uint32_t>(granularity);
  machine.policy().max_batch = 2;
  machine.npu().swallow_command.insert(number);
  machine.post(0, {1, 2}, 20);
  machine.post(1, {1, 3}, 20);
  REQUIRE(machine.start(generate()) == 0);
  for (int i = 0; i < 100'000 && machine.npu().resets == 0; ++i) machine.run(1);
  REQUIRE(machine.npu().resets == 1);
  machine.npu().swallow_command.clear();
  REQUIRE(machine.run());
  CHECK(machine.npu().resets == 1);
  CHECK(machine.tokens(0) == FakeNpu::reference({1, 2}, 20));
  CHECK(machine.tokens(1) == FakeNpu::reference({1, 3}, 20));
}

TEST_CASE("a device that hangs again on the same work fails the requests") {
  FakeMachine machine;
  machine.npu().swallow_command.insert(3);
  machine.post(0, {1, 2}, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.npu().resets == 2);
  CHECK(failure(machine, 0) == code(abi::Status::kReset));
}

TEST_CASE("a sequence that the KV region cannot hold fails, shorter ones do not") {
  FakeMachine machine;
  machine.boot().kv_bytes = 3 * 512;  // three pages of 16 tokens, two of them aligned
  machine.post(0, {1, 2, 3}, 60);
  machine.post(1, {1, 2, 3}, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(failure(machine, 0) == code(abi::Status::kNoSpace));
  const Tokens before = machine.tokens(0);
  CHECK(before.size() >= 13);
  CHECK(before == FakeNpu::reference({1, 2, 3}, static_cast<std::uint32_t>(before.size())));
  CHECK(machine.tokens(1) == FakeNpu::reference({1, 2, 3}, 20));
}

TEST_CASE("an acceptance that cannot be is not believed") {
  FakeMachine machine;
  machine.post(0, {1, 2}, 20);
  REQUIRE(machine.start(generate()) == 0);
  machine.npu().lie_about_acceptance = true;
  REQUIRE(machine.run());
  CHECK(failure(machine, 0) == code(abi::Status::kBadBatch));
}

TEST_CASE("set-up that cannot work is refused with its reason") {
  FakeMachine machine;
  SECTION("no boot information") {
    machine.boot().magic = 0;
    CHECK(machine.start(generate()) == code(abi::Status::kBadParameter));
  }
  SECTION("no model") {
    machine.model().magic = 0;
    CHECK(machine.start(generate()) == code(abi::Status::kBadParameter));
  }
  SECTION("a model where there is no memory") {
    machine.boot().model_image = 0x10;
    CHECK(machine.start(generate()) == code(abi::Status::kBusError));
  }
  SECTION("an activation buffer that holds no row") {
    machine.npu().registers[abi::npu::ACTIVATION_BYTES] = 100;
    CHECK(machine.start(generate()) == code(abi::Status::kNoSpace));
  }
  SECTION("programs longer than the device keeps") {
    machine.npu().registers[abi::npu::MAX_PRIMITIVES] = 20;
    CHECK(machine.start(generate()) == code(abi::Status::kBadProgram));
  }
  SECTION("which fits with a command per layer") {
    machine.npu().registers[abi::npu::MAX_PRIMITIVES] = 20;
    machine.policy().granularity = static_cast<std::uint32_t>(abi::Granularity::kLayer);
    CHECK(machine.start(generate()) == 0);
  }
  SECTION("attention on a PIM that is not there") {
    machine.policy().attention = static_cast<std::uint32_t>(abi::Placement::kPim);
    CHECK(machine.start(generate()) == code(abi::Status::kNoEngine));
  }
  SECTION("a model shared by more devices than the link reaches") {
    machine.model().devices = 2;
    CHECK(machine.start(generate()) == code(abi::Status::kUnsupported));
    machine.npu().registers[abi::npu::CAPABILITY] |= abi::npu::CAPABILITY_LINK.put(1);
    machine.npu().registers[abi::npu::LINK_DEVICES] = 2;
    CHECK(machine.start(generate()) == 0);
  }
  SECTION("control memory too small") {
    machine.boot().shared_bytes = 16'384;
    CHECK(machine.start(generate()) == code(abi::Status::kNoSpace));
  }
  SECTION("no room for a KV page") {
    machine.boot().kv_bytes = 100;
    CHECK(machine.start(generate()) == code(abi::Status::kNoSpace));
  }
}

TEST_CASE("a console that does not answer harms nobody") {
  FakeMachine machine;
  machine.boot().flags = abi::kBootEchoText;
  machine.faulty_register = FakeMachine::kUart + abi::uart::STATUS;
  machine.post(0, {1, 2}, 10);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference({1, 2}, 10));
}
