// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/common/payload_pool.h"
#include "tandem/common/tlm_checks.h"

using namespace tandem::common;

namespace {

std::uint8_t data[64];
constexpr std::uint64_t kMost = ~std::uint64_t{0};

Payload& with(Payload& payload, std::uint64_t address, unsigned length) {
  set_attributes(payload, tlm::TLM_READ_COMMAND, address, data, length);
  return payload;
}

}  // namespace

TEST_CASE("ranges are checked without overflow") {
  REQUIRE(in_range(0, 16, 16));
  REQUIRE_FALSE(in_range(1, 16, 16));
  REQUIRE_FALSE(in_range(kMost, 2, 16));
  REQUIRE_FALSE(in_range(0, kMost, 16));
  REQUIRE(in_range(kMost - 1, 1, kMost));
}

TEST_CASE("register accesses are aligned words") {
  Payload payload;
  REQUIRE(check_register_access(with(payload, 0, 4), 16) == tlm::TLM_OK_RESPONSE);
  REQUIRE(check_register_access(with(payload, 12, 4), 16) == tlm::TLM_OK_RESPONSE);
  REQUIRE(check_register_access(with(payload, 2, 4), 16) == tlm::TLM_BURST_ERROR_RESPONSE);
  REQUIRE(check_register_access(with(payload, 0, 8), 16) == tlm::TLM_BURST_ERROR_RESPONSE);
  REQUIRE(check_register_access(with(payload, 0, 1), 16) == tlm::TLM_BURST_ERROR_RESPONSE);
  REQUIRE(check_register_access(with(payload, 0, 0), 16) == tlm::TLM_BURST_ERROR_RESPONSE);
  REQUIRE(check_register_access(with(payload, 16, 4), 16) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  with(payload, 0, 4).set_command(tlm::TLM_IGNORE_COMMAND);
  REQUIRE(check_register_access(payload, 16) == tlm::TLM_COMMAND_ERROR_RESPONSE);
}

TEST_CASE("unsupported attributes get the response the standard names") {
  Payload payload;
  with(payload, 0, 4).set_byte_enable_ptr(data);
  REQUIRE(check_memory_access(payload, 16) == tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  with(payload, 0, 4).set_streaming_width(2);
  REQUIRE(check_memory_access(payload, 16) == tlm::TLM_BURST_ERROR_RESPONSE);
  with(payload, 0, 4).set_data_ptr(nullptr);
  REQUIRE(check_memory_access(payload, 16) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  REQUIRE(check_memory_access(with(payload, 13, 4), 16) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  REQUIRE(check_memory_access(with(payload, 12, 4), 16) == tlm::TLM_OK_RESPONSE);
}
