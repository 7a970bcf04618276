// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/interconnect/width_adapter.h"
#include "tandem/memory/sram.h"
#include "tandem/test/at_initiator.h"
#include "tandem/test/lt_initiator.h"
#include "tandem/test/random_traffic.h"

using namespace tandem;

TEST_CASE("a width adapter forwards every interface both ways") {
  interconnect::WidthAdapter<32, 64> widen("widen");
  interconnect::WidthAdapter<64, 32> narrow("narrow");
  memory::Sram sram("sram", {});
  test::LtInitiator lt("lt");
  lt.socket.bind(widen.target);
  widen.initiator.bind(narrow.target);
  narrow.initiator.bind(sram.target());

  REQUIRE(lt.write32(64, 0xABCD) == tlm::TLM_OK_RESPONSE);
  REQUIRE(lt.time_ps() > 0);
  std::uint32_t value = 0;
  REQUIRE(lt.debug(tlm::TLM_READ_COMMAND, 64, &value, 4) == 4);
  REQUIRE(value == 0xABCD);
  tlm::tlm_dmi dmi;
  REQUIRE(lt.direct(64, dmi));
  sram.set_dmi_allowed(false);
  REQUIRE(lt.invalidations.size() == 1);
}

TEST_CASE("a width adapter carries AT traffic") {
  interconnect::WidthAdapter<32, 128> widen("widen");
  interconnect::WidthAdapter<128, 32> narrow("narrow");
  memory::Sram sram("sram", {});
  test::AtInitiator at("at", {4, {test::AtInitiator::Answer::accepted}, 100, 0});
  at.socket.bind(widen.target);
  widen.initiator.bind(narrow.target);
  narrow.initiator.bind(sram.target());
  test::RandomTraffic::Config config;
  test::RandomTraffic traffic(at, config);
  sc_core::sc_start();
  REQUIRE(traffic.done() == config.count);
  REQUIRE(traffic.errors() == 0);
  REQUIRE(traffic.mismatches() == 0);
}
