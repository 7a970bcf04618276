// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/common/payload_pool.h"
#include "tandem/common/timing_only.h"

using namespace tandem::common;

TEST_CASE("a reused payload carries nothing over") {
  PayloadPool pool;
  std::uint8_t data[8] = {};
  std::uint8_t enables[8] = {};
  Payload& first = pool.acquire(tlm::TLM_WRITE_COMMAND, 0x100, data, 8);
  first.set_byte_enable_ptr(enables);
  first.set_byte_enable_length(8);
  first.set_streaming_width(2);
  first.set_dmi_allowed(true);
  first.set_response_status(tlm::TLM_OK_RESPONSE);
  first.set_gp_option(tlm::TLM_FULL_PAYLOAD);
  REQUIRE(pool.in_use() == 1);
  first.release();
  REQUIRE(pool.in_use() == 0);

  Payload& second = pool.acquire(tlm::TLM_READ_COMMAND, 0x200, data, 4);
  REQUIRE(&second == &first);
  REQUIRE(second.is_read());
  REQUIRE(second.get_address() == 0x200);
  REQUIRE(second.get_data_length() == 4);
  REQUIRE(second.get_streaming_width() == 4);
  REQUIRE(second.get_byte_enable_ptr() == nullptr);
  REQUIRE(second.get_byte_enable_length() == 0);
  REQUIRE_FALSE(second.is_dmi_allowed());
  REQUIRE(second.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE);
  REQUIRE(second.get_gp_option() == tlm::TLM_MIN_PAYLOAD);
  REQUIRE(second.get_ref_count() == 1);
  second.release();
}

TEST_CASE("a payload stays taken until its last holder releases it") {
  PayloadPool pool;
  Payload& payload = pool.acquire(tlm::TLM_READ_COMMAND, 0, 64);
  REQUIRE(payload.get_data_ptr() != nullptr);
  payload.acquire();
  payload.release();
  Payload& other = pool.acquire(tlm::TLM_READ_COMMAND, 0, 16);
  REQUIRE(&other != &payload);
  REQUIRE(other.get_data_ptr() != payload.get_data_ptr());
  payload.release();
  other.release();
  REQUIRE(pool.in_use() == 0);
}
