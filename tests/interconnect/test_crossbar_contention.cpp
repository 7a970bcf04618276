// SPDX-License-Identifier: Apache-2.0
// Bandwidth and fairness under saturation, against the widths of the ports.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "tandem/interconnect/crossbar.h"
#include "tandem/memory/sram.h"
#include "tandem/test/at_initiator.h"

using namespace tandem;
using interconnect::Arbitration;
using interconnect::Crossbar;
using test::AtInitiator;

namespace {

constexpr unsigned kBytes = 256;

// Some initiators, each saturating one of the targets; all ports 16 B per ns.
struct Bench {
  Bench(unsigned initiators, unsigned targets, Arbitration arbitration,
        std::vector<unsigned> weights = {}, std::vector<unsigned> priorities = {}) {
    weights.resize(initiators, 1);
    priorities.resize(initiators, 0);
    Crossbar::Config config;
    config.arbitration = arbitration;
    for (unsigned i = 0; i < initiators; ++i) {
      config.initiators.push_back(
          {"initiator" + std::to_string(i), 16, 1000, 1, weights[i], priorities[i]});
    }
    for (unsigned j = 0; j < targets; ++j) {
      config.targets.push_back({"target" + std::to_string(j), 16, 1000, 1});
      config.ranges.push_back({"range" + std::to_string(j), j * 0x100'0000ull, 0x100'0000, j});
    }
    crossbar = std::make_unique<Crossbar>("crossbar", config);
    for (unsigned j = 0; j < targets; ++j) {
      memory::Sram::Config sram;
      sram.size_bytes = 0x100'0000;
      sram.width_bytes = 64;  // four times the port
      sram.max_outstanding = 16;
      srams.push_back(std::make_unique<memory::Sram>(("sram" + std::to_string(j)).c_str(), sram));
      crossbar->to_target(j).bind(srams[j]->target());
    }
    for (unsigned i = 0; i < initiators; ++i) {
      at.push_back(std::make_unique<AtInitiator>(
          ("at" + std::to_string(i)).c_str(),
          AtInitiator::Behaviour{16, {AtInitiator::Answer::completed}, 0, 0}));
      at[i]->socket.bind(crossbar->from_initiator(i));
    }
  }
  void saturate(unsigned initiator, unsigned target, tlm::tlm_command command, unsigned count) {
    for (unsigned n = 0; n < count; ++n) {
      at[initiator]->submit({command, target * 0x100'0000ull + std::uint64_t{n} * kBytes,
                             std::vector<std::uint8_t>(kBytes), 0});
    }
  }
  static double bytes_per_ns(const AtInitiator& initiator) {
    return static_cast<double>(initiator.results.size()) * kBytes * 1000.0 /
           static_cast<double>(initiator.results.back().end_ps);
  }
  // How many of an initiator's transactions were answered before `time_ps`.
  static std::size_t done_by(const AtInitiator& initiator, std::uint64_t time_ps) {
    return static_cast<std::size_t>(
        std::count_if(initiator.results.begin(), initiator.results.end(),
                      [&](const AtInitiator::Result& result) { return result.end_ps <= time_ps; }));
  }

  std::unique_ptr<Crossbar> crossbar;
  std::vector<std::unique_ptr<memory::Sram>> srams;
  std::vector<std::unique_ptr<AtInitiator>> at;
};

}  // namespace

TEST_CASE("one initiator reads at the width of its port") {
  Bench bench(1, 1, Arbitration::round_robin);
  bench.saturate(0, 0, tlm::TLM_READ_COMMAND, 1000);
  sc_core::sc_start();
  REQUIRE(Bench::bytes_per_ns(*bench.at[0]) < 16.0);
  REQUIRE(Bench::bytes_per_ns(*bench.at[0]) > 15.8);
}

TEST_CASE("one initiator writes at the width of its port") {
  Bench bench(1, 1, Arbitration::round_robin);
  bench.saturate(0, 0, tlm::TLM_WRITE_COMMAND, 1000);
  sc_core::sc_start();
  REQUIRE(Bench::bytes_per_ns(*bench.at[0]) < 16.0);
  REQUIRE(Bench::bytes_per_ns(*bench.at[0]) > 15.8);
}

TEST_CASE("reads and writes use separate paths") {
  Bench bench(2, 1, Arbitration::round_robin);
  bench.saturate(0, 0, tlm::TLM_READ_COMMAND, 1000);
  bench.saturate(1, 0, tlm::TLM_WRITE_COMMAND, 1000);
  sc_core::sc_start();
  // A read's request takes one slot of 16 on the path of the writes.
  REQUIRE(Bench::bytes_per_ns(*bench.at[1]) > 14.5);
  REQUIRE(Bench::bytes_per_ns(*bench.at[0]) > 12.0);
  REQUIRE(Bench::bytes_per_ns(*bench.at[0]) < 16.0);
}

TEST_CASE("initiators of different targets do not disturb each other") {
  Bench bench(2, 2, Arbitration::round_robin);
  bench.saturate(0, 0, tlm::TLM_READ_COMMAND, 1000);
  bench.saturate(1, 1, tlm::TLM_READ_COMMAND, 1000);
  sc_core::sc_start();
  REQUIRE(Bench::bytes_per_ns(*bench.at[0]) > 15.8);
  REQUIRE(Bench::bytes_per_ns(*bench.at[1]) > 15.8);
}

TEST_CASE("round robin divides a target evenly") {
  Bench bench(4, 1, Arbitration::round_robin);
  for (unsigned i = 0; i < 4; ++i) bench.saturate(i, 0, tlm::TLM_WRITE_COMMAND, 400);
  sc_core::sc_start();
  for (unsigned i = 0; i < 4; ++i) {
    REQUIRE(Bench::bytes_per_ns(*bench.at[i]) == Approx(4.0).epsilon(0.02));
  }
}

TEST_CASE("weighted arbitration divides a target by weight") {
  Bench bench(2, 1, Arbitration::weighted, {3, 1});
  for (unsigned i = 0; i < 2; ++i) bench.saturate(i, 0, tlm::TLM_WRITE_COMMAND, 800);
  sc_core::sc_start();
  // An initiator has one request at the port at a time and sends its next one when END_REQ has
  // passed, so it is there for every round of the arbiter.
  const std::uint64_t middle_ps = 6'000'000;
  const auto heavy = static_cast<double>(Bench::done_by(*bench.at[0], middle_ps));
  const auto light = static_cast<double>(Bench::done_by(*bench.at[1], middle_ps));
  REQUIRE(heavy / light == Approx(3.0).epsilon(0.05));
}

TEST_CASE("priority serves the urgent initiator first") {
  Bench bench(2, 1, Arbitration::priority, {}, {5, 1});
  for (unsigned i = 0; i < 2; ++i) bench.saturate(i, 0, tlm::TLM_WRITE_COMMAND, 400);
  sc_core::sc_start();
  REQUIRE(Bench::bytes_per_ns(*bench.at[1]) > 15.0);
  REQUIRE(bench.at[0]->results.back().end_ps > bench.at[1]->results.back().end_ps);
}

TEST_CASE("LT and AT agree on the time of an access without contention") {
  Bench bench(1, 1, Arbitration::round_robin);
  bench.saturate(0, 0, tlm::TLM_READ_COMMAND, 1);
  sc_core::sc_start();
  // Request 1 + 2, SRAM 4 + 1, response 16 + 2 cycles.
  REQUIRE(bench.at[0]->results[0].end_ps == 26'000);
}
