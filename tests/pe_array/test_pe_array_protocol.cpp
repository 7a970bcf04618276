// SPDX-License-Identifier: Apache-2.0
// The device behind a base-protocol checker, driven by an AT initiator that delays and pushes back.
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "bench_device.h"
#include "tandem/common/protocol_checker.h"
#include "tandem/numerics/fp.h"
#include "tandem/test/at_initiator.h"

using namespace tandem;
using namespace tandem::test;

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::uint16_t kOne = 0x3C00;

class AtBench : public sc_core::sc_module {
 public:
  explicit AtBench(const sc_core::sc_module_name& name = "bench")
      : sc_module(name),
        reset("reset"),
        initiator("initiator", awkward()),
        checker("checker"),
        device("device", PeArrayBench::small()) {
    initiator.socket.bind(checker.target);
    checker.initiator.bind(device.target);
    device.reset(reset);
    PeArrayBench::run(0);
  }

  static AtInitiator::Behaviour awkward() {
    AtInitiator::Behaviour behaviour;
    behaviour.max_outstanding = 12;  // more than the device takes
    behaviour.answers = {AtInitiator::Answer::completed, AtInitiator::Answer::accepted,
                         AtInitiator::Answer::updated};
    behaviour.end_response_delay_ps = 3'000;
    behaviour.request_delay_ps = 500;
    return behaviour;
  }

  sc_core::sc_signal<bool> reset;
  AtInitiator initiator;
  common::ProtocolChecker checker;
  pe_array::PeArray device;  // its interrupt stays unbound

  void write(std::uint64_t address, const Bytes& data) {
    initiator.submit({tlm::TLM_WRITE_COMMAND, address, data});
  }
  void write32(std::uint64_t address, std::uint32_t value) {
    Bytes data(4);
    std::memcpy(data.data(), &value, 4);
    write(address, data);
  }
  void read(std::uint64_t address, std::size_t bytes) {
    initiator.submit({tlm::TLM_READ_COMMAND, address, Bytes(bytes)});
  }
  void submit_tile() {
    Bytes ones(16 * 16 * 2);
    for (std::size_t i = 0; i < ones.size(); i += 2) std::memcpy(&ones[i], &kOne, 2);
    write(abi::kPeWeightWindow, ones);
    write(abi::kPeInputWindow, Bytes(ones.begin(), ones.begin() + 4 * 16 * 2));
    write32(pe_regs::CONTROL, 1);
    write32(pe_regs::ROWS, 16);
    write32(pe_regs::COLUMNS, 16);
    write32(pe_regs::VECTORS, 4);
    write32(pe_regs::START, 1);
  }
  void check_protocol() {
    checker.check_all_answered();
    for (const std::string& violation : checker.violations()) UNSCOPED_INFO(violation);
    CHECK(checker.violations().empty());
    CHECK(initiator.unexpected_phases == 0);
  }
};

}  // namespace

TEST_CASE("AT: a tile under back-pressure keeps the base protocol") {
  AtBench bench;
  bench.submit_tile();
  PeArrayBench::run(10'000'000);
  bench.read(abi::kPeOutputWindow, 4 * 16 * 2);
  bench.read(pe_regs::IRQ_RAW, 4);
  PeArrayBench::run(10'000'000);
  CHECK(bench.initiator.idle());
  bench.check_protocol();
  bool has_output = false;
  for (const auto& result : bench.initiator.results) {
    CHECK(result.status == tlm::TLM_OK_RESPONSE);
    if (result.command == tlm::TLM_WRITE_COMMAND || result.address == pe_regs::IRQ_RAW) continue;
    has_output = true;
    for (std::size_t i = 0; i < result.data.size(); i += 2) {
      std::uint16_t output;
      std::memcpy(&output, &result.data[i], 2);
      CHECK(output == numerics::float_to_fp16(16.0f));
    }
  }
  CHECK(has_output);
}

TEST_CASE("AT: bad accesses keep the base protocol and get their responses") {
  AtBench bench;
  bench.read(0x2000, 4);
  bench.read(pe_regs::ROWS + 2, 4);
  bench.write32(pe_regs::ID, 1);
  bench.read(abi::kPeWindowBytes, 8);
  PeArrayBench::run(10'000'000);
  bench.check_protocol();
  std::vector<tlm::tlm_response_status> statuses;
  for (const auto& result : bench.initiator.results) statuses.push_back(result.status);
  CHECK(statuses == std::vector<tlm::tlm_response_status>{
                        tlm::TLM_ADDRESS_ERROR_RESPONSE, tlm::TLM_BURST_ERROR_RESPONSE,
                        tlm::TLM_COMMAND_ERROR_RESPONSE, tlm::TLM_ADDRESS_ERROR_RESPONSE});
}

TEST_CASE("AT: a reset at any time answers everything and the device works again") {
  AtBench bench;
  for (std::uint64_t offset_ps = 0; offset_ps < 120'000; offset_ps += 7'300) {
    bench.submit_tile();
    PeArrayBench::run(offset_ps);
    bench.reset.write(true);
    PeArrayBench::run(0);
    bench.reset.write(false);
    PeArrayBench::run(10'000'000);
    CHECK(bench.initiator.idle());
  }
  bench.initiator.results.clear();
  bench.submit_tile();
  PeArrayBench::run(10'000'000);
  bench.read(pe_regs::IRQ_RAW, 4);
  PeArrayBench::run(10'000'000);
  REQUIRE(!bench.initiator.results.empty());
  CHECK(bench.initiator.results.back().data[0] == pe_regs::IRQ_RAW_DONE.mask());
  bench.check_protocol();
}
