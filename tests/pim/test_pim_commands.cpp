// SPDX-License-Identifier: Apache-2.0
// PIM at command fidelity: what is computed does not depend on fidelity or row buffers, ordinary
// data survive interleaved PIM work, and the timing checker has nothing to object to.
#include <catch2/catch.hpp>
#include <memory>

#include "pim_bench.h"

using namespace tandem;
using namespace tandem::test;

namespace {

pim::Config at_commands(pim::RowBuffer row_buffer) {
  pim::Config config = small_config(row_buffer);
  config.memory.fidelity = memory::Fidelity::kCommand;
  config.memory.check_timing = true;
  return config;
}

pim::Config aim() {
  pim::Config config = at_commands(pim::RowBuffer::kSingle);
  config.memory.device = device("gddr6_aim");
  config.command_set = pim::CommandSetKind::kAim;
  return config;
}

pim::Config hbm_pim() {
  pim::Config config = at_commands(pim::RowBuffer::kSingle);
  config.memory.device = device("hbm_pim");
  config.command_set = pim::CommandSetKind::kHbmPim;
  config.banks_per_unit = 2;
  return config;
}

pim::Config lpddr5(pim::RowBuffer row_buffer) {
  pim::Config config = at_commands(row_buffer);
  config.memory.device = device("lpddr5_6400");
  config.memory.channels = 1;
  return config;
}

// Every combination that computes, side by side.
std::vector<pim::Config> all_configurations() {
  return {small_config(pim::RowBuffer::kSingle),
          small_config(pim::RowBuffer::kDual),
          at_commands(pim::RowBuffer::kSingle),
          at_commands(pim::RowBuffer::kDual),
          aim(),
          hbm_pim(),
          lpddr5(pim::RowBuffer::kDual),
          lpddr5(pim::RowBuffer::kSingle)};
}

constexpr std::uint64_t kWeights = 0;
constexpr std::uint64_t kDataBase = 8u << 20;
constexpr std::uint64_t kDataBytes = 1u << 20;

// Reads, writes and GEMVs at random; ordinary data are held against a shadow, results against those
// of a twin that gets the same commands in the same order.
class Traffic {
 public:
  Traffic(PimBench& bench, std::uint32_t seed) : bench_(bench), random_(seed), shadow_(kDataBytes) {
    weights_ = random_fp16(random_, 64 * 256);
    REQUIRE(bench_.ram.write(kWeights, weights_.data(),
                             static_cast<unsigned>(2 * weights_.size())) == tlm::TLM_OK_RESPONSE);
    REQUIRE(bench_.ram.write(kDataBase, shadow_.data(), kDataBytes) == tlm::TLM_OK_RESPONSE);
  }

  void step() {
    const unsigned kind = random_() % 16;
    if (kind == 0) return multiply();
    const std::uint64_t offset = random_() % (kDataBytes - 256);
    const auto length = static_cast<unsigned>(1 + random_() % 256);
    std::uint8_t data[256];
    if (kind % 2 == 0) {
      for (unsigned i = 0; i < length; ++i) data[i] = static_cast<std::uint8_t>(random_());
      std::copy(data, data + length, shadow_.begin() + static_cast<long>(offset));
      failures_ += bench_.ram.write(kDataBase + offset, data, length) != tlm::TLM_OK_RESPONSE;
    } else {
      failures_ += bench_.ram.read(kDataBase + offset, data, length) != tlm::TLM_OK_RESPONSE;
      failures_ += !std::equal(data, data + length, shadow_.begin() + static_cast<long>(offset));
    }
  }

  unsigned failures() const { return failures_; }
  std::uint64_t digest() const { return digest_; }

 private:
  void multiply() {
    const auto rows = static_cast<std::uint32_t>(1 + random_() % 16);
    const auto columns = static_cast<std::uint32_t>(16 * (1 + random_() % 16));
    const auto vectors = static_cast<std::uint16_t>(1 + random_() % 3);
    failures_ += bench_.write_vectors(0, random_fp16(random_, std::size_t{columns} * vectors)) !=
                 tlm::TLM_OK_RESPONSE;
    failures_ +=
        bench_.send(gemv(0x8000'0000 + kWeights, rows, columns, vectors)) != tlm::TLM_OK_RESPONSE;
    std::vector<std::uint16_t> y(std::size_t{rows} * vectors);
    failures_ += bench_.read_results(0, y) != tlm::TLM_OK_RESPONSE;
    for (const std::uint16_t value : y) digest_ = digest_ * 1'000'003 + value;
  }

  PimBench& bench_;
  std::mt19937 random_;
  std::vector<std::uint16_t> weights_;
  std::vector<std::uint8_t> shadow_;
  unsigned failures_ = 0;
  std::uint64_t digest_ = 0;
};

// Of each configuration; ctest -L long runs a million in all.
#ifndef TANDEM_TRAFFIC_OPERATIONS
#define TANDEM_TRAFFIC_OPERATIONS 4000
#endif

}  // namespace

TEST_CASE("data and results survive random traffic, whatever the fidelity and the row buffers") {
  std::vector<std::unique_ptr<PimBench>> benches;
  for (const pim::Config& config : all_configurations()) {
    const std::string name = "bench" + std::to_string(benches.size());
    benches.push_back(std::make_unique<PimBench>(config, name, false));
  }
  std::vector<std::uint64_t> digests;
  for (const auto& bench : benches) {
    bench->start();
    Traffic traffic(*bench, 5);
    for (unsigned i = 0; i < TANDEM_TRAFFIC_OPERATIONS; ++i) traffic.step();
    CHECK(traffic.failures() == 0);
    for (unsigned i = 0; i < bench->pim.memory().channels(); ++i) {
      const memory::TimingChecker* checker = bench->pim.memory().checker(i);
      if (checker != nullptr) CHECK(checker->report() == "");
    }
    CHECK(bench->pim.memory().timing_violations() == 0);
    digests.push_back(traffic.digest());
  }
  for (const std::uint64_t digest : digests) CHECK(digest == digests.front());
}
