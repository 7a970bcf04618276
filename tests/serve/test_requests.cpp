// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "fake_target.h"
#include "request_handler.h"
#include "tandem/abi/command.h"

using namespace tandem;
using namespace tandem::platform::serve;
using test::FakeTarget;

namespace {

constexpr std::uint32_t kTag = 42;

Frame access(std::uint32_t type, std::uint64_t address, std::uint32_t bytes,
             std::uint32_t flags = 0) {
  Frame frame{type, kTag, {}};
  put_u64(frame.payload, address);
  put_u32(frame.payload, bytes);
  put_u32(frame.payload, flags);
  return frame;
}

Frame duration(std::uint32_t type, std::uint64_t ps) {
  Frame frame{type, kTag, {}};
  put_u64(frame.payload, ps);
  return frame;
}

struct Fixture {
  Frame ask(const Frame& request) {
    const Bytes bytes = handler.answer(request);
    FrameReader reader;
    reader.feed(bytes.data(), bytes.size());
    const auto frame = reader.next();
    REQUIRE(frame);
    CHECK_FALSE(reader.within_frame());
    CHECK(frame->tag == request.tag);
    return *frame;
  }
  Frame answer(const Frame& request) {
    const Frame frame = ask(request);
    REQUIRE(frame.type == (request.type | TANDEM_COSIM_RESPONSE));
    REQUIRE(frame.payload.size() >= TANDEM_COSIM_STATE_BYTES);
    CHECK(get_u64(frame.payload, 0) == target.now.time_ps);
    return frame;
  }
  void refused(const Frame& request, tandem_cosim_error code, std::uint64_t detail) {
    const std::uint64_t before_ps = target.now.time_ps;
    const Frame frame = ask(request);
    REQUIRE(frame.type == (TANDEM_COSIM_ERROR | TANDEM_COSIM_RESPONSE));
    CHECK(get_u32(frame.payload, 0) == code);
    CHECK(get_u32(frame.payload, 4) == 0);
    CHECK(get_u64(frame.payload, 8) == detail);
    CHECK(frame.payload.size() > TANDEM_COSIM_ERROR_BYTES);
    if (code != TANDEM_COSIM_BUS_ERROR) CHECK(target.now.time_ps == before_ps);
  }

  FakeTarget target;
  RequestHandler handler{target};
};

}  // namespace

TEST_CASE("QUERY tells versions, the memory map and the state") {
  Fixture f;
  f.target.now = {77, 5, true};
  const Bytes p = f.answer({TANDEM_COSIM_QUERY, kTag, {}}).payload;
  REQUIRE(p.size() ==
          TANDEM_COSIM_STATE_BYTES + TANDEM_COSIM_FACTS_BYTES + 2 * TANDEM_COSIM_REGION_BYTES);
  CHECK(get_u32(p, 8) == 5);
  CHECK(get_u32(p, 12) == 1);
  CHECK(get_u32(p, 16) == TANDEM_COSIM_VERSION);
  CHECK(get_u32(p, 20) == abi::kAbiVersion);
  CHECK(get_u64(p, 24) == FakeTarget::kMemory);
  CHECK(get_u32(p, 32) == TANDEM_COSIM_MAX_DATA_BYTES);
  CHECK(get_u32(p, 36) == 2);
  CHECK(get_u64(p, 40) == FakeTarget::kRegisters);
  CHECK(get_u32(p, 56) == TANDEM_COSIM_REGISTERS);
  CHECK(std::string(reinterpret_cast<const char*>(&p[60])) == "device_with");
  CHECK(get_u64(p, 80) == FakeTarget::kMemoryBytes);
  CHECK(get_u32(p, 88) == TANDEM_COSIM_MEMORY);
}

TEST_CASE("WRITE and READ move bytes of any length, through the bus or at once") {
  Fixture f;
  for (const std::uint32_t flags : {0u, TANDEM_COSIM_DEBUG}) {
    for (const std::uint32_t bytes : {1u, 3u, 4u, 65u, 0x1'0000u}) {
      const std::uint64_t before_ps = f.target.now.time_ps;
      Frame request = access(TANDEM_COSIM_WRITE, FakeTarget::kMemory, bytes, flags);
      for (std::uint32_t i = 0; i < bytes; ++i) {
        request.payload.push_back(static_cast<std::uint8_t>(i * 3 + flags));
      }
      f.answer(request);
      const Bytes got =
          f.answer(access(TANDEM_COSIM_READ, FakeTarget::kMemory, bytes, flags)).payload;
      CHECK(Bytes(got.begin() + TANDEM_COSIM_STATE_BYTES, got.end()) ==
            Bytes(request.payload.begin() + TANDEM_COSIM_ACCESS_BYTES, request.payload.end()));
      const std::uint64_t spent_ps = f.target.now.time_ps - before_ps;
      CHECK(spent_ps == (flags == 0 ? 2 * FakeTarget::kAccessPs : 0));
    }
  }
}

TEST_CASE("WAIT, ADVANCE and RESET do what they say") {
  Fixture f;
  CHECK(get_u32(f.answer(duration(TANDEM_COSIM_WAIT, 100)).payload, 12) == 0);
  CHECK(f.target.now.time_ps == 100);
  const Bytes woken = f.answer(duration(TANDEM_COSIM_WAIT, 10'000)).payload;
  CHECK(get_u32(woken, 8) == 4);
  CHECK(get_u32(woken, 12) == 1);
  CHECK(f.target.now.time_ps == 600);
  f.answer(duration(TANDEM_COSIM_ADVANCE, 1'000));
  CHECK(f.target.now.time_ps == 1'600);
  f.answer({TANDEM_COSIM_RESET, kTag, {}});
  CHECK(f.target.resets == 1);
}

TEST_CASE("requests that make no sense are refused, and the next one works") {
  Fixture f;
  const auto memory = FakeTarget::kMemory;
  SECTION("unknown type") {
    for (const std::uint32_t type : {0u, 7u, 255u, TANDEM_COSIM_READ | TANDEM_COSIM_RESPONSE}) {
      f.refused({type, kTag, {1, 2}}, TANDEM_COSIM_UNKNOWN_TYPE, type);
    }
  }
  SECTION("wrong length") {
    f.refused({TANDEM_COSIM_QUERY, kTag, {1}}, TANDEM_COSIM_BAD_LENGTH, 1);
    f.refused({TANDEM_COSIM_RESET, kTag, {1, 2}}, TANDEM_COSIM_BAD_LENGTH, 2);
    f.refused({TANDEM_COSIM_WAIT, kTag, Bytes(7)}, TANDEM_COSIM_BAD_LENGTH, 7);
    f.refused({TANDEM_COSIM_ADVANCE, kTag, Bytes(9)}, TANDEM_COSIM_BAD_LENGTH, 9);
    f.refused({TANDEM_COSIM_READ, kTag, Bytes(15)}, TANDEM_COSIM_BAD_LENGTH, 15);
    Frame read = access(TANDEM_COSIM_READ, memory, 4);
    read.payload.push_back(0);
    f.refused(read, TANDEM_COSIM_BAD_LENGTH, 17);
    f.refused(access(TANDEM_COSIM_WRITE, memory, 4), TANDEM_COSIM_BAD_LENGTH, 16);
  }
  SECTION("bad values") {
    f.refused(access(TANDEM_COSIM_READ, memory, 4, 2), TANDEM_COSIM_BAD_VALUE, 2);
    f.refused(access(TANDEM_COSIM_READ, memory, 0), TANDEM_COSIM_BAD_VALUE, 0);
    f.refused(access(TANDEM_COSIM_READ, memory, TANDEM_COSIM_MAX_DATA_BYTES + 1),
              TANDEM_COSIM_BAD_VALUE, TANDEM_COSIM_MAX_DATA_BYTES + 1);
    f.target.now.time_ps = 1;
    f.refused(duration(TANDEM_COSIM_ADVANCE, TANDEM_COSIM_MAX_PS), TANDEM_COSIM_BAD_VALUE,
              TANDEM_COSIM_MAX_PS);
    f.refused(duration(TANDEM_COSIM_WAIT, ~std::uint64_t{0}), TANDEM_COSIM_BAD_VALUE,
              ~std::uint64_t{0});
  }
  SECTION("addresses outside, and accesses that leave their region") {
    for (const std::uint64_t address :
         {std::uint64_t{0}, FakeTarget::kRegisters - 1, FakeTarget::kMemory - 4,
          FakeTarget::kMemory + FakeTarget::kMemoryBytes - 7, ~std::uint64_t{0} - 3}) {
      f.refused(access(TANDEM_COSIM_READ, address, 8), TANDEM_COSIM_BAD_ADDRESS, address);
    }
  }
  SECTION("a device that refuses") {
    f.refused(access(TANDEM_COSIM_READ, FakeTarget::kRefused, 4), TANDEM_COSIM_BUS_ERROR,
              FakeTarget::kRefused);
  }
  f.answer(access(TANDEM_COSIM_READ, memory, 4));
}
