// SPDX-License-Identifier: Apache-2.0
// PIM commands and ordinary traffic at once, AT, each behind a protocol checker: back-pressure,
// held results, reset in flight.
#include <catch2/catch.hpp>

#include "pim_bench.h"
#include "tandem/numerics/fp.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/random_traffic.h"

using namespace tandem;
using namespace tandem::test;
using Answer = AtInitiator::Answer;

namespace {

constexpr std::uint64_t kWeights = 1u << 19;  // beyond the windows of ordinary traffic
constexpr std::uint32_t kRows = 48;
constexpr std::uint32_t kColumns = 100;
constexpr unsigned kJobs = 60;

std::vector<std::uint16_t> product(const std::vector<std::uint16_t>& weights,
                                   const std::vector<std::uint16_t>& x) {
  std::vector<std::uint16_t> y;
  for (std::uint32_t row = 0; row < kRows; ++row) {
    float sum = 0.0f;
    for (std::uint32_t i = 0; i < kColumns; ++i) {
      sum += numerics::fp16_to_float(weights[row * kColumns + i]) * numerics::fp16_to_float(x[i]);
    }
    y.push_back(numerics::float_to_fp16(sum));
  }
  return y;
}

std::vector<std::uint8_t> to_bytes(const void* data, std::size_t n) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  return {bytes, bytes + n};
}

// Jobs of a vector, a command and a read of its results, sent as fast as the PIM takes them.
class GemvTraffic {
 public:
  GemvTraffic(AtInitiator& initiator, const std::vector<std::uint16_t>& weights,
              std::uint64_t gap_ps)
      : initiator_(initiator) {
    std::mt19937 random(23);
    const std::uint32_t enable = regs::CONTROL_ENABLE.put(1);
    submit(tlm::TLM_WRITE_COMMAND, regs::CONTROL, to_bytes(&enable, 4), 0);
    for (unsigned job = 0; job < kJobs; ++job) {
      const std::uint64_t time_ps = job * gap_ps;
      const std::uint32_t slot = job % 8;
      const std::vector<std::uint16_t> x = random_fp16(random, kColumns);
      abi::PimCommand command = gemv(kBase + kWeights, kRows, kColumns);
      command.vector_offset = slot * 2 * kColumns;
      command.output_offset = slot * 2 * kRows;
      submit(tlm::TLM_WRITE_COMMAND, abi::kPimVectorWindow + command.vector_offset,
             to_bytes(x.data(), 2 * kColumns), time_ps);
      submit(tlm::TLM_WRITE_COMMAND, abi::kPimCommandWindow, to_bytes(&command, sizeof command),
             time_ps);
      submit(tlm::TLM_READ_COMMAND, abi::kPimResultWindow + command.output_offset,
             std::vector<std::uint8_t>(2 * kRows), time_ps);
      const std::vector<std::uint16_t> y = product(weights, x);
      expected_.push_back(to_bytes(y.data(), 2 * kRows));
    }
    initiator_.on_result = [this](const AtInitiator::Result& result) { check(result); };
  }

  unsigned done() const { return done_; }
  unsigned errors() const { return errors_; }
  unsigned mismatches() const { return mismatches_; }

 private:
  void submit(tlm::tlm_command command, std::uint64_t address, std::vector<std::uint8_t> data,
              std::uint64_t time_ps) {
    initiator_.submit({command, address, std::move(data), time_ps});
  }
  void check(const AtInitiator::Result& result) {
    if (result.status != kOk) {
      ++errors_;
    } else if (result.command == tlm::TLM_READ_COMMAND) {
      // Results come in the order of the jobs: the reads are held in that order.
      if (result.data != expected_[reads_]) ++mismatches_;
    }
    if (result.command == tlm::TLM_READ_COMMAND) ++reads_;
    ++done_;
  }

  AtInitiator& initiator_;
  std::vector<std::vector<std::uint8_t>> expected_;
  std::size_t reads_ = 0;
  unsigned done_ = 0, errors_ = 0, mismatches_ = 0;
};

struct Bench {
  Bench(const std::string& name, const pim::Config& config, const AtInitiator::Behaviour& behaviour)
      : pim((name + "_pim").c_str(), config),
        bus((name + "_bus").c_str(), behaviour),
        ram((name + "_ram").c_str(), behaviour),
        bus_checker((name + "_bus_checker").c_str()),
        ram_checker((name + "_ram_checker").c_str()) {
    bus.socket.bind(bus_checker.target);
    bus_checker.initiator.bind(pim.registers);
    ram.socket.bind(ram_checker.target);
    ram_checker.initiator.bind(pim.memory().target(0));
    pim.reset.bind(reset);
    std::mt19937 random(29);
    weights = random_fp16(random, kRows * kColumns);
    pim.memory().store().write(kWeights, weights.data(), 2 * weights.size());
    RandomTraffic::Config traffic_config;
    traffic_config.count = 400;
    traffic_config.greatest_gap_ps = 20'000;
    traffic = std::make_unique<RandomTraffic>(ram, traffic_config);
    gemvs = std::make_unique<GemvTraffic>(bus, weights, 50'000);
  }

  void require_clean() {
    for (common::ProtocolChecker* checker : {&bus_checker, &ram_checker}) {
      checker->check_all_answered();
      if (!checker->violations().empty()) FAIL(checker->violations().front());
    }
    REQUIRE(bus.idle());
    REQUIRE(ram.idle());
    REQUIRE(bus.unexpected_phases == 0);
    REQUIRE(gemvs->done() == 3 * kJobs + 1);
    REQUIRE(traffic->done() == 400);
    REQUIRE(traffic->mismatches() == 0);
    REQUIRE(pim.memory().timing_violations() == 0);
  }

  pim::PimStack pim;
  AtInitiator bus, ram;
  common::ProtocolChecker bus_checker, ram_checker;
  sc_core::sc_signal<bool> reset;
  std::vector<std::uint16_t> weights;
  std::unique_ptr<RandomTraffic> traffic;
  std::unique_ptr<GemvTraffic> gemvs;
};

std::vector<pim::Config> configurations() {
  std::vector<pim::Config> all;
  for (const auto fidelity : {memory::Fidelity::kTransaction, memory::Fidelity::kCommand}) {
    for (const auto row_buffer : {pim::RowBuffer::kSingle, pim::RowBuffer::kDual}) {
      for (const std::uint32_t depth : {1u, 3u, 64u}) {
        pim::Config config = small_config(row_buffer);
        config.memory.fidelity = fidelity;
        config.memory.check_timing = fidelity == memory::Fidelity::kCommand;
        config.queue_depth = depth;
        config.max_outstanding = depth == 3 ? 2 : 64;
        all.push_back(config);
      }
    }
  }
  return all;
}

std::vector<std::unique_ptr<Bench>> all_benches() {
  // One transaction at a time keeps vectors, commands and results in order; several do so as well,
  // because the PIM takes them in the order of their arrival.
  const std::vector<AtInitiator::Behaviour> behaviours = {
      {1, {Answer::completed}, 0, 0},
      {12, {Answer::completed}, 0, 0},
      {12, {Answer::accepted, Answer::updated, Answer::completed}, 50'000, 0},
      {4, {Answer::accepted, Answer::completed}, 1'000, 2'500}};
  std::vector<std::unique_ptr<Bench>> benches;
  for (const pim::Config& config : configurations()) {
    for (const auto& behaviour : behaviours) {
      benches.push_back(
          std::make_unique<Bench>("pim" + std::to_string(benches.size()), config, behaviour));
    }
  }
  return benches;
}

}  // namespace

TEST_CASE("commands and ordinary traffic at once keep the protocol, the data and the results") {
  const auto benches = all_benches();
  sc_core::sc_start();
  for (const auto& bench : benches) {
    INFO(bench->pim.name());
    bench->require_clean();
    CHECK(bench->traffic->errors() == 0);
    CHECK(bench->gemvs->errors() == 0);
    CHECK(bench->gemvs->mismatches() == 0);
  }
}

TEST_CASE("a reset at any time leaves the protocol whole and the PIM like new") {
  const auto benches = all_benches();
  for (int step = 0; step < 60; ++step) {
    sc_core::sc_start(sc_core::sc_time(13'777 + 911 * step, sc_core::SC_PS));
    for (const auto& bench : benches) bench->reset.write(step % 3 == 0);
  }
  for (const auto& bench : benches) bench->reset.write(false);
  sc_core::sc_start();
  for (const auto& bench : benches) {
    bench->require_clean();
    const std::size_t begin = bench->bus.results.size();
    const std::uint32_t enable = regs::CONTROL_ENABLE.put(1);
    const abi::PimCommand command = gemv(kBase + kWeights, kRows, kColumns);
    bench->bus.on_result = nullptr;
    bench->bus.submit({tlm::TLM_WRITE_COMMAND, regs::CONTROL, to_bytes(&enable, 4)});
    bench->bus.submit({tlm::TLM_WRITE_COMMAND, abi::kPimVectorWindow,
                       to_bytes(bench->weights.data(), 2 * kColumns)});
    bench->bus.submit(
        {tlm::TLM_WRITE_COMMAND, abi::kPimCommandWindow, to_bytes(&command, sizeof command)});
    bench->bus.submit(
        {tlm::TLM_READ_COMMAND, abi::kPimResultWindow, std::vector<std::uint8_t>(2 * kRows)});
    sc_core::sc_start();
    REQUIRE(bench->bus.results.size() == begin + 4);
    const std::vector<std::uint16_t> y =
        product(bench->weights, {bench->weights.begin(), bench->weights.begin() + kColumns});
    CHECK(bench->bus.results.back().status == kOk);
    CHECK(bench->bus.results.back().data == to_bytes(y.data(), 2 * kRows));
  }
}

TEST_CASE("a soft reset drops what is queued and clears windows and registers") {
  PimBench bench(small_config());
  bench.write_vectors(0, std::vector<std::uint16_t>(64, 0x3C00));
  bench.bus.write32(regs::IRQ_MASK, 3);
  bench.bus.write32(regs::DRAM_BASE_HI, 5);
  bench.bus.write32(regs::DRAM_BASE_HI, 0);
  bench.send(gemv(kBase, 512, 1024));
  bench.send(gemv(kBase, 512, 1024));
  CHECK(regs::STATUS_BUSY.get(bench.bus.read32(regs::STATUS)) == 1);
  bench.bus.write32(regs::CONTROL, regs::CONTROL_SOFT_RESET.put(1));
  CHECK(regs::STATUS_BUSY.get(bench.bus.read32(regs::STATUS)) == 0);
  CHECK(bench.bus.read32(regs::QUEUE_FREE) == 64);
  CHECK(bench.bus.read32(regs::CONTROL) == 0);
  CHECK(bench.bus.read32(regs::DRAM_BASE_LO) == 0x8000'0000);
  bench.settle();
  CHECK(bench.bus.read32(regs::IRQ_RAW) == 0);
  CHECK_FALSE(bench.irq.read());
  std::uint32_t word = 1;
  bench.bus.read(abi::kPimVectorWindow, &word, 4);
  CHECK(word == 0);
  CHECK(bench.send(gemv(kBase, 4, 8)) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  bench.enable();
  CHECK(bench.send(gemv(kBase, 4, 8)) == kOk);
  bench.settle();
  CHECK(bench.bus.read32(regs::IRQ_RAW) == regs::IRQ_RAW_DONE.mask());
}

TEST_CASE("a soft reset lets ordinary requests go on that PIM held back") {
  pim::Config config = small_config(pim::RowBuffer::kSingle);
  config.memory.fidelity = memory::Fidelity::kCommand;
  config.memory.device.timing.tREFI = 0;
  config.clock_period_ps = 500'000;  // a column of 16 weights takes 8 us
  config.lanes.fp16 = 1;
  pim::PimStack pim("pim", config);
  AtInitiator bus("bus", {4, {Answer::completed}, 0, 0}),
      ram("ram", {4, {Answer::completed}, 0, 0});
  bus.socket.bind(pim.registers);
  ram.socket.bind(pim.memory().target(0));
  const auto write = [&bus](std::uint64_t address, const void* data, std::size_t n,
                            std::uint64_t time_ps) {
    bus.submit({tlm::TLM_WRITE_COMMAND, address, to_bytes(data, n), time_ps});
  };
  const std::uint32_t enable = regs::CONTROL_ENABLE.put(1);
  const std::uint32_t soft_reset = regs::CONTROL_SOFT_RESET.put(1);
  const abi::PimCommand command = gemv(kBase, kRows, kColumns);
  write(regs::CONTROL, &enable, 4, 0);
  write(abi::kPimCommandWindow, &command, sizeof command, 0);
  ram.submit({tlm::TLM_READ_COMMAND, 0, std::vector<std::uint8_t>(64), 4'000'000});
  write(regs::CONTROL, &soft_reset, 4, 5'000'000);
  sc_core::sc_start();
  REQUIRE(ram.results.size() == 1);
  CHECK(ram.results[0].status == kOk);
  CHECK(ram.results[0].end_ps > 5'000'000);
  CHECK(ram.results[0].end_ps < 6'000'000);
}

TEST_CASE("the interrupt is a level that follows raw and mask") {
  PimBench bench(small_config());
  bench.send(gemv(kBase, 4, 8));
  bench.settle();
  CHECK_FALSE(bench.irq.read());
  bench.bus.write32(regs::IRQ_MASK, regs::IRQ_RAW_DONE.mask());
  bench.settle();
  CHECK(bench.irq.read());
  bench.bus.write32(regs::IRQ_STATUS, regs::IRQ_RAW_DONE.mask());
  bench.settle();
  CHECK_FALSE(bench.irq.read());
  abi::PimCommand nop{};
  nop.abi_version = abi::kAbiVersion;
  nop.tag = 42;
  bench.send(nop);
  CHECK_FALSE(bench.irq.read());
  bench.settle();
  CHECK(bench.irq.read());
  CHECK(bench.bus.read32(regs::COMPLETED_TAG) == 42);
}

TEST_CASE("two AT commands in a row do not overtake each other") {
  pim::Config config = small_config();
  config.queue_depth = 1;
  Bench bench("a", config, {12, {Answer::completed}, 0, 0});
  sc_core::sc_start();
  bench.require_clean();
  std::uint64_t last_ps = 0;
  for (const AtInitiator::Result& result : bench.bus.results) {
    CHECK(result.end_ps >= last_ps);
    last_ps = result.end_ps;
  }
}
