// SPDX-License-Identifier: Apache-2.0
// The crossbar between protocol checkers on all its sockets, under random traffic of several
// initiators. All combinations stand side by side in one simulation.
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "tandem/common/protocol_checker.h"
#include "tandem/interconnect/crossbar.h"
#include "tandem/memory/sram.h"
#include "tandem/memory/stack.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"
#include "tandem/test/random_traffic.h"

using namespace tandem;
using interconnect::Crossbar;
using test::AtInitiator;
using Answer = AtInitiator::Answer;

namespace {

constexpr std::uint64_t kStackBase = 0x8000'0000;
constexpr std::uint64_t kSramBase = kStackBase - 4 * 64 * 256;  // windows cross the border
constexpr unsigned kInitiators = 4;
constexpr unsigned kCount = 400;

struct Variant {
  interconnect::Arbitration arbitration;
  unsigned request_depth;
  unsigned response_depth;
  unsigned target_outstanding;
  AtInitiator::Behaviour behaviour;
};

std::vector<Variant> variants() {
  using interconnect::Arbitration;
  return {{Arbitration::round_robin, 4, 4, 8, {8, {Answer::completed}, 0, 0}},
          {Arbitration::round_robin, 1, 1, 1, {8, {Answer::accepted}, 40'000, 0}},
          {Arbitration::priority, 2, 1, 4, {16, {Answer::updated}, 5'000, 300}},
          {Arbitration::weighted,
           1,
           2,
           32,
           {16, {Answer::accepted, Answer::updated, Answer::completed}, 2'000, 0}},
          {Arbitration::round_robin, 4, 1, 2, {1, {Answer::completed, Answer::accepted}, 0, 900}}};
}

// Four AT initiators and an LT one, an SRAM and a stack. The windows of initiators 0 and 1 lie in
// the SRAM, those of 2 and 3 in the stack.
struct Bench {
  Bench(const std::string& name, const Variant& variant) : reset((name + "_reset").c_str()) {
    make_crossbar(name, variant);
    for (unsigned i = 0; i < kInitiators; ++i) add_initiator(name, variant, i);
    lt = std::make_unique<test::LtInitiator>((name + "_lt").c_str());
    checkers.push_back(checker(name + "_lt_checker"));
    lt->socket.bind(checkers.back()->target);
    checkers.back()->initiator.bind(crossbar->from_initiator(kInitiators));
  }

  std::unique_ptr<common::ProtocolChecker> checker(const std::string& name) {
    return std::make_unique<common::ProtocolChecker>(name.c_str());
  }

  void make_crossbar(const std::string& name, const Variant& variant) {
    Crossbar::Config config;
    for (unsigned i = 0; i <= kInitiators; ++i) {
      config.initiators.push_back(
          {"port" + std::to_string(i), 4u << i, 500 + 250 * i, i, 1 + i, i});
    }
    config.targets = {{"sram", 16, 1000, 1}, {"stack", 32, 800, 2}};
    config.ranges = {{"sram", kSramBase, kStackBase - kSramBase, 0},
                     {"stack", kStackBase, 1u << 20, 1}};
    config.arbitration = variant.arbitration;
    config.request_depth = variant.request_depth;
    config.response_depth = variant.response_depth;
    crossbar = std::make_unique<Crossbar>((name + "_crossbar").c_str(), config);
    crossbar->reset.bind(reset);
    memory::Sram::Config sram_config;
    sram_config.max_outstanding = variant.target_outstanding;
    sram = std::make_unique<memory::Sram>((name + "_sram").c_str(), sram_config);
    memory::Stack::Config stack_config = test::stack_config("lpddr5_6400");
    stack_config.max_outstanding = variant.target_outstanding;
    stack = std::make_unique<memory::Stack>((name + "_stack").c_str(), stack_config);
    for (unsigned j = 0; j < 2; ++j) {
      checkers.push_back(checker(name + "_target_checker" + std::to_string(j)));
      crossbar->to_target(j).bind(checkers.back()->target);
    }
    checkers[0]->initiator.bind(sram->target());
    checkers[1]->initiator.bind(stack->target());
  }

  void add_initiator(const std::string& name, const Variant& variant, unsigned i) {
    const std::string suffix = std::to_string(i);
    at.push_back(std::make_unique<AtInitiator>((name + "_at" + suffix).c_str(), variant.behaviour));
    checkers.push_back(checker(name + "_checker" + suffix));
    at[i]->socket.bind(checkers.back()->target);
    checkers.back()->initiator.bind(crossbar->from_initiator(i));
    test::RandomTraffic::Config config;
    config.base = kSramBase + std::uint64_t{i + 2} * 64 * 256;
    config.count = kCount;
    config.seed = 100 + i;
    config.greatest_gap_ps = 10'000;
    traffic.push_back(std::make_unique<test::RandomTraffic>(*at[i], config));
  }

  void require_clean() {
    for (const auto& each : checkers) {
      each->check_all_answered();
      INFO(each->name());
      if (!each->violations().empty()) FAIL(each->violations().front());
    }
    for (unsigned i = 0; i < kInitiators; ++i) {
      INFO(at[i]->name());
      REQUIRE(at[i]->idle());
      REQUIRE(at[i]->unexpected_phases == 0);
      REQUIRE(traffic[i]->done() == kCount);
      REQUIRE(traffic[i]->mismatches() == 0);
    }
  }

  sc_core::sc_signal<bool> reset;
  std::vector<std::unique_ptr<common::ProtocolChecker>> checkers;
  std::unique_ptr<Crossbar> crossbar;
  std::unique_ptr<memory::Sram> sram;
  std::unique_ptr<memory::Stack> stack;
  std::vector<std::unique_ptr<AtInitiator>> at;
  std::vector<std::unique_ptr<test::RandomTraffic>> traffic;
  std::unique_ptr<test::LtInitiator> lt;
};

std::vector<std::unique_ptr<Bench>> all_benches() {
  std::vector<std::unique_ptr<Bench>> benches;
  for (const Variant& variant : variants()) {
    benches.push_back(std::make_unique<Bench>("bench" + std::to_string(benches.size()), variant));
  }
  return benches;
}

}  // namespace

TEST_CASE("random AT traffic of several initiators keeps protocol and data") {
  const auto benches = all_benches();
  sc_core::sc_start();
  for (const auto& bench : benches) {
    bench->require_clean();
    for (unsigned i = 0; i < kInitiators; ++i) {
      REQUIRE(bench->traffic[i]->errors() == 0);
      std::vector<std::uint8_t> bytes(64 * 256);
      const std::uint64_t base = kSramBase + std::uint64_t{i + 2} * 64 * 256;
      REQUIRE(bench->lt->read(base, bytes.data(), 64 * 256) == tlm::TLM_OK_RESPONSE);
      REQUIRE(bench->traffic[i]->shadow() == bytes);
    }
  }
}

TEST_CASE("LT and AT mix") {
  const auto benches = all_benches();
  std::uint32_t value = 0;
  for (int step = 0; step < 300; ++step) {
    sc_core::sc_start(sc_core::sc_time(40, sc_core::SC_NS));
    for (const auto& bench : benches) {
      const std::uint64_t address = (step % 2 == 0 ? kSramBase : kStackBase + 0x8'0000) + 4 * step;
      bench->lt->delay = sc_core::SC_ZERO_TIME;
      REQUIRE(bench->lt->write32(address, ++value) == tlm::TLM_OK_RESPONSE);
      REQUIRE(bench->lt->read32(address) == value);
    }
  }
  sc_core::sc_start();
  for (const auto& bench : benches) bench->require_clean();
}

TEST_CASE("reset in flight finishes what is under way and leaves the crossbar usable") {
  const auto benches = all_benches();
  for (int step = 0; step < 60; ++step) {
    sc_core::sc_start(sc_core::sc_time(17'333 + 1013 * step, sc_core::SC_PS));
    for (const auto& bench : benches) bench->reset.write(step % 4 == 0);
  }
  for (const auto& bench : benches) bench->reset.write(false);
  sc_core::sc_start();
  unsigned refused = 0;
  for (const auto& bench : benches) {
    bench->require_clean();
    for (const auto& traffic : bench->traffic) refused += traffic->errors();
    REQUIRE(bench->lt->write32(kSramBase, 5) == tlm::TLM_OK_RESPONSE);
  }
  REQUIRE(refused > 0);
}

TEST_CASE("holes are answered in AT, also where the request is annotated with a delay") {
  AtInitiator plain("plain", {2, {Answer::completed}, 0, 0});
  AtInitiator delayed("delayed", {2, {Answer::completed}, 0, 700});
  common::ProtocolChecker plain_checker("plain_checker");
  common::ProtocolChecker delayed_checker("delayed_checker");
  Crossbar::Config config;
  config.initiators = {{"plain"}, {"delayed"}};
  config.targets = {{"sram"}};
  config.ranges = {{"sram", 0, 1u << 20, 0}};
  Crossbar crossbar("crossbar", config);
  memory::Sram sram("sram", {});
  plain.socket.bind(plain_checker.target);
  delayed.socket.bind(delayed_checker.target);
  plain_checker.initiator.bind(crossbar.from_initiator(0));
  delayed_checker.initiator.bind(crossbar.from_initiator(1));
  crossbar.to_target(0).bind(sram.target());
  for (AtInitiator* initiator : {&plain, &delayed}) {
    for (std::uint64_t i = 0; i < 20; ++i) {
      initiator->submit({tlm::TLM_READ_COMMAND, i % 2 == 0 ? 64 * i : 0x4000'0000 + i,
                         std::vector<std::uint8_t>(4), 0});
    }
  }
  sc_core::sc_start();
  for (AtInitiator* initiator : {&plain, &delayed}) {
    REQUIRE(initiator->results.size() == 20);
    for (const auto& result : initiator->results) {
      REQUIRE(result.status == (result.address < 0x4000'0000 ? tlm::TLM_OK_RESPONSE
                                                             : tlm::TLM_ADDRESS_ERROR_RESPONSE));
    }
  }
  REQUIRE(plain_checker.violations().empty());
  REQUIRE(delayed_checker.violations().empty());
}

TEST_CASE("cascaded crossbars keep their transactions apart") {
  AtInitiator initiator("initiator", {8, {Answer::completed, Answer::accepted}, 3'000, 0});
  common::ProtocolChecker outside("outside");
  common::ProtocolChecker between("between");
  common::ProtocolChecker inside("inside");
  Crossbar::Config config;
  config.initiators = {{"port"}};
  config.targets = {{"port"}};
  config.ranges = {{"upper", 0x1000'0000, 1u << 28, 0}};
  config.response_depth = 1;
  Crossbar outer("outer", config);
  config.ranges = {{"lower", 0x100'0000, 1u << 20, 0}};
  Crossbar inner("inner", config);
  memory::Sram sram("sram", {});
  initiator.socket.bind(outside.target);
  outside.initiator.bind(outer.from_initiator(0));
  outer.to_target(0).bind(between.target);
  between.initiator.bind(inner.from_initiator(0));
  inner.to_target(0).bind(inside.target);
  inside.initiator.bind(sram.target());
  test::RandomTraffic::Config traffic_config;
  traffic_config.base = 0x1100'0000;
  test::RandomTraffic traffic(initiator, traffic_config);
  sc_core::sc_start();
  REQUIRE(traffic.done() == traffic_config.count);
  REQUIRE(traffic.errors() == 0);
  REQUIRE(traffic.mismatches() == 0);
  REQUIRE(outside.violations().empty());
  REQUIRE(between.violations().empty());
  REQUIRE(inside.violations().empty());
}

TEST_CASE("two simulations of the same traffic give the same times") {
  // Two equal benches side by side must agree event by event.
  Bench first("first", variants()[3]);
  Bench second("second", variants()[3]);
  sc_core::sc_start();
  for (unsigned i = 0; i < kInitiators; ++i) {
    REQUIRE(first.at[i]->results.size() == second.at[i]->results.size());
    for (std::size_t n = 0; n < first.at[i]->results.size(); ++n) {
      REQUIRE(first.at[i]->results[n].end_ps == second.at[i]->results[n].end_ps);
    }
  }
}
