// SPDX-License-Identifier: Apache-2.0
// Faults in line between modules that know nothing of them.
#include <catch2/catch.hpp>

#include "tandem/faults/fault_injector.h"
#include "tandem/faults/interrupt_filter.h"
#include "tandem/memory/sram.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;
using faults::Kind;
using faults::When;

namespace {

constexpr std::uint64_t kBase = 0x1000;

struct PlainAt : test::AtInitiator {
  explicit PlainAt(const sc_core::sc_module_name& name) : AtInitiator(name, {}) {}
};

template <typename Initiator>
struct Rig {
  explicit Rig(const std::vector<faults::FaultInjector::Rule>& rules) {
    for (const auto& rule : rules) injector.add(rule);
    initiator.socket.bind(injector.target);
    injector.initiator.bind(sram.target());
  }
  faults::FaultLog log;
  Initiator initiator{"initiator"};
  faults::FaultInjector injector{"injector", "sram", log, kBase};
  memory::Sram sram{"sram", {}};
};

When nth(std::uint64_t number) {
  When when;
  when.nth = number;
  return when;
}

When at(std::uint64_t first, std::uint64_t last) {
  When when;
  when.range = {first, last};
  return when;
}

using Lt = Rig<test::LtInitiator>;
using At = Rig<PlainAt>;

}  // namespace

TEST_CASE("the so many-th access has a bus error and leaves the memory as it was") {
  Lt rig({{Kind::kBusError, nth(2)}});
  CHECK(rig.initiator.write32(0x10, 1) == tlm::TLM_OK_RESPONSE);
  CHECK(rig.initiator.write32(0x10, 2) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  CHECK(rig.initiator.read32(0x10) == 1);
  CHECK(rig.initiator.write32(0x10, 3) == tlm::TLM_OK_RESPONSE);
  REQUIRE(rig.log.all().size() == 1);
  CHECK(rig.log.all()[0].address == kBase + 0x10);
  CHECK(rig.log.count(Kind::kBusError) == 1);
}

TEST_CASE("a corrected read takes longer, a lost one is an error, writes have neither") {
  Lt rig({{Kind::kEccCorrected, at(kBase, kBase + 3), 50'000},
          {Kind::kEccUncorrected, at(kBase + 8, kBase + 8)}});
  CHECK(rig.initiator.write32(0, 7) == tlm::TLM_OK_RESPONSE);
  const std::uint64_t begin_ps = rig.initiator.time_ps();
  CHECK(rig.initiator.read32(0) == 7);
  const std::uint64_t corrected_ps = rig.initiator.time_ps() - begin_ps;
  CHECK(rig.initiator.read32(0) == 7);
  CHECK(corrected_ps == rig.initiator.time_ps() - begin_ps - corrected_ps + 50'000);
  std::uint32_t word = 0;
  CHECK(rig.initiator.read(8, &word, 4) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  CHECK(rig.initiator.read(8, &word, 4) == tlm::TLM_OK_RESPONSE);
}

TEST_CASE("the same with four phases") {
  At rig({{Kind::kBusError, nth(2), 3'000},
          {Kind::kEccCorrected, at(kBase + 64, kBase + 64), 1'000'000},
          {Kind::kEccUncorrected, at(kBase + 128, kBase + 128)}});
  const std::vector<std::uint8_t> data(16);
  for (const std::uint64_t address : {0, 32, 64, 128, 192}) {
    rig.initiator.submit({tlm::TLM_READ_COMMAND, address, data});
  }
  sc_core::sc_start();
  REQUIRE(rig.initiator.results.size() == 5);
  for (const auto& result : rig.initiator.results) {
    INFO("address " << result.address);
    const bool fails = result.address == 32 || result.address == 128;
    CHECK((result.status == tlm::TLM_OK_RESPONSE) == !fails);
    if (result.address == 64) CHECK(result.end_ps - result.begin_ps > 1'000'000);
  }
  CHECK(rig.initiator.unexpected_phases == 0);
  CHECK(rig.log.all().size() == 3);
}

TEST_CASE("a rule that waits for an address keeps it out of direct access") {
  Lt rig({{Kind::kBusError, at(kBase + 0x100, kBase + 0x1FF)}});
  tlm::tlm_dmi below, above, within;
  REQUIRE(rig.initiator.direct(0x80, below));
  CHECK(below.get_start_address() == 0);
  CHECK(below.get_end_address() == 0xFF);
  REQUIRE(rig.initiator.direct(0x200, above));
  CHECK(above.get_start_address() == 0x200);
  CHECK(above.get_dmi_ptr() == below.get_dmi_ptr() + 0x200);
  CHECK_FALSE(rig.initiator.direct(0x180, within));
  std::uint32_t word = 5;
  CHECK(rig.initiator.debug(tlm::TLM_WRITE_COMMAND, 0x180, &word, 4) == 4);
  CHECK(rig.initiator.write32(0x180, 1) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  CHECK(rig.initiator.direct(0x180, within));  // it has happened
}

TEST_CASE("an injector refuses what happens elsewhere") {
  Lt rig({});
  CHECK_THROWS_AS(rig.injector.add({Kind::kStuckEngine, {}}), std::invalid_argument);
}

TEST_CASE("a lost edge is not seen until the line has been low again") {
  faults::FaultLog log;
  sc_core::sc_signal<bool> raw("raw"), seen("seen");
  faults::InterruptFilter filter("filter", "npu.irq", log);
  filter.in(raw);
  filter.out(seen);
  filter.add(nth(2));
  const auto drive = [&](bool level) {
    raw.write(level);
    sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS));
    return seen.read();
  };
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  CHECK(drive(true));
  CHECK_FALSE(drive(false));
  CHECK_FALSE(drive(true));
  CHECK_FALSE(drive(true));
  CHECK_FALSE(drive(false));
  CHECK(drive(true));
  REQUIRE(log.all().size() == 1);
  CHECK(log.all()[0].where == "npu.irq");
}
