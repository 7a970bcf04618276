// SPDX-License-Identifier: Apache-2.0
// SRAM and stack behind protocol checkers: LT, AT and mixed, back-pressure, reset in flight. A
// kernel elaborates once per process, so all combinations stand side by side in one simulation.
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "tandem/common/protocol_checker.h"
#include "tandem/memory/sram.h"
#include "tandem/memory/stack.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"
#include "tandem/test/random_traffic.h"

using namespace tandem;
using test::AtInitiator;
using Answer = AtInitiator::Answer;

namespace {

constexpr std::uint64_t kWindowBytes = 64 * 256;
constexpr unsigned kCount = 400;

enum class Kind { sram, stack, stack_commands };

std::unique_ptr<memory::MemoryTarget> make_memory(Kind kind, const std::string& name,
                                                  unsigned max_outstanding, unsigned ports) {
  if (kind != Kind::sram) {
    memory::Stack::Config config = test::stack_config("lpddr5_6400");
    if (kind == Kind::stack_commands) config.fidelity = memory::Fidelity::kCommand;
    config.channels = 2;
    config.ports = ports;
    config.max_outstanding = max_outstanding;
    return std::make_unique<memory::Stack>(name.c_str(), config);
  }
  memory::Sram::Config config;
  config.ports = ports;
  config.max_outstanding = max_outstanding;
  return std::make_unique<memory::Sram>(name.c_str(), config);
}

// Two AT initiators and one LT initiator on one memory, a checker on each.
struct Bench {
  Bench(Kind kind, const std::string& name, unsigned target_outstanding,
        const AtInitiator::Behaviour& behaviour)
      : memory(make_memory(kind, name, target_outstanding, 3)),
        lt((name + "_lt").c_str()),
        lt_checker((name + "_lt_checker").c_str()) {
    for (unsigned i = 0; i < 2; ++i) {
      const std::string suffix = std::to_string(i);
      at.push_back(std::make_unique<AtInitiator>((name + "_at" + suffix).c_str(), behaviour));
      checkers.push_back(
          std::make_unique<common::ProtocolChecker>((name + "_checker" + suffix).c_str()));
      at[i]->socket.bind(checkers[i]->target);
      checkers[i]->initiator.bind(memory->target(i));
      test::RandomTraffic::Config config;
      config.base = i * kWindowBytes;
      config.count = kCount;
      config.seed = 17 + i;
      config.greatest_gap_ps = 20'000;
      traffic.push_back(std::make_unique<test::RandomTraffic>(*at[i], config));
    }
    lt.socket.bind(lt_checker.target);
    lt_checker.initiator.bind(memory->target(2));
    memory->reset.bind(reset);
  }

  void require_clean() {
    for (unsigned i = 0; i < 2; ++i) {
      checkers[i]->check_all_answered();
      INFO(at[i]->name());
      if (!checkers[i]->violations().empty()) FAIL(checkers[i]->violations().front());
      REQUIRE(at[i]->idle());
      REQUIRE(at[i]->unexpected_phases == 0);
      REQUIRE(traffic[i]->done() == kCount);
      REQUIRE(traffic[i]->mismatches() == 0);
    }
    REQUIRE(lt_checker.violations().empty());
  }

  std::unique_ptr<memory::MemoryTarget> memory;
  sc_core::sc_signal<bool> reset;
  std::vector<std::unique_ptr<AtInitiator>> at;
  std::vector<std::unique_ptr<common::ProtocolChecker>> checkers;
  std::vector<std::unique_ptr<test::RandomTraffic>> traffic;
  test::LtInitiator lt;
  common::ProtocolChecker lt_checker;
};

std::vector<std::unique_ptr<Bench>> all_benches() {
  const std::vector<AtInitiator::Behaviour> behaviours = {
      {8, {Answer::completed}, 0, 0},
      {1, {Answer::accepted}, 0, 0},
      {16, {Answer::accepted, Answer::updated, Answer::completed}, 50'000, 0},
      {16, {Answer::updated}, 300, 700},
      {4, {Answer::accepted, Answer::completed}, 1'000, 2'500}};
  std::vector<std::unique_ptr<Bench>> benches;
  for (const Kind kind : {Kind::sram, Kind::stack, Kind::stack_commands}) {
    for (const unsigned outstanding : {1u, 3u, 32u}) {
      for (const auto& behaviour : behaviours) {
        benches.push_back(std::make_unique<Bench>(kind, "memory" + std::to_string(benches.size()),
                                                  outstanding, behaviour));
      }
    }
  }
  return benches;
}

}  // namespace

TEST_CASE("random AT traffic keeps the base protocol and the data") {
  const auto benches = all_benches();
  sc_core::sc_start();
  for (const auto& bench : benches) {
    bench->require_clean();
    for (const auto& traffic : bench->traffic) REQUIRE(traffic->errors() == 0);
    // What LT and debug see at the end is what the shadow holds.
    for (unsigned i = 0; i < 2; ++i) {
      std::vector<std::uint8_t> bytes(kWindowBytes);
      REQUIRE(bench->lt.read(i * kWindowBytes, bytes.data(), kWindowBytes) == tlm::TLM_OK_RESPONSE);
      REQUIRE(bytes == bench->traffic[i]->shadow());
    }
  }
}

TEST_CASE("LT accesses between AT transactions see the same bytes") {
  const auto benches = all_benches();
  std::uint32_t value = 1;
  for (int step = 0; step < 200; ++step) {
    sc_core::sc_start(sc_core::sc_time(50, sc_core::SC_NS));
    for (const auto& bench : benches) {
      const std::uint64_t address = 2 * kWindowBytes + 4 * (value % 64);
      bench->lt.delay = sc_core::SC_ZERO_TIME;
      REQUIRE(bench->lt.write32(address, value) == tlm::TLM_OK_RESPONSE);
      REQUIRE(bench->lt.read32(address) == value);
      ++value;
    }
  }
  sc_core::sc_start();
  for (const auto& bench : benches) bench->require_clean();
}

TEST_CASE("a reset at any time leaves the protocol whole and the memory usable") {
  const auto benches = all_benches();
  for (int step = 0; step < 60; ++step) {
    sc_core::sc_start(sc_core::sc_time(13'777 + 911 * step, sc_core::SC_PS));
    for (const auto& bench : benches) bench->reset.write(step % 3 == 0);
  }
  for (const auto& bench : benches) bench->reset.write(false);
  sc_core::sc_start();
  for (const auto& bench : benches) {
    bench->require_clean();
    REQUIRE(bench->lt.write32(0, 42) == tlm::TLM_OK_RESPONSE);
    REQUIRE(bench->lt.read32(0) == 42);
  }
}

TEST_CASE("accesses during reset are refused, those in flight are answered") {
  Bench bench(Kind::stack, "memory", 4, {4, {Answer::completed}, 0, 0});
  sc_core::sc_start(sc_core::sc_time(100, sc_core::SC_NS));
  bench.reset.write(true);
  sc_core::sc_start(sc_core::sc_time(10, sc_core::SC_NS));
  REQUIRE(bench.lt.write32(0, 1) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  tlm::tlm_dmi dmi;
  REQUIRE_FALSE(bench.lt.direct(0, dmi));
  REQUIRE_FALSE(bench.lt.invalidations.empty());
  sc_core::sc_start();
  REQUIRE(bench.traffic[0]->errors() > 0);
  bench.require_clean();
}
