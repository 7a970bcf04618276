// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/pe_array/array_core.h"

using tandem::abi::Format;
using namespace tandem::pe_array;

namespace {

Config array_128() {
  Config config;
  config.rows = 128;
  config.columns = 128;
  config.draft_columns_factor = 4;
  config.int8_factor = 2;
  config.reconfigure_cycles = 16;
  return config;
}

const Format kWeightFormats[] = {Format::kFp16,       Format::kBf16,      Format::kInt8,
                                 Format::kInt4,       Format::kE2m1,      Format::kE3m0,
                                 Format::kBsfpEDraft, Format::kBsfpEFull, Format::kBsfpIDraft,
                                 Format::kBsfpIFull};
const std::uint64_t kEdges[] = {1, 3, 4, 127, 128, 129, 300, 1000};

}  // namespace

TEST_CASE("weight-stationary: one sub-tile costs what NeuPIMs' simulator charges") {
  const ArrayCore core(array_128());
  for (const std::uint64_t rows : {1, 4, 5, 128, 300}) {
    const TileTiming timing = core.tile_timing(Format::kFp16, 128, 128, rows);
    const std::uint64_t gemm = 128 + 128 - 2 + std::max<std::uint64_t>(rows, 4);
    CHECK(timing.latency_cycles() == gemm + 2 * 128 - 1);
    CHECK(timing.fill_cycles == 255);
  }
}

TEST_CASE("weight-stationary: later sub-tiles follow at max(H, stream) cycles") {
  const ArrayCore core(array_128());
  // 2 x 3 sub-tiles; a short stream waits for the weights, a long one hides them.
  const TileTiming few = core.tile_timing(Format::kFp16, 384, 256, 1);
  CHECK(few.steady_cycles == 5 * 128 + 4);
  CHECK(few.occupancy_cycles == 6 * 128);
  const TileTiming many = core.tile_timing(Format::kFp16, 384, 256, 500);
  CHECK(many.steady_cycles == 6 * 500);
  CHECK(many.occupancy_cycles == 6 * 500);
}

TEST_CASE("weight-stationary: partial sub-tiles count as whole ones, arrays share them") {
  Config config = array_128();
  const ArrayCore one(config);
  CHECK(one.tile_timing(Format::kFp16, 129, 129, 128).steady_cycles == 4 * 128);
  config.arrays = 3;
  const ArrayCore three(config);
  CHECK(three.tile_timing(Format::kFp16, 129, 129, 128).steady_cycles == 2 * 128);
}

TEST_CASE("output-stationary: closed form") {
  const ArrayCore core(array_128());
  const auto timing = [&](std::uint64_t n, std::uint64_t k, std::uint64_t m) {
    return core.tile_timing(Dataflow::kOutputStationary, Format::kFp16, n, k, m);
  };
  CHECK(timing(128, 1000, 128).latency_cycles() == 128 + 128 - 2 + 1000 + 128);
  CHECK(timing(256, 1000, 129).steady_cycles == 4 * 1000);
  CHECK(timing(256, 10, 1).steady_cycles == 128 + 10);  // results leave over 128 cycles
}

TEST_CASE("draft weights need a quarter of the sub-tiles, INT8 ones half") {
  const ArrayCore core(array_128());
  const auto steady = [&](Format format) {
    return core.tile_timing(format, 1024, 128, 128).steady_cycles;
  };
  CHECK(steady(Format::kFp16) == 8 * 128);
  CHECK(steady(Format::kBsfpEFull) == 8 * 128);
  CHECK(steady(Format::kInt8) == 4 * 128);
  for (const Format format :
       {Format::kInt4, Format::kE2m1, Format::kE3m0, Format::kBsfpEDraft, Format::kBsfpIDraft}) {
    CHECK(steady(format) == 2 * 128);
  }
}

TEST_CASE("the steady rate never exceeds the peak of the array") {
  for (const std::uint32_t arrays : {1u, 3u}) {
    Config config = array_128();
    config.arrays = arrays;
    config.rows = 32;
    const ArrayCore core(config);
    for (const Dataflow dataflow : {Dataflow::kWeightStationary, Dataflow::kOutputStationary}) {
      for (const Format format : kWeightFormats) {
        for (const std::uint64_t n : kEdges) {
          for (const std::uint64_t k : kEdges) {
            for (const std::uint64_t m : kEdges) {
              const TileTiming timing = core.tile_timing(dataflow, format, n, k, m);
              const std::uint64_t slots = timing.steady_cycles * core.peak_macs_per_cycle(format);
              REQUIRE(n * k * m <= slots);
              REQUIRE(timing.occupancy_cycles >= timing.steady_cycles);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("large tiles approach the peak") {
  const ArrayCore core(array_128());
  const TileTiming timing = core.tile_timing(Format::kFp16, 4096, 4096, 4096);
  const double macs = 4096.0 * 4096.0 * 4096.0;
  CHECK(macs / (static_cast<double>(timing.latency_cycles()) * 128 * 128) > 0.99);
}

TEST_CASE("reconfiguration is paid on every change of mode and only then") {
  ArrayCore core(array_128());
  CHECK(core.reconfigure_cycles(Format::kFp16) == 0);
  CHECK(core.reconfigure_cycles(Format::kBsfpIDraft) == 16);
  CHECK(core.reconfigure_cycles(Format::kInt4) == 0);
  CHECK(core.reconfigure_cycles(Format::kBsfpIFull) == 16);
  CHECK(core.reconfigure_cycles(Format::kInt8) == 0);
  CHECK(core.reconfigurations() == 2);
  core.reconfigure_cycles(Format::kE2m1);
  core.reset();
  CHECK(core.reconfigure_cycles(Format::kFp16) == 0);
}

TEST_CASE("utilisation and energy follow the recorded tiles") {
  ArrayCore core(array_128());
  CHECK(core.utilisation() == 0);
  const TileTiming full = core.tile_timing(Format::kFp16, 128, 128, 128);
  core.record(Format::kFp16, 128, 128, 128, full.steady_cycles);
  CHECK(core.utilisation() == Approx(1.0));
  CHECK(core.macs() == 128u * 128 * 128);
  const double fp16_pj = core.energy_picojoules();
  CHECK(fp16_pj == Approx(128.0 * 128 * 128 * 2.0));  // 1.1 pJ multiply, 0.9 pJ add

  core.record(Format::kBsfpEDraft, 1, 1, 1, core.reconfigure_cycles(Format::kBsfpEDraft));
  CHECK(core.utilisation() < 1.0);
  CHECK(core.energy_picojoules() - fp16_pj == Approx(1.0));
}

TEST_CASE("the ledger and the statistics give the same totals") {
  ArrayCore core(array_128());
  core.record(Format::kFp16, 10, 20, 3, 400);
  core.record(Format::kInt4, 10, 20, 3, 500);
  core.reconfigure_cycles(Format::kInt4);
  tandem::observe::EnergyLedger ledger;
  core.collect_energy(ledger);
  CHECK(ledger.entries().size() == 2);
  CHECK(ledger.total_picojoules() == Approx(core.energy_picojoules()));
  for (const auto& entry : ledger.entries()) CHECK(!entry.source.empty());
  tandem::observe::StatisticsTable table;
  core.collect(table);
  REQUIRE(table.find("macs") != nullptr);
  CHECK(table.find("macs")->integer == 1200);
  CHECK(table.find("busy_cycles")->integer == 916);
  REQUIRE(table.find("by_format.int4.macs") != nullptr);
  CHECK(table.find("by_format.int4.macs")->integer == 600);
}

TEST_CASE("what is not a tile is refused") {
  const ArrayCore core(array_128());
  CHECK_THROWS_AS(core.tile_timing(Format::kFp32, 1, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(core.tile_timing(Format::kU32, 1, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(core.tile_timing(static_cast<Format>(12), 1, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(core.tile_timing(Format::kFp16, 0, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(core.tile_timing(Format::kFp16, 1, 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(core.tile_timing(Format::kFp16, 1, 1, 0), std::invalid_argument);
}

TEST_CASE("a bad configuration is refused with the field, the value and the rule") {
  const auto message = [](auto change) {
    Config config;
    change(config);
    try {
      ArrayCore core(config);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(message([](Config&) {}) == "accepted");
  CHECK(message([](Config& c) { c.rows = 0; }) == "pe_array.rows = 0: must be 1..4096");
  CHECK(message([](Config& c) { c.columns = 5000; }) == "pe_array.columns = 5000: must be 1..4096");
  CHECK(message([](Config& c) { c.draft_columns_factor = 3; }) ==
        "pe_array.draft_columns_factor = 3: must be 1, 2 or 4");
  CHECK(message([](Config& c) { c.clock_period_ps = 0; }) ==
        "pe_array.clock_period_ps = 0: must be 1..1e9");
  CHECK(message([](Config& c) { c.energy.femtojoules[1] = -1; }) ==
        "pe_array.energy.femtojoules = -1.000000: must be finite, not negative");
  CHECK(message([](Config& c) { c.energy.source.clear(); }) ==
        "pe_array.energy.source = \"\": must say where the figures are from");
}
