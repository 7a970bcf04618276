// SPDX-License-Identifier: Apache-2.0
// Times against the closed forms of modules/pim/README.md.
#include <algorithm>
#include <catch2/catch.hpp>

#include "pim_bench.h"

using namespace tandem;
using namespace tandem::test;

namespace {

// One channel, 4 KiB of consecutive addresses in a bank's row before the next bank follows, no
// refresh: rows can be counted by hand.
pim::Config plain_config(pim::RowBuffer row_buffer = pim::RowBuffer::kDual) {
  pim::Config config;
  config.memory.device = test::device("gddr6_aim");
  config.memory.device.timing.tREFI = 0;
  config.memory.channels = 1;
  config.memory.mapping = "RoRaBgBaCoCh";
  config.memory.chunk_bytes = std::uint64_t{1} << 20;
  config.row_buffer = row_buffer;
  return config;
}

std::uint64_t ceil_divide(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

std::uint64_t busy_ps(const PimBench& bench, unsigned channel = 0) {
  observe::StatisticsTable table;
  bench.pim.collect(table);
  return table.find("channel" + std::to_string(channel) + ".busy")->integer;
}

std::uint64_t statistic(const PimBench& bench, const std::string& path) {
  observe::StatisticsTable table;
  bench.pim.collect(table);
  const observe::Statistic* found = table.find(path);
  REQUIRE(found != nullptr);
  return found->integer;
}

// A stay of a row: activate, columns, precharge.
std::uint64_t open_ps(const memory::DeviceTiming& t, std::uint64_t columns, std::uint64_t pace_ps) {
  const std::uint64_t last_ps = t.tRCDRD + (columns - 1) * pace_ps;
  return std::max(std::max(last_ps + std::max(pace_ps, t.tRTP_L), t.tRAS) + t.tRP, t.tRC);
}

}  // namespace

TEST_CASE("rows of one bank follow each other") {
  PimBench bench(plain_config());
  const memory::DeviceConfig& device = bench.pim.config().memory.device;
  // 2 KiB of FP16 weights at the begin of rows of bank 0: one row of the matrix per DRAM row.
  const std::uint64_t banks = device.geometry.banks();
  abi::PimCommand command = gemv(kBase, 4, 1024);
  command.row_elements = static_cast<abi::u32>(1024 * banks);
  REQUIRE(bench.send(command) == kOk);
  const std::uint64_t columns = 2048 / device.geometry.burst_bytes();
  CHECK(busy_ps(bench) == 4 * open_ps(device.timing, columns, 1'000));
  CHECK(statistic(bench, "channel0.activations") == 4);
  CHECK(statistic(bench, "internal_bytes") == 4 * 2048);
}

TEST_CASE("rows of many banks are opened at the pace of tRRD and tFAW") {
  PimBench bench(plain_config());
  const memory::DeviceConfig& device = bench.pim.config().memory.device;
  const memory::DeviceTiming& t = device.timing;
  // One column of every bank's first row: activates are all there is.
  abi::PimCommand command = gemv(kBase, 16, 16);
  command.row_elements = 1024;
  REQUIRE(bench.send(command) == kOk);
  const std::uint64_t pace_ps = std::max(t.tRRD_S, ceil_divide(t.tFAW, 4));
  CHECK(busy_ps(bench) == 15 * pace_ps + open_ps(t, 1, 1'000));
  CHECK(statistic(bench, "channel0.activations") == 16);
}

TEST_CASE("vectors share an open row as far as accumulators and buffer reach") {
  const memory::DeviceTiming t = test::device("gddr6_aim").timing;
  struct Case {
    const char* name;
    std::uint16_t vectors;
    std::uint32_t accumulators, buffer_rows;
    std::uint64_t busy_ps, activations;
  };
  // 256 columns: 512 bytes, 16 column accesses; four vectors fill the buffer of one row.
  const Case cases[] = {
      {"at_once", 4, 16, 1, open_ps(t, 64, 1'000), 1},
      {"accumulators_for_two", 4, 2, 1, 2 * open_ps(t, 32, 1'000), 2},
      {"remainder", 5, 2, 1, 2 * open_ps(t, 32, 1'000) + open_ps(t, 16, 1'000), 3},
      {"buffer_for_four", 8, 16, 1, 2 * open_ps(t, 64, 1'000), 2},
      {"larger_buffer", 8, 16, 2, open_ps(t, 128, 1'000), 1},
  };
  std::vector<std::unique_ptr<PimBench>> benches;
  for (const Case& c : cases) {
    pim::Config config = plain_config();
    config.accumulators_per_bank = c.accumulators;
    config.global_buffer_rows = c.buffer_rows;
    benches.push_back(std::make_unique<PimBench>(config, c.name, false));
  }
  for (std::size_t i = 0; i < benches.size(); ++i) {
    INFO(cases[i].name);
    benches[i]->start();
    benches[i]->send(gemv(kBase, 1, 256, cases[i].vectors));
    CHECK(busy_ps(*benches[i]) == cases[i].busy_ps);
    CHECK(statistic(*benches[i], "channel0.activations") == cases[i].activations);
  }
}

TEST_CASE("a vector longer than the buffer is taken in segments") {
  PimBench bench(plain_config());
  // Buffer 1,024 elements, rows of 1,024 elements: segment s is DRAM row s of its own bank.
  bench.send(gemv(kBase, 1, 4096));
  CHECK(statistic(bench, "channel0.activations") == 4);
  CHECK(statistic(bench, "internal_bytes") == 8192);
}

TEST_CASE("column pace is the array's or the MAC unit's, whichever is slower") {
  const memory::DeviceTiming t = test::device("gddr6_aim").timing;
  struct Case {
    const char* name;
    abi::Format format;
    std::uint32_t lanes;
    std::uint64_t busy_ps;
  };
  // 512 columns in bursts of 32 bytes: 16 FP16, 32 INT8 or 64 4-bit weights.
  const Case cases[] = {
      {"fp16", abi::Format::kFp16, 16, open_ps(t, 32, 1'000)},
      {"fp16_half_the_lanes", abi::Format::kFp16, 8, open_ps(t, 32, 2'000)},
      {"int8_half_the_lanes", abi::Format::kInt8, 16, open_ps(t, 16, 2'000)},
      {"int4", abi::Format::kInt4, 64, open_ps(t, 8, 1'000)},
  };
  std::vector<std::unique_ptr<PimBench>> benches;
  for (const Case& c : cases) {
    pim::Config config = plain_config();
    config.lanes = {c.lanes, c.lanes, c.lanes, c.lanes, c.lanes, c.lanes, c.lanes};
    benches.push_back(std::make_unique<PimBench>(config, c.name, false));
  }
  for (std::size_t i = 0; i < benches.size(); ++i) {
    INFO(cases[i].name);
    benches[i]->start();
    abi::PimCommand command = gemv(kBase, 1, 512);
    command.format = static_cast<abi::u8>(cases[i].format);
    benches[i]->send(command);
    CHECK(busy_ps(*benches[i]) == cases[i].busy_ps);
  }
}

TEST_CASE("the clock may change at run time") {
  PimBench bench(plain_config());
  bench.pim.set_clock_period_ps(3'000);
  CHECK(bench.bus.read32(regs::CLOCK_PS) == 3'000);
  bench.send(gemv(kBase, 1, 512));
  CHECK(busy_ps(bench) == open_ps(test::device("gddr6_aim").timing, 32, 3'000));
  CHECK_THROWS_AS(bench.pim.set_clock_period_ps(0), std::invalid_argument);
}

static void check_internal_peak(pim::RowBuffer row_buffer) {
  const pim::Config config = small_config(row_buffer);
  PimBench bench(config);
  std::mt19937 random(9);
  const memory::DeviceGeometry& g = config.memory.device.geometry;
  const double banks = static_cast<double>(g.banks()) * config.memory.channels;
  const double clock_s = static_cast<double>(config.clock_period_ps) * 1e-12;
  const double column_s = static_cast<double>(config.memory.device.timing.tCCD_L) * 1e-12;
  for (const abi::Format format : {abi::Format::kFp16, abi::Format::kInt4}) {
    std::uint64_t macs = statistic(bench, "macs");
    std::uint64_t bytes = statistic(bench, "internal_bytes");
    const std::uint64_t begin_ps = bench.bus.time_ps();
    for (unsigned i = 0; i < 60; ++i) {
      const auto rows = static_cast<std::uint32_t>(1 + random() % 500);
      const auto columns = static_cast<std::uint32_t>(1 + random() % 2000);
      const auto vectors = static_cast<std::uint16_t>(1 + random() % 8);
      abi::PimCommand command = gemv(kBase + random() % 1000 * 64, rows, columns, vectors);
      command.format = static_cast<abi::u8>(format);
      bench.send(command);
    }
    std::vector<std::uint16_t> y(1);
    bench.read_results(0, y);
    const double seconds = static_cast<double>(bench.bus.time_ps() - begin_ps) * 1e-12;
    macs = statistic(bench, "macs") - macs;
    bytes = statistic(bench, "internal_bytes") - bytes;
    CHECK(static_cast<double>(macs) / seconds <= banks * config.lanes.of(format) / clock_s);
    CHECK(static_cast<double>(bytes) / seconds <= banks * g.burst_bytes() / column_s);
    CHECK(macs > 1'000'000);
  }
  CHECK(bench.bus.read32(regs::ERROR_COUNT) == 0);
  for (unsigned channel = 0; channel < config.memory.channels; ++channel) {
    CHECK(busy_ps(bench, channel) <= bench.bus.time_ps());
  }
}

TEST_CASE("banks never multiply faster than their lanes, nor read faster than tCCD: single") {
  check_internal_peak(pim::RowBuffer::kSingle);
}

TEST_CASE("banks never multiply faster than their lanes, nor read faster than tCCD: dual") {
  check_internal_peak(pim::RowBuffer::kDual);
}

TEST_CASE("a large matrix comes near the internal bandwidth") {
  PimBench bench(plain_config());
  const memory::DeviceConfig& device = bench.pim.config().memory.device;
  bench.send(gemv(kBase, 16384, 1024));  // 32 MiB, 1,024 rows in each of 16 banks
  const std::uint64_t columns = 2048 / device.geometry.burst_bytes();
  CHECK(busy_ps(bench) == 1024 * open_ps(device.timing, columns, 1'000));
  const double bytes_per_s = 32.0 * 1024 * 1024 / (static_cast<double>(busy_ps(bench)) * 1e-12);
  // 64 columns of 1 ns in a stay of 103 ns.
  CHECK(bytes_per_s > 0.6 * 16 * 32e9);
  CHECK(bytes_per_s > 9 * device.geometry.peak_bytes_per_s());
}

TEST_CASE("results are held until the commands before are done") {
  PimBench bench(plain_config());
  std::vector<std::uint16_t> y(16);
  const std::uint64_t begin_ps = bench.bus.time_ps();
  bench.read_results(0, y);
  const std::uint64_t idle_ps = bench.bus.time_ps() - begin_ps;
  bench.send(gemv(kBase, 512, 1024));
  const std::uint64_t sent_ps = bench.bus.time_ps();
  CHECK(sent_ps - begin_ps < 100'000);
  bench.read_results(0, y);
  CHECK(bench.bus.time_ps() - sent_ps > busy_ps(bench));
  CHECK(bench.bus.time_ps() - sent_ps < busy_ps(bench) + idle_ps + 1'000'000);
  // Writes of the next vectors are not.
  bench.send(gemv(kBase, 512, 1024));
  const std::uint64_t again_ps = bench.bus.time_ps();
  bench.write_vectors(0, std::vector<std::uint16_t>(16));
  CHECK(bench.bus.time_ps() - again_ps < 100'000);
}

TEST_CASE("a full queue holds back the next command until one is done") {
  pim::Config config = plain_config();
  config.queue_depth = 2;
  PimBench bench(config);
  const auto send_ps = [&] {
    const std::uint64_t begin_ps = bench.bus.time_ps();
    REQUIRE(bench.send(gemv(kBase, 512, 1024)) == kOk);
    return bench.bus.time_ps() - begin_ps;
  };
  CHECK(bench.bus.read32(regs::QUEUE_FREE) == 2);
  CHECK(send_ps() < 100'000);
  CHECK(send_ps() < 100'000);
  CHECK(bench.bus.read32(regs::QUEUE_FREE) == 0);
  const std::uint64_t one_ps = busy_ps(bench) / 2;
  CHECK(send_ps() > one_ps / 2);
  const std::uint64_t fourth_ps = send_ps();
  CHECK(fourth_ps > one_ps * 9 / 10);
  CHECK(fourth_ps < one_ps * 11 / 10);
  bench.settle();
  CHECK(bench.bus.read32(regs::QUEUE_FREE) == 2);
}

TEST_CASE("with one row buffer ordinary accesses wait, with two they go on") {
  PimBench single(plain_config(pim::RowBuffer::kSingle), "single", false);
  PimBench dual(plain_config(pim::RowBuffer::kDual), "dual", false);
  std::uint8_t data[64];
  for (PimBench* bench : {&single, &dual}) {
    bench->start();
    bench->send(gemv(kBase, 2048, 1024));
    bench->ram.read(0, data, 64);
  }
  CHECK(busy_ps(single) == busy_ps(dual));
  CHECK(single.ram.time_ps() > busy_ps(single));
  CHECK(dual.ram.time_ps() < busy_ps(dual) / 10);
}

TEST_CASE("PIM work waits for ordinary accesses to a single row buffer") {
  PimBench idle(plain_config(pim::RowBuffer::kSingle), "idle", false);
  PimBench busy(plain_config(pim::RowBuffer::kSingle), "busy", false);
  observe::Timeline idle_line, busy_line;
  idle.pim.set_timeline(&idle_line, "pim");
  busy.pim.set_timeline(&busy_line, "pim");
  std::vector<std::uint8_t> data(100'000);
  idle.start();
  busy.start();
  busy.ram.read(0, data.data(), 100'000);
  idle.send(gemv(kBase, 64, 1024));
  busy.send(gemv(kBase, 64, 1024));
  REQUIRE(idle_line.slices().size() == 1);
  REQUIRE(busy_line.slices().size() == 1);
  CHECK(idle_line.slices()[0].begin_ps < 500'000);
  CHECK(busy_line.slices()[0].begin_ps > busy.ram.time_ps() * 9 / 10);
}

TEST_CASE("refresh takes its share") {
  pim::Config config = plain_config();
  const memory::DeviceTiming t = test::device("gddr6_aim").timing;
  config.memory.device.timing.tREFI = t.tREFI;
  PimBench bench(config);
  bench.send(gemv(kBase, 16384, 1024));
  const std::uint64_t without_ps = 1024 * open_ps(t, 64, 1'000);
  const double share = static_cast<double>(busy_ps(bench)) / static_cast<double>(without_ps);
  const double window = static_cast<double>(t.tRP + t.tRFC + t.tRCDRD);
  const double interval = static_cast<double>(t.tREFI);
  CHECK(share == Approx(interval / (interval - window)).epsilon(0.02));
}

TEST_CASE("energy is the sum of columns and multiply-accumulates") {
  pim::Config config = plain_config();
  config.energy = {2.0, 1.0, 0.5, 0.25, "test"};
  PimBench bench(config);
  bench.send(gemv(kBase, 64, 1024));
  observe::EnergyLedger ledger;
  bench.pim.collect_energy(ledger);
  CHECK(ledger.total_picojoules() == Approx(2.0 * 64 * 1024 + 0.25 * 8 * 64 * 2048));
  for (const observe::EnergyEntry& entry : ledger.entries()) CHECK(entry.source == "test");
  observe::StatisticsTable memory;
  bench.pim.memory().collect(memory);
  CHECK(memory.find("channel0.activates")->integer == 64);
}
