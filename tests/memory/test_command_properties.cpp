// SPDX-License-Identifier: Apache-2.0
// What memory holds does not depend on how its time is modelled: random traffic against a shadow
// copy, for every device and both fidelities, the timing checker attached.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>

#include "tandem/memory/stack.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"
#include "tandem/test/random_traffic.h"

using namespace tandem;

namespace {

using memory::Fidelity;
using Bytes = std::vector<std::uint8_t>;

constexpr Fidelity kFidelities[] = {Fidelity::kTransaction, Fidelity::kCommand};

memory::Stack::Config stack_config(const std::string& device, Fidelity fidelity) {
  memory::Stack::Config config = test::stack_config(device);
  config.channels = 2;
  config.fidelity = fidelity;
  config.check_timing = fidelity == Fidelity::kCommand;
  return config;
}

std::string unique(const std::string& device, Fidelity fidelity, const char* what) {
  return device + (fidelity == Fidelity::kCommand ? "_command_" : "_transaction_") + what;
}

// Windows all over a stack's addresses, and what they hold.
class Shadow {
 public:
  static constexpr unsigned kWindows = 48;
  static constexpr unsigned kWindowBytes = 4096;

  Shadow(std::uint64_t size_bytes, std::mt19937_64& random)
      : bytes_(std::size_t{kWindows} * kWindowBytes) {
    const std::uint64_t step = size_bytes / kWindows;
    for (unsigned i = 0; i < kWindows; ++i) {
      bases_.push_back(i * step + random() % (step - kWindowBytes));
    }
  }
  std::uint64_t address(unsigned window, unsigned offset) const { return bases_[window] + offset; }
  std::uint8_t* at(unsigned window, unsigned offset) {
    return bytes_.data() + std::size_t{window} * kWindowBytes + offset;
  }

 private:
  std::vector<std::uint64_t> bases_;
  Bytes bytes_;
};

struct LtBench {
  LtBench(const std::string& device, Fidelity fidelity)
      : stack(unique(device, fidelity, "stack").c_str(), stack_config(device, fidelity)),
        bus(unique(device, fidelity, "bus").c_str()) {
    bus.socket.bind(stack.target());
  }
  memory::Stack stack;
  test::LtInitiator bus;
};

// Returns a digest of what was read.
std::uint64_t run_random(LtBench& bench, unsigned operations) {
  std::mt19937_64 random(7);
  const auto below = [&random](unsigned count) { return static_cast<unsigned>(random() % count); };
  Shadow shadow(bench.stack.config().size_bytes(), random);
  Bytes data(Shadow::kWindowBytes);
  std::uint64_t digest = 0;
  for (unsigned i = 0; i < operations; ++i) {
    const unsigned window = below(Shadow::kWindows);
    const unsigned offset = below(Shadow::kWindowBytes);
    const unsigned most = std::min(Shadow::kWindowBytes - offset, below(16) == 0 ? 4096U : 256U);
    const unsigned length = 1 + below(most);
    const std::uint64_t address = shadow.address(window, offset);
    std::uint8_t* expected = shadow.at(window, offset);
    if (below(2) == 0) {
      std::generate_n(data.begin(), length, [&] { return static_cast<std::uint8_t>(random()); });
      std::copy_n(data.begin(), length, expected);
      if (bench.bus.write(address, data.data(), length) != tlm::TLM_OK_RESPONSE) FAIL("write");
    } else {
      if (bench.bus.read(address, data.data(), length) != tlm::TLM_OK_RESPONSE) FAIL("read");
      if (!std::equal(expected, expected + length, data.begin())) FAIL("operation " << i);
      for (unsigned byte = 0; byte < length; ++byte) digest = digest * 31 + data[byte];
    }
  }
  return digest;
}

}  // namespace

// Instrumented code is slow: there it is a sample, and all with -DTANDEM_ALL_RUNS.
#if defined(__SANITIZE_ADDRESS__) && !defined(TANDEM_ALL_RUNS)
constexpr unsigned kOperations = 100'000;
#else
constexpr unsigned kOperations = 1'000'000;
#endif

TEST_CASE("random accesses read what was written, at both fidelities") {
  const auto each = static_cast<unsigned>(kOperations / (2 * test::device_names().size()) + 1);
  for (const std::string& device : test::device_names()) {
    INFO(device);
    std::uint64_t digests[2];
    for (const Fidelity fidelity : kFidelities) {
      const bool commands = fidelity == Fidelity::kCommand;
      INFO((commands ? "command" : "transaction"));
      LtBench bench(device, fidelity);
      digests[commands ? 1 : 0] = run_random(bench, each);
      CHECK(bench.stack.timing_violations() == 0);
      if (!commands) continue;
      for (unsigned channel = 0; channel < bench.stack.channels(); ++channel) {
        INFO(bench.stack.checker(channel)->report());
        CHECK(bench.stack.checker(channel)->command_count() > each);
      }
    }
    REQUIRE(digests[0] == digests[1]);
  }
}

namespace {

// Two initiators with many transactions in flight on the same stack, each in its own window.
struct AtBench {
  static constexpr unsigned kSlots = 64;
  static constexpr unsigned kSlotBytes = 512;

  AtBench(const std::string& device, Fidelity fidelity, memory::PagePolicy page) {
    memory::Stack::Config config = stack_config(device, fidelity);
    config.ports = kPorts;
    config.controller.page = page;
    const std::string name =
        unique(device, fidelity, page == memory::PagePolicy::kOpen ? "open_" : "closed_");
    stack = std::make_unique<memory::Stack>((name + "stack").c_str(), config);
    for (unsigned port = 0; port < kPorts; ++port) {
      test::AtInitiator::Behaviour behaviour;
      behaviour.max_outstanding = 16;
      behaviour.answers = {test::AtInitiator::Answer::completed,
                           test::AtInitiator::Answer::accepted};
      initiators.push_back(std::make_unique<test::AtInitiator>(
          (name + "port" + std::to_string(port)).c_str(), behaviour));
      initiators.back()->socket.bind(stack->target(port));
      test::RandomTraffic::Config traffic_config;
      traffic_config.base = port * (config.size_bytes() / kPorts);
      traffic_config.slots = kSlots;
      traffic_config.slot_bytes = kSlotBytes;
      traffic_config.count = 1000;
      traffic_config.seed = 5 + port;
      traffic_config.greatest_gap_ps = port * 100'000;
      traffic.push_back(std::make_unique<test::RandomTraffic>(*initiators.back(), traffic_config));
    }
  }

  static constexpr unsigned kPorts = 2;
  std::unique_ptr<memory::Stack> stack;
  std::vector<std::unique_ptr<test::AtInitiator>> initiators;
  std::vector<std::unique_ptr<test::RandomTraffic>> traffic;
};

}  // namespace

TEST_CASE("accesses in flight together leave memory as the fidelity does not tell") {
  std::vector<std::unique_ptr<AtBench>> benches;
  for (const std::string& device : test::device_names()) {
    for (const memory::PagePolicy page : {memory::PagePolicy::kOpen, memory::PagePolicy::kClosed}) {
      for (const Fidelity fidelity : kFidelities) {
        benches.push_back(std::make_unique<AtBench>(device, fidelity, page));
      }
    }
  }
  sc_core::sc_start(sc_core::sc_time(10, sc_core::SC_MS));
  for (const auto& bench : benches) {
    INFO(bench->stack->name());
    CHECK(bench->stack->timing_violations() == 0);
    for (unsigned port = 0; port < AtBench::kPorts; ++port) {
      const test::RandomTraffic& traffic = *bench->traffic[port];
      CHECK(traffic.done() == 1000);
      CHECK(traffic.errors() == 0);
      CHECK(traffic.mismatches() == 0);
      CHECK(bench->initiators[port]->unexpected_phases == 0);
      // Both fidelities saw the same requests: what they hold is equal.
      Bytes held(std::size_t{AtBench::kSlots} * AtBench::kSlotBytes);
      common::Payload payload;
      common::set_attributes(payload, tlm::TLM_READ_COMMAND,
                             port * (bench->stack->config().size_bytes() / AtBench::kPorts),
                             held.data(), static_cast<unsigned>(held.size()));
      REQUIRE(bench->initiators[port]->socket->transport_dbg(payload) == held.size());
      CHECK(held == traffic.shadow());
    }
  }
}
