// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstring>

#include "registers_fixture.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/test/at_initiator.h"

using namespace tandem;
using common::RegisterTarget;
using test::AtInitiator;

namespace {

namespace regs = abi::pim;
constexpr std::uint64_t kLatencyPs = 7'000;

std::vector<std::uint8_t> bytes_of(std::uint32_t value) {
  std::vector<std::uint8_t> data(4);
  std::memcpy(data.data(), &value, 4);
  return data;
}

// A PIM register block with an AT initiator and a checker in between.
struct AtBench {
  explicit AtBench(const AtInitiator::Behaviour& behaviour, unsigned max_outstanding = 4)
      : master("master", behaviour), target("target", bank, {kLatencyPs, max_outstanding}) {
    master.socket.bind(checker.target);
    checker.initiator.bind(target.socket);
  }
  void read(std::uint64_t address) {
    master.submit({tlm::TLM_READ_COMMAND, address, std::vector<std::uint8_t>(4)});
  }
  void write(std::uint64_t address, std::uint32_t value) {
    master.submit({tlm::TLM_WRITE_COMMAND, address, bytes_of(value)});
  }
  void check_protocol() {
    checker.check_all_answered();
    CHECK(checker.violations() == std::vector<std::string>{});
    CHECK(master.unexpected_phases == 0);
    CHECK(master.idle());
  }

  common::RegisterBank bank{regs::kBlock};
  AtInitiator master;
  common::ProtocolChecker checker{"checker"};
  RegisterTarget target;
};

}  // namespace

TEST_CASE("LT: an access takes the latency, errors included") {
  common::RegisterBank bank(regs::kBlock);
  RegisterTarget target("target", bank, {kLatencyPs, 1});
  test::RegisterBus bench;
  bench.connect(target.socket);
  test::settle();

  CHECK(bench.bus.write32(regs::CONTROL, 1) == tlm::TLM_OK_RESPONSE);
  CHECK(bench.bus.time_ps() == kLatencyPs);
  CHECK(bench.bus.read32(regs::CONTROL) == 1);
  CHECK(bench.bus.time_ps() == 2 * kLatencyPs);
  CHECK(bench.bus.write32(regs::STATUS, 1) == tlm::TLM_COMMAND_ERROR_RESPONSE);
  CHECK(bench.bus.time_ps() == 3 * kLatencyPs);
  CHECK(bench.bus.write32(abi::kPimVectorWindow, 1) == tlm::TLM_ADDRESS_ERROR_RESPONSE);

  observe::StatisticsTable table;
  target.collect(table);
  CHECK(table.find("register_reads")->integer == 1);
  CHECK(table.find("register_writes")->integer == 1);
  CHECK(table.find("register_errors")->integer == 2);
  CHECK(bench.checker.violations().empty());
}

TEST_CASE("LT: hooks see the initiator's local time, which never goes back") {
  common::RegisterBank bank(regs::kBlock);
  RegisterTarget target("target", bank, {kLatencyPs, 1});
  std::uint64_t seen_ps = 0;
  bank.on_read(regs::STATUS, [&](std::uint32_t) {
    seen_ps = target.access_ps();
    return 0u;
  });
  test::RegisterBus bench;
  bench.connect(target.socket);
  test::run_for_ps(1'000);
  bench.bus.delay = common::from_ps(50'000);
  bench.bus.read32(regs::STATUS);
  CHECK(seen_ps == 51'000);
  CHECK(target.access_ps() == 1'000);
  CHECK(bench.bus.time_ps() == 51'000 + kLatencyPs);
}

TEST_CASE("LT: a window answers when it says, and cannot be left pending") {
  common::RegisterBank bank(regs::kBlock);
  RegisterTarget target("target", bank, {kLatencyPs, 1});
  std::uint64_t response_ps = 90'000;
  bool may_pend = true;
  target.serve_windows(
      [&](const RegisterTarget::WindowAccess& access) {
        may_pend = access.may_pend;
        return RegisterTarget::WindowResult{tlm::TLM_OK_RESPONSE, response_ps};
      },
      [](common::Payload& payload) { return payload.get_data_length(); });
  test::RegisterBus bench;
  bench.connect(target.socket);
  test::settle();
  std::uint8_t command[64] = {};
  CHECK(bench.bus.write(abi::kPimCommandWindow, command, 64) == tlm::TLM_OK_RESPONSE);
  CHECK(bench.bus.time_ps() == 90'000);
  CHECK_FALSE(may_pend);
  response_ps = 5;  // in the initiator's past
  CHECK(bench.bus.write(abi::kPimCommandWindow, command, 64) == tlm::TLM_OK_RESPONSE);
  CHECK(bench.bus.time_ps() == 90'000);
  response_ps = RegisterTarget::kPending;
  CHECK(bench.bus.write(abi::kPimCommandWindow, command, 64) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  CHECK(bench.bus.debug(tlm::TLM_READ_COMMAND, abi::kPimResultWindow, command, 64) == 64);
  CHECK(bench.checker.violations().empty());
}

TEST_CASE("AT: accesses are pipelined and answered after the latency") {
  AtBench bench({});
  bench.write(regs::DRAM_BASE_LO, 0x1234);
  bench.read(regs::DRAM_BASE_LO);
  bench.read(0x00C);  // a hole
  test::run_for_ps(1'000'000);
  REQUIRE(bench.master.results.size() == 3);
  CHECK(bench.master.results[0].end_ps == bench.master.results[0].begin_ps + kLatencyPs);
  CHECK(bench.master.results[1].data == bytes_of(0x1234));
  CHECK(bench.master.results[1].end_ps == bench.master.results[1].begin_ps + kLatencyPs);
  CHECK(bench.master.results[2].status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bench.master.greatest_outstanding > 1);
  bench.check_protocol();
}

void check_awkward_initiator(unsigned max_outstanding) {
  AtInitiator::Behaviour behaviour;
  behaviour.max_outstanding = 6;
  behaviour.answers = {AtInitiator::Answer::accepted, AtInitiator::Answer::updated,
                       AtInitiator::Answer::completed};
  behaviour.end_response_delay_ps = 11'000;
  behaviour.request_delay_ps = 3'000;
  AtBench bench(behaviour, max_outstanding);
  for (std::uint32_t i = 0; i < 40; ++i) {
    bench.write(regs::DRAM_BASE_HI, i);
    bench.read(regs::DRAM_BASE_HI);
  }
  test::run_for_ps(10'000'000);
  REQUIRE(bench.master.results.size() == 80);
  for (std::uint32_t i = 0; i < 40; ++i) {
    CHECK(bench.master.results[2 * i + 1].data == bytes_of(i));
  }
  bench.check_protocol();
}

TEST_CASE("AT: an awkward initiator and a target of one access keep the base protocol") {
  check_awkward_initiator(1);
}

TEST_CASE("AT: an awkward initiator and a target of three accesses keep the base protocol") {
  check_awkward_initiator(3);
}

TEST_CASE("AT: a slow window answers at its time, after a faster register") {
  AtBench bench({});
  bench.target.serve_windows(
      [](const RegisterTarget::WindowAccess& access) {
        return RegisterTarget::WindowResult{tlm::TLM_OK_RESPONSE, access.now_ps + 50'000};
      },
      nullptr);
  bench.read(abi::kPimResultWindow);
  bench.read(regs::ID);
  test::run_for_ps(1'000'000);
  REQUIRE(bench.master.results.size() == 2);
  CHECK(bench.master.results[0].address == regs::ID);
  CHECK(bench.master.results[1].end_ps == bench.master.results[1].begin_ps + 50'000);
  bench.check_protocol();
}

TEST_CASE("AT: a pending access is overtaken, and answered when it is completed") {
  AtBench bench({});
  common::Payload* pending = nullptr;
  bench.target.serve_windows(
      [&](const RegisterTarget::WindowAccess& access) {
        REQUIRE(access.may_pend);
        pending = &access.payload;
        return RegisterTarget::WindowResult{tlm::TLM_INCOMPLETE_RESPONSE, RegisterTarget::kPending};
      },
      nullptr);
  bench.read(abi::kPimResultWindow);
  bench.read(regs::ID);
  test::run_for_ps(100'000);
  REQUIRE(bench.master.results.size() == 1);
  CHECK(bench.master.results[0].address == regs::ID);
  REQUIRE(pending != nullptr);
  bench.target.complete(*pending, tlm::TLM_OK_RESPONSE, 250'000);
  bench.target.complete(*pending, tlm::TLM_ADDRESS_ERROR_RESPONSE, 260'000);  // ignored
  test::run_for_ps(200'000);
  REQUIRE(bench.master.results.size() == 2);
  CHECK(bench.master.results[1].end_ps == 250'000);
  CHECK(bench.master.results[1].status == tlm::TLM_OK_RESPONSE);
  bench.check_protocol();
}

TEST_CASE("AT: a reset answers what is in flight") {
  AtBench bench({}, 2);
  std::vector<common::Payload*> pending;
  bench.target.serve_windows(
      [&](const RegisterTarget::WindowAccess& access) {
        pending.push_back(&access.payload);
        return RegisterTarget::WindowResult{tlm::TLM_INCOMPLETE_RESPONSE, RegisterTarget::kPending};
      },
      nullptr);
  bench.read(abi::kPimResultWindow);
  bench.read(abi::kPimResultWindow + 64);
  bench.read(regs::ID);  // held back: two are in progress
  test::run_for_ps(100'000);
  CHECK(bench.master.results.empty());
  bench.target.reset();
  bench.target.complete(*pending[0], tlm::TLM_OK_RESPONSE, 0);  // too late
  test::run_for_ps(100'000);
  REQUIRE(bench.master.results.size() == 3);
  CHECK(bench.master.results[0].status == tlm::TLM_GENERIC_ERROR_RESPONSE);
  CHECK(bench.master.results[1].status == tlm::TLM_GENERIC_ERROR_RESPONSE);
  CHECK(bench.master.results[2].data == bytes_of(0x5450'494D));
  bench.check_protocol();
}

TEST_CASE("an impossible configuration is refused with its reason") {
  common::RegisterBank bank(regs::kBlock);
  CHECK_THROWS_WITH(RegisterTarget("target", bank, {0, 0}),
                    Catch::Contains("max_outstanding is 0, must be 1..1024"));
}
