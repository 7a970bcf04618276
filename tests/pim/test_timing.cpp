// SPDX-License-Identifier: Apache-2.0
// Times against the closed forms of modules/pim/README.md.
#include <algorithm>
#include <catch2/catch.hpp>

#include "pim_bench.h"

using namespace tandem;
using namespace tandem::test;

namespace {

// One channel of AiM, whole rows of a bank before the next bank follows, no refresh: commands can
// be counted by hand.
pim::Config plain_config() {
  pim::Config config;
  config.memory.device = device("gddr6_aim");
  config.memory.device.timing.tREFI = 0;
  config.memory.channels = 1;
  config.memory.mapping = "RoRaBgBaCoCh";
  config.memory.chunk_bytes = std::uint64_t{1} << 20;
  config.row_buffer = pim::RowBuffer::kSingle;
  config.command_set = pim::CommandSetKind::kAim;
  return config;
}

// The same with Newton's commands, which know both kinds of row buffers.
pim::Config newton_config(pim::RowBuffer row_buffer) {
  pim::Config config = plain_config();
  config.row_buffer = row_buffer;
  config.command_set = pim::CommandSetKind::kNewton;
  return config;
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

constexpr std::uint64_t kTckPs = 500;

// Cycles of one row: vectors over the bus, two cycles after the last of them an activate, columns,
// a result.
std::uint64_t row_cycles(std::uint64_t loads, std::uint64_t columns, std::uint64_t column_cycles) {
  constexpr std::uint64_t kActivateToCompute = 36, kResult = 50 + 2;
  return 2 * loads + kActivateToCompute + columns * column_cycles + kResult;
}
// From the first column of a row to that of the next one.
std::uint64_t next_row_cycles(std::uint64_t columns) {
  constexpr std::uint64_t kResultToPrecharge = 12, kPrecharge = 32, kActivateToCompute = 36;
  return 2 * columns + kResultToPrecharge + kPrecharge + kActivateToCompute;
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
  CHECK(busy_ps(bench) == kTckPs * (row_cycles(64, 64, 2) + 3 * next_row_cycles(64)));
  CHECK(bench.pim.worked_ps() == 0);  // as long as time has not passed
  CHECK(statistic(bench, "channel0.activations") == 4);
  CHECK(statistic(bench, "internal_bytes") == 4 * 2048);
  bench.settle();
  CHECK(bench.pim.worked_ps() == busy_ps(bench));
}

TEST_CASE("one activate opens the row of all banks") {
  PimBench bench(plain_config());
  // One column of every bank's first row.
  abi::PimCommand command = gemv(kBase, 16, 16);
  command.row_elements = 1024;
  REQUIRE(bench.send(command) == kOk);
  CHECK(busy_ps(bench) == kTckPs * row_cycles(1, 1, 2));
  CHECK(statistic(bench, "channel0.activations") == 16);
}

TEST_CASE("Newton opens bank groups at the pace of tFAW, after the buffer is written") {
  PimBench bench(newton_config(pim::RowBuffer::kSingle));
  abi::PimCommand command = gemv(kBase, 16, 16);
  command.row_elements = 1024;
  REQUIRE(bench.send(command) == kOk);
  // Row of the vector, GWRITE of 32 (tCCD_S + tCCD_L), its precharge, header, four groups, one
  // column that has to fill the pipeline, result.
  CHECK(busy_ps(bench) == kTckPs * (36 + 128 + 1 + 1 + 3 * 42 + 36 + 6 * 2 + 50 + 2));
}

TEST_CASE("vectors share an open row as far as accumulators and buffer reach") {
  struct Case {
    const char* name;
    std::uint16_t vectors;
    std::uint32_t accumulators, buffer_rows;
    std::uint64_t activations;
  };
  // Two rows, 256 columns each: four vectors fill the buffer of one row.
  const Case cases[] = {
      {"at_once", 4, 16, 1, 2},       {"accumulators_for_two", 4, 2, 1, 4},
      {"remainder", 5, 2, 1, 6},      {"buffer_for_four", 8, 16, 1, 4},
      {"larger_buffer", 8, 16, 2, 2},
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
    abi::PimCommand command = gemv(kBase, 2, 256, cases[i].vectors);
    command.row_elements = 16 * 1024;
    benches[i]->send(command);
    CHECK(statistic(*benches[i], "channel0.activations") == cases[i].activations);
    CHECK(statistic(*benches[i], "internal_bytes") == 2ull * 512 * cases[i].vectors);
  }
  // Every vector has its columns and its result.
  CHECK(busy_ps(*benches[4]) - busy_ps(*benches[0]) > kTckPs * 2 * 4 * (16 * 2 + 2));
}

TEST_CASE("a vector longer than the buffer is taken in segments") {
  PimBench bench(plain_config());
  // Buffer 1,024 elements, rows of 1,024 elements: segment s is DRAM row s of its own bank.
  bench.send(gemv(kBase, 1, 4096));
  CHECK(statistic(bench, "channel0.activations") == 4);
  CHECK(statistic(bench, "internal_bytes") == 8192);
}

TEST_CASE("column pace is the array's or the MAC unit's, whichever is slower") {
  struct Case {
    const char* name;
    abi::Format format;
    std::uint32_t lanes;
    std::uint64_t busy_ps;
  };
  // 512 columns in bursts of 32 bytes: 16 FP16, 32 INT8 or 64 4-bit weights.
  const Case cases[] = {
      {"fp16", abi::Format::kFp16, 16, kTckPs * row_cycles(32, 32, 2)},
      {"fp16_half_the_lanes", abi::Format::kFp16, 8, kTckPs * row_cycles(32, 32, 4)},
      {"int8_half_the_lanes", abi::Format::kInt8, 16, kTckPs * row_cycles(32, 16, 4)},
      {"int4", abi::Format::kInt4, 64, kTckPs * row_cycles(32, 8, 2)},
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
  CHECK(busy_ps(bench) == kTckPs * row_cycles(32, 32, 6));
  CHECK_THROWS_AS(bench.pim.set_clock_period_ps(0), std::invalid_argument);
  CHECK_THROWS_AS(bench.pim.set_clock_period_ps(1'000'000'000), std::invalid_argument);
  CHECK(bench.bus.read32(regs::CLOCK_PS) == 3'000);
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
  CHECK(busy_ps(bench) == kTckPs * (row_cycles(64, 64, 2) + 1023 * next_row_cycles(64)));
  const double bytes_per_s = 32.0 * 1024 * 1024 / (static_cast<double>(busy_ps(bench)) * 1e-12);
  // 64 columns of 1 ns in 104 ns.
  CHECK(bytes_per_s > 0.6 * 16 * 32e9);
  CHECK(bytes_per_s > 9 * device.geometry.peak_bytes_per_s());
}

TEST_CASE("a GEMV takes the same time at both fidelities, within 5 %") {
  struct Case {
    const char* name;
    const char* device;
    pim::CommandSetKind commands;
    pim::RowBuffer row_buffer;
  };
  const Case cases[] = {
      {"dual", "hbm2_neupims", pim::CommandSetKind::kNeupims, pim::RowBuffer::kDual},
      {"single", "hbm2_neupims", pim::CommandSetKind::kNeupims, pim::RowBuffer::kSingle},
      {"aim", "gddr6_aim", pim::CommandSetKind::kAim, pim::RowBuffer::kSingle},
      {"hbm_pim", "hbm_pim", pim::CommandSetKind::kHbmPim, pim::RowBuffer::kSingle},
  };
  std::vector<std::unique_ptr<PimBench>> benches;
  for (const Case& c : cases) {
    for (const memory::Fidelity fidelity :
         {memory::Fidelity::kTransaction, memory::Fidelity::kCommand}) {
      pim::Config config;
      config.memory = stack_config(c.device);
      config.memory.channels = 2;
      config.memory.chunk_bytes = std::uint64_t{1} << 20;
      config.memory.fidelity = fidelity;
      config.row_buffer = c.row_buffer;
      config.command_set = c.commands;
      config.banks_per_unit = c.commands == pim::CommandSetKind::kHbmPim ? 2 : 1;
      const std::string name = c.name + std::to_string(static_cast<int>(fidelity));
      benches.push_back(std::make_unique<PimBench>(config, name, false));
    }
  }
  for (std::size_t i = 0; i < benches.size(); i += 2) {
    INFO(cases[i / 2].name);
    std::uint64_t time_ps[2];
    for (std::size_t k = 0; k < 2; ++k) {
      PimBench& bench = *benches[i + k];
      bench.start();
      std::vector<std::uint16_t> y(1);
      const std::uint64_t begin_ps = bench.bus.time_ps();
      bench.send(gemv(kBase, 2048, 512));
      bench.send(gemv(kBase + 2 * 2048 * 512, 512, 2048));
      bench.read_results(0, y);
      time_ps[k] = bench.bus.time_ps() - begin_ps;
    }
    CHECK(static_cast<double>(time_ps[0]) == Approx(static_cast<double>(time_ps[1])).epsilon(0.05));
    CHECK(statistic(*benches[i], "channel1.activations") ==
          statistic(*benches[i + 1], "channel1.activations"));
  }
}

// 16 tiles in each of 16 channels: a write of the buffer, and for each tile a header, 32 columns
// and a result.
TEST_CASE("over a shared path commands come one a clock, at both fidelities") {
  constexpr std::uint64_t kCommands = 16 * (1 + 16 * (1 + 32 + 1)), kClockPs = 1'000;
  std::vector<std::unique_ptr<PimBench>> benches;
  for (const pim::CommandPath path : {pim::CommandPath::kPerChannel, pim::CommandPath::kShared}) {
    for (const memory::Fidelity fidelity :
         {memory::Fidelity::kTransaction, memory::Fidelity::kCommand}) {
      pim::Config config = small_config(pim::RowBuffer::kSingle);
      config.memory.channels = 16;
      config.memory.mapping = "RoRaBgBaChCo";
      config.memory.fidelity = fidelity;
      config.command_set = pim::CommandSetKind::kNeupims;
      config.commands = pim::CommandForm::kRaw;
      config.command_path = path;
      benches.push_back(
          std::make_unique<PimBench>(config, "bench" + std::to_string(benches.size()), false));
    }
  }
  std::vector<std::uint64_t> times_ps;
  for (const auto& bench : benches) {
    bench->start();
    std::vector<std::uint16_t> y(1);
    const std::uint64_t begin_ps = bench->bus.time_ps();
    bench->send(gemv(kBase, 16 * 16 * 32, 512));
    bench->read_results(0, y);
    times_ps.push_back(bench->bus.time_ps() - begin_ps);
  }
  CHECK(times_ps[0] < kCommands * kClockPs * 2 / 3);
  CHECK(times_ps[2] > kCommands * kClockPs);
  CHECK(times_ps[2] < kCommands * kClockPs + times_ps[0]);
  CHECK(static_cast<double>(times_ps[2]) == Approx(static_cast<double>(times_ps[3])).epsilon(0.05));
}

TEST_CASE("a reset clears the shared path") {
  pim::Config config = small_config(pim::RowBuffer::kSingle);
  config.command_path = pim::CommandPath::kShared;
  config.commands = pim::CommandForm::kRaw;
  PimBench bench(config);
  const auto run_ps = [&] {
    std::vector<std::uint16_t> y(1);
    const std::uint64_t begin_ps = bench.bus.time_ps();
    REQUIRE(bench.send(gemv(kBase, 64, 512)) == kOk);
    REQUIRE(bench.read_results(0, y) == kOk);
    return bench.bus.time_ps() - begin_ps;
  };
  const std::uint64_t first_ps = run_ps();
  bench.settle();
  REQUIRE(bench.send(gemv(kBase, 16'384, 512)) == kOk);
  bench.reset = true;
  sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS));
  bench.reset = false;
  sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS));
  bench.bus.delay = sc_core::SC_ZERO_TIME;
  bench.enable();
  CHECK(run_ps() < 2 * first_ps);
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

TEST_CASE("results that no command in flight writes are not held") {
  PimBench bench(plain_config());
  std::vector<std::uint16_t> y(16);
  bench.send(gemv(kBase, 512, 1024));
  const std::uint64_t sent_ps = bench.bus.time_ps();
  bench.read_results(2 * 512, y);  // behind the results of the command
  CHECK(bench.bus.time_ps() - sent_ps < 100'000);
  bench.read_results(2 * 512 - 2, y);  // with the last of them
  CHECK(bench.bus.time_ps() - sent_ps > busy_ps(bench));
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
  PimBench single(newton_config(pim::RowBuffer::kSingle), "single", false);
  PimBench dual(newton_config(pim::RowBuffer::kDual), "dual", false);
  std::uint8_t data[64];
  for (PimBench* bench : {&single, &dual}) {
    bench->start();
    bench->send(gemv(kBase, 2048, 1024));
    bench->ram.read(0, data, 64);
  }
  CHECK(static_cast<double>(busy_ps(single)) ==
        Approx(static_cast<double>(busy_ps(dual))).epsilon(0.05));
  CHECK(single.ram.time_ps() > busy_ps(single));
  CHECK(dual.ram.time_ps() < busy_ps(dual) / 10);
}

TEST_CASE("PIM work waits for ordinary accesses to a single row buffer") {
  PimBench idle(newton_config(pim::RowBuffer::kSingle), "idle", false);
  PimBench busy(newton_config(pim::RowBuffer::kSingle), "busy", false);
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
  const std::uint64_t without_ps = kTckPs * (row_cycles(64, 64, 2) + 1023 * next_row_cycles(64));
  const double share = static_cast<double>(busy_ps(bench)) / static_cast<double>(without_ps);
  // In the midst of a row it shuts that row, too, which is opened again.
  const double rows = static_cast<double>(2 * 64) / static_cast<double>(next_row_cycles(64));
  const double window =
      static_cast<double>(t.tRFC) + rows * static_cast<double>(kTckPs * (12 + 32 + 36));
  const double interval = static_cast<double>(t.tREFI);
  CHECK(share == Approx(interval / (interval - window)).epsilon(0.02));
}

TEST_CASE("energy is the sum of commands and multiply-accumulates, at both fidelities") {
  std::vector<std::unique_ptr<PimBench>> benches;
  for (const auto fidelity : {memory::Fidelity::kTransaction, memory::Fidelity::kCommand}) {
    pim::Config config = plain_config();
    config.memory.fidelity = fidelity;
    config.energy = {pim::CommandEnergy{1'000.0, 10.0, 500.0, 3.0, 7.0, false, "test"}, 2.0, 1.0,
                     0.5, "test"};
    const std::string name = "energy" + std::to_string(static_cast<int>(fidelity));
    benches.push_back(std::make_unique<PimBench>(config, name, false));
  }
  for (const auto& bench : benches) {
    bench->start();
    bench->send(gemv(kBase, 64, 1024));
    std::vector<std::uint16_t> y(1);
    bench->read_results(0, y);
    observe::EnergyLedger ledger;
    bench->pim.collect_energy(ledger);
    // 64 rows of 64 columns, 64 bursts of vector, a burst of results for each of four tiles.
    CHECK(ledger.total_picojoules() ==
          Approx(64 * 1'000.0 + 64 * 64 * 10.0 + 64 * 3.0 + 4 * 7.0 + 2.0 * 64 * 1'024));
    for (const observe::EnergyEntry& entry : ledger.entries()) CHECK(entry.source == "test");
  }
}

TEST_CASE("results beside ordinary traffic cost energy once, at either fidelity") {
  std::vector<std::unique_ptr<PimBench>> benches;
  for (const auto fidelity : {memory::Fidelity::kTransaction, memory::Fidelity::kCommand}) {
    pim::Config config = small_config(pim::RowBuffer::kDual);
    config.memory.fidelity = fidelity;
    config.memory.device.timing.tREFI = 0;
    // Time costs nothing, so that only what is done counts.
    config.memory.device.energy.standby_mw = config.memory.device.energy.active_standby_mw = 0;
    const std::string name = "once" + std::to_string(static_cast<int>(fidelity));
    benches.push_back(std::make_unique<PimBench>(config, name, false));
  }
  std::vector<double> picojoules, memory_reads;
  for (const auto& bench : benches) {
    bench->start();
    bench->send(gemv(kBase, 256, 1024));
    std::vector<std::uint16_t> y(1);
    bench->read_results(0, y);
    observe::EnergyLedger ledger, memory;
    bench->pim.collect_energy(ledger);
    picojoules.push_back(ledger.total_picojoules());
    bench->pim.memory().collect_energy(memory);
    memory_reads.push_back(0);
    for (const observe::EnergyEntry& entry : memory.entries()) {
      if (entry.component == "read" || entry.component == "io")
        memory_reads.back() += entry.picojoules;
    }
    picojoules.back() += memory_reads.back();
  }
  CHECK(memory_reads[0] == memory_reads[1]);
  CHECK(picojoules[0] == Approx(picojoules[1]));
}

TEST_CASE("energies of commands follow the published multiples") {
  const memory::DeviceConfig hbm = device("hbm2_neupims");
  pim::Config config;
  config.memory = stack_config("hbm2_neupims");
  config.command_set = pim::CommandSetKind::kNeupims;
  const double read_pj = hbm.energy.read_pj_per_bit * 512;
  pim::CommandEnergy energy = config.command_energy();
  CHECK(energy.with_macs);
  CHECK(energy.column_pj * 32 == Approx(4 * read_pj));
  CHECK(energy.activate_pj == hbm.energy.activate_pj);
  CHECK(energy.buffer_write_pj == Approx(16 * read_pj));
  CHECK(energy.result_read_pj == Approx(read_pj));
  config.memory = stack_config("gddr6_aim");
  config.command_set = pim::CommandSetKind::kAim;
  energy = config.command_energy();
  // 438.2 mW for 1 ns, three times, over 16 banks.
  CHECK(energy.column_pj * 16 == Approx(3 * 438.2).epsilon(0.001));
  config.energy.commands = energy;
  config.energy.commands->column_pj = -1;
  config.banks.reset();
  config.row_buffer = pim::RowBuffer::kSingle;
  CHECK_THROWS_AS(config.validate(), std::invalid_argument);
}
