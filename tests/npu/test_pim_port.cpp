// SPDX-License-Identifier: Apache-2.0
// The order in which vectors, commands and results of PIM jobs cross the bus.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "tandem/common/agenda.h"
#include "tandem/npu/pim_port.h"

using namespace tandem;

namespace {

constexpr std::uint64_t kBase = 0x1000'0000;

// A PIM that answers everything after a while, and keeps a log: "command 2" is of job 2.
struct Recorder {
  std::vector<std::string> log;
  bool refuses_commands = false, holds_commands = false;

  tlm::tlm_sync_enum operator()(common::Payload& payload, tlm::tlm_phase& phase,
                                sc_core::sc_time& delay) {
    delay += sc_core::sc_time(10, sc_core::SC_NS);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    const std::uint64_t offset = payload.get_address() - kBase;
    if (offset == abi::kPimCommandWindow) {
      abi::PimCommand command;
      std::memcpy(&command, payload.get_data_ptr(), sizeof command);
      log.push_back("command " + std::to_string(command.rows));
      if (holds_commands) {
        phase = tlm::END_REQ;
        return tlm::TLM_UPDATED;
      }
      if (refuses_commands) payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    } else if (offset >= abi::kPimResultWindow) {
      log.push_back("results");
    } else if (offset < abi::kPimCommandWindow) {
      std::uint32_t word = 64 * 1024;
      if (offset == abi::pim::ID) word = abi::pim::kRegisters[0].reset;
      std::memcpy(payload.get_data_ptr(), &word, sizeof word);
    }
    return tlm::TLM_COMPLETED;
  }
};

struct Bench {
  Recorder pim;
  common::Agenda agenda{"agenda"};
  npu::Dma dma{agenda,
               64,
               0,
               2,
               1,
               [this](common::Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
                 return pim(payload, phase, delay);
               }};
  npu::PimPort port{dma, 0};
  std::uint64_t busy_ps = 0;
  std::vector<std::uint32_t> done, failed;

  Bench() {
    port.set_base(kBase);
    port.with_geometry([](bool, std::uint64_t) {});
    run();
    REQUIRE(port.known());
    pim.log.clear();
  }
  static void run() { sc_core::sc_start(sc_core::sc_time(10, sc_core::SC_US)); }
  void add(std::uint32_t job, std::size_t commands) {
    npu::PimPort::Job what{};
    abi::PimCommand command{};
    command.rows = job;
    what.writes.push_back({0, 64, {}});
    what.commands.assign(commands, command);
    what.reads.push_back({0, nullptr, 64});
    what.busy_ps = &busy_ps;
    what.done = [this, job](bool ok, std::uint64_t) { (ok ? done : failed).push_back(job); };
    port.run(std::move(what));
  }
  std::ptrdiff_t place_of(const std::string& what, bool last = false) const {
    std::ptrdiff_t place = -1;
    for (std::size_t i = 0; i < pim.log.size() && (last || place < 0); ++i) {
      if (pim.log[i] == what) place = static_cast<std::ptrdiff_t>(i);
    }
    return place;
  }
};

}  // namespace

TEST_CASE("results of a job go before commands of later ones, and behind its own") {
  Bench bench;
  bench.add(1, 2);
  bench.add(2, 2);
  bench.add(3, 40);
  Bench::run();
  CHECK(bench.done == std::vector<std::uint32_t>{1, 2, 3});
  const auto of_second = std::find(bench.pim.log.begin() + bench.place_of("results") + 1,
                                   bench.pim.log.end(), "results") -
                         bench.pim.log.begin();
  CHECK(bench.place_of("results") > bench.place_of("command 1", true));
  CHECK(of_second > bench.place_of("command 2", true));
  CHECK(of_second < bench.place_of("command 3") + 10);
  CHECK(bench.place_of("results", true) > bench.place_of("command 3", true));
}

TEST_CASE("commands that the PIM holds leave room for other traffic") {
  Bench bench;
  bench.pim.holds_commands = true;
  bench.add(1, 20);
  Bench::run();
  bool arrived = false;
  bench.dma.read(npu::Dma::kWeights, 0, nullptr, 64,
                 [&arrived](bool ok, std::uint64_t) { arrived = ok; });
  Bench::run();
  CHECK(arrived);
  CHECK(bench.done.empty());
}

TEST_CASE("a job whose commands fail ends, and the next one goes on") {
  Bench bench;
  bench.pim.refuses_commands = true;
  bench.add(1, 2);
  Bench::run();
  bench.pim.refuses_commands = false;
  bench.add(2, 2);
  Bench::run();
  CHECK(bench.failed == std::vector<std::uint32_t>{1});
  CHECK(bench.done == std::vector<std::uint32_t>{2});
  CHECK(bench.port.idle());
}
