// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/observe/phase_ledger.h"

using namespace tandem::observe;

namespace {

enum Phase : std::size_t { kWork, kRest };

// Counts from time 0, as modules do.
struct Module {
  double reads = 0.0, writes = 0.0;
  void collect_energy(EnergySink& sink) const {
    sink.spend("read", reads, "data sheet");
    sink.spend("write", writes, "paper");
  }
};

void read(PhaseLedger& ledger, std::string_view name, const Module& module, Phase phase) {
  ledger.read(name, phase);
  module.collect_energy(ledger);
}

std::vector<std::string> components(const PhaseLedger& ledger) {
  std::vector<std::string> names;
  for (const PhaseLedger::Entry& entry : ledger.entries()) names.push_back(entry.component);
  return names;
}

}  // namespace

TEST_CASE("a phase gets what was counted since the reading before") {
  PhaseLedger ledger({"work", "rest"});
  read(ledger, "memory", {4.0, 1.0}, kWork);
  read(ledger, "memory", {5.0, 1.0}, kRest);
  read(ledger, "memory", {15.0, 3.0}, kWork);

  REQUIRE(components(ledger) == std::vector<std::string>{"memory.read", "memory.write"});
  CHECK(ledger.entries()[0].picojoules == std::vector<double>{14.0, 1.0});
  CHECK(ledger.entries()[1].picojoules == std::vector<double>{3.0, 0.0});
  CHECK(ledger.entries()[0].source == "data sheet");
  CHECK(ledger.entries()[1].source == "paper");
  CHECK(ledger.phase_picojoules(kWork) == 17.0);
  CHECK(ledger.phase_picojoules(kRest) == 1.0);
  CHECK(ledger.entries()[0].total_picojoules() == 15.0);
  CHECK(ledger.total_picojoules() == 18.0);
}

TEST_CASE("the total of an entry is the sum of its parts, and what the module counted") {
  PhaseLedger ledger({"work", "rest"});
  Module module;
  for (int i = 0; i < 10'000; ++i) {
    module.reads += 0.1 + 1e-7 * i;
    module.writes += 1e6 / 3.0;
    read(ledger, "memory", module, i % 3 == 0 ? kRest : kWork);
  }
  for (const PhaseLedger::Entry& entry : ledger.entries()) {
    CHECK(entry.total_picojoules() == entry.picojoules[kWork] + entry.picojoules[kRest]);
  }
  CHECK(ledger.entries()[0].total_picojoules() == Approx(module.reads).epsilon(1e-11));
  CHECK(ledger.entries()[1].total_picojoules() == Approx(module.writes).epsilon(1e-11));
}

TEST_CASE("components of equal name in several modules are several entries") {
  PhaseLedger ledger({"work", "rest"});
  for (const double n : {1.0, 2.0}) {
    read(ledger, "memory", {n, 0.0}, kWork);
    read(ledger, "memory2", {10.0 * n, 0.0}, kRest);
    read(ledger, "mem", {100.0 * n, 0.0}, kRest);
  }
  REQUIRE(components(ledger) == std::vector<std::string>{"memory.read", "memory.write",
                                                         "memory2.read", "memory2.write",
                                                         "mem.read", "mem.write"});
  CHECK(ledger.entries()[0].picojoules == std::vector<double>{2.0, 0.0});
  CHECK(ledger.entries()[2].picojoules == std::vector<double>{0.0, 20.0});
  CHECK(ledger.entries()[4].picojoules == std::vector<double>{0.0, 200.0});
}

TEST_CASE("a component that is told later takes its place, and its past is nothing") {
  PhaseLedger ledger({"work", "rest"});
  ledger.read("npu", kWork);
  ledger.spend("vector", 1.0, "paper");
  ledger.read("sram", kWork);
  ledger.spend("access", 1.0, "paper");

  ledger.read("npu", kRest);
  ledger.spend("matrix.fp16", 7.0, "paper");
  ledger.spend("vector", 1.0, "paper");
  ledger.spend("buffers", 3.0, "paper");
  CHECK(components(ledger) ==
        std::vector<std::string>{"npu.matrix.fp16", "npu.vector", "npu.buffers", "sram.access"});
  CHECK(ledger.entries()[0].picojoules == std::vector<double>{0.0, 7.0});
  CHECK(ledger.entries()[1].picojoules == std::vector<double>{1.0, 0.0});
}

TEST_CASE("a component that is told twice in a reading is one entry") {
  PhaseLedger ledger({"work", "rest"});
  for (const std::size_t phase : {kWork, kRest}) {
    const double n = phase == kWork ? 1.0 : 3.0;
    ledger.read("memory", phase);
    ledger.spend("read", n, "of channel 0");
    ledger.spend("read", 10.0 * n, "of channel 1");
  }
  REQUIRE(ledger.entries().size() == 1);
  CHECK(ledger.entries()[0].picojoules == std::vector<double>{11.0, 22.0});
}

TEST_CASE("a counter that falls is a negative part, for all to see") {
  PhaseLedger ledger({"work", "rest"});
  read(ledger, "memory", {4.0, 0.0}, kWork);
  read(ledger, "memory", {1.0, 0.0}, kRest);
  CHECK(ledger.entries()[0].picojoules == std::vector<double>{4.0, -3.0});
}

TEST_CASE("a copy of a ledger goes its own way") {
  PhaseLedger ledger({"work", "rest"});
  read(ledger, "memory", {4.0, 0.0}, kWork);
  PhaseLedger copy = ledger;
  read(copy, "memory", {6.0, 0.0}, kRest);
  CHECK(copy.total_picojoules() == 6.0);
  CHECK(ledger.total_picojoules() == 4.0);
}

TEST_CASE("a phase that does not exist is refused") {
  PhaseLedger ledger({"work", "rest"});
  CHECK_THROWS_WITH(ledger.read("memory", 2), "PhaseLedger: phase 2 of 2");
}
