// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <functional>

#include "pim_bench.h"

using namespace tandem;
using namespace tandem::test;
using abi::Status;

namespace {

struct Case {
  const char* name;
  Status status;
  std::uint64_t address;
  std::function<void(abi::PimCommand&)> spoil;
};

std::uint64_t error_address(PimBench& bench) {
  return std::uint64_t{bench.bus.read32(regs::ERROR_ADDRESS_HI)} << 32 |
         bench.bus.read32(regs::ERROR_ADDRESS_LO);
}

const std::uint64_t kEnd = kBase + small_config().memory.size_bytes();

std::vector<Case> cases() {
  const auto format = [](abi::Format f) { return static_cast<abi::u8>(f); };
  return {
      {"opcode", Status::kBadOpcode, 0, [](auto& c) { c.opcode = 2; }},
      {"version", Status::kBadVersion, 0, [](auto& c) { c.abi_version = 99; }},
      {"flags", Status::kBadFlags, 0, [](auto& c) { c.flags = 1u << 3; }},
      {"full BSFP", Status::kUnsupported, kBase,
       [=](auto& c) { c.format = format(abi::Format::kBsfpIFull); }},
      {"FP32", Status::kUnsupported, kBase,
       [=](auto& c) { c.format = format(abi::Format::kFp32); }},
      {"no such format", Status::kUnsupported, kBase, [](auto& c) { c.format = 200; }},
      {"scales of FP16", Status::kUnsupported, kBase, [](auto& c) { c.grouping = 2; }},
      {"scales of BSFP", Status::kUnsupported, kBase,
       [=](auto& c) {
         c.format = format(abi::Format::kBsfpIDraft);
         c.grouping = 1;
       }},
      {"no rows", Status::kBadOperand, kBase, [](auto& c) { c.rows = 0; }},
      {"no columns", Status::kBadOperand, kBase, [](auto& c) { c.columns = 0; }},
      {"no vectors", Status::kBadOperand, kBase, [](auto& c) { c.vectors = 0; }},
      {"rows overlap", Status::kBadOperand, kBase, [](auto& c) { c.row_elements = 10; }},
      {"odd address", Status::kBadOperand, kBase + 1, [](auto& c) { c.weights = kBase + 1; }},
      {"odd vector", Status::kBadOperand, kBase, [](auto& c) { c.vector_offset = 3; }},
      {"odd output", Status::kBadOperand, kBase, [](auto& c) { c.output_stride = 33; }},
      {"results overlap", Status::kBadOperand, kBase, [](auto& c) { c.output_stride = 8; }},
      {"nibble of FP16", Status::kBadOperand, kBase, [](auto& c) { c.element_offset = 1; }},
      {"scope", Status::kBadOperand, kBase, [](auto& c) { c.scope = 7; }},
      {"below the memory", Status::kBusError, kBase - 2, [](auto& c) { c.weights = kBase - 2; }},
      {"beyond the memory", Status::kBusError, kEnd, [](auto& c) { c.weights = kEnd; }},
      {"across its end", Status::kBusError, kEnd - 100, [](auto& c) { c.weights = kEnd - 100; }},
      {"address wraps", Status::kBusError, ~std::uint64_t{1},
       [](auto& c) { c.weights = ~std::uint64_t{1}; }},
      {"huge matrix", Status::kBusError, kBase,
       [](auto& c) {
         c.rows = ~0u;
         c.row_elements = ~0u;
         c.vectors = 1;
       }},
      {"tables outside", Status::kBusError, kEnd - 8,
       [=](auto& c) {
         c.format = format(abi::Format::kBsfpIDraft);
         c.tables = kEnd - 8;
       }},
      {"odd scales", Status::kBadOperand, kBase + 1,
       [=](auto& c) {
         c.format = format(abi::Format::kInt4);
         c.grouping = 3;
         c.tables = kBase + 1;
       }},
      {"vectors beyond the window", Status::kNoSpace, 0,
       [](auto& c) { c.vector_offset = small_config().vector_bytes - 62; }},
      {"vector strides beyond the window", Status::kNoSpace, 0,
       [](auto& c) { c.vector_stride = 1u << 31; }},
      {"results beyond the window", Status::kNoSpace, small_config().result_bytes - 30,
       [](auto& c) { c.output_offset = small_config().result_bytes - 30; }},
      {"more without a first", Status::kBadFlags, 0, [](auto& c) { c.flags = abi::kPimLast; }},
  };
}

}  // namespace

TEST_CASE("a bad command is told apart, its results are refused, and the next one works") {
  PimBench bench(small_config());
  for (const Case& c : cases()) {
    INFO(c.name);
    const abi::PimCommand good = gemv(kBase, 16, 32, 2);
    abi::PimCommand bad = good;
    bad.tag = 7;
    c.spoil(bad);
    REQUIRE(bench.send(bad) == kOk);
    std::vector<std::uint16_t> y(16);
    const bool names_results = bad.output_offset == 0 && bad.rows != 0 && bad.vectors != 0;
    CHECK(bench.read_results(0, y) == (names_results ? tlm::TLM_GENERIC_ERROR_RESPONSE : kOk));
    bench.settle();
    CHECK(bench.bus.read32(regs::ERROR_COUNT) == 1);
    CHECK(bench.bus.read32(regs::ERROR_CAUSE) == static_cast<std::uint32_t>(c.status));
    CHECK(error_address(bench) == c.address);
    CHECK(regs::STATUS_ERROR.get(bench.bus.read32(regs::STATUS)) == 1);
    CHECK(bench.bus.read32(regs::IRQ_RAW) ==
          (regs::IRQ_RAW_DONE.mask() | regs::IRQ_RAW_ERROR.mask()));
    CHECK(bench.bus.read32(regs::COMPLETED_TAG) == 7);

    REQUIRE(bench.bus.write32(regs::ERROR_COUNT, 0) == kOk);
    REQUIRE(bench.send(good) == kOk);
    CHECK(bench.read_results(0, y) == kOk);
    bench.settle();
    CHECK(bench.bus.read32(regs::ERROR_COUNT) == 0);
    CHECK(regs::STATUS_ERROR.get(bench.bus.read32(regs::STATUS)) == 0);
    bench.bus.write32(regs::IRQ_MASK, 3);
    bench.bus.write32(regs::IRQ_STATUS, 3);
    bench.bus.write32(regs::IRQ_MASK, 0);
  }
  CHECK(bench.bus_checker.violations().empty());
}

TEST_CASE("a sequence must keep its shape, and an error ends it") {
  PimBench bench(small_config());
  abi::PimCommand first = gemv(kBase, 8, 128);
  first.flags = abi::kPimFirst;
  first.row_elements = 256;
  abi::PimCommand last = first;
  last.flags = abi::kPimLast;
  last.weights += 256;
  const auto fails = [&](const abi::PimCommand& command) {
    bench.send(command);
    std::vector<std::uint16_t> y(8);
    return bench.read_results(0, y) == tlm::TLM_GENERIC_ERROR_RESPONSE;
  };

  bench.send(first);
  CHECK_FALSE(fails(last));
  CHECK(fails(last));  // the sequence is over

  bench.send(first);
  abi::PimCommand larger = last;
  larger.rows = 9;
  larger.output_stride = 18;
  CHECK(fails(larger));

  bench.send(first);
  abi::PimCommand bad = last;
  bad.flags = 0;
  bad.weights = kEnd;
  bench.send(bad);
  CHECK(fails(last));

  bench.send(first);
  CHECK_FALSE(fails(last));
  bench.settle();
  CHECK(bench.bus.read32(regs::ERROR_COUNT) == 4);
}

TEST_CASE("only the results of the failed command are refused") {
  PimBench bench(small_config());
  abi::PimCommand bad = gemv(kEnd, 4, 8, 2);
  bad.output_offset = 32;
  bad.output_stride = 64;
  bench.send(bad);
  std::vector<std::uint16_t> y(1);
  for (std::uint32_t offset = 0; offset < 128; offset += 2) {
    const bool refused = (offset >= 32 && offset < 40) || (offset >= 96 && offset < 104);
    INFO(offset);
    CHECK(bench.read_results(offset, y) == (refused ? tlm::TLM_GENERIC_ERROR_RESPONSE : kOk));
  }
}

TEST_CASE("the oldest error stays, all are counted") {
  PimBench bench(small_config());
  abi::PimCommand bad = gemv(kEnd, 4, 8);
  bench.send(bad);
  bad.opcode = 9;
  bench.send(bad);
  bench.settle();
  CHECK(bench.bus.read32(regs::ERROR_COUNT) == 2);
  CHECK(bench.bus.read32(regs::ERROR_CAUSE) == static_cast<std::uint32_t>(Status::kBusError));
  CHECK(error_address(bench) == kEnd);
}

TEST_CASE("accesses that make no sense get their TLM response") {
  PimBench bench(small_config());
  std::uint8_t data[128] = {};
  auto& bus = bench.bus;
  CHECK(bus.write(abi::kPimCommandWindow, data, 32) == tlm::TLM_BURST_ERROR_RESPONSE);
  CHECK(bus.write(abi::kPimCommandWindow, data, 128) == tlm::TLM_BURST_ERROR_RESPONSE);
  CHECK(bus.read(abi::kPimCommandWindow, data, 64) == tlm::TLM_COMMAND_ERROR_RESPONSE);
  CHECK(bus.write(abi::kPimCommandWindow + 64, data, 64) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  const pim::Config& config = bench.pim.config();
  CHECK(bus.write(abi::kPimVectorWindow + config.vector_bytes - 2, data, 4) ==
        tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bus.read(abi::kPimResultWindow + config.result_bytes, data, 1) ==
        tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bus.read(abi::kPimWindowBytes, data, 4) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
  CHECK(bus.write32(regs::CHANNELS, 1) == tlm::TLM_COMMAND_ERROR_RESPONSE);
  CHECK(bus.read(regs::CHANNELS, data, 2) == tlm::TLM_BURST_ERROR_RESPONSE);
  common::set_attributes(bus.payload, tlm::TLM_WRITE_COMMAND, abi::kPimVectorWindow, data, 64);
  bus.payload.set_byte_enable_ptr(data);
  bus.payload.set_byte_enable_length(64);
  CHECK(bus.send() == tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  common::set_attributes(bus.payload, tlm::TLM_WRITE_COMMAND, abi::kPimVectorWindow, data, 64);
  bus.payload.set_streaming_width(8);
  CHECK(bus.send() == tlm::TLM_BURST_ERROR_RESPONSE);
  common::set_attributes(bus.payload, tlm::TLM_IGNORE_COMMAND, abi::kPimVectorWindow, data, 64);
  CHECK(bus.send() == tlm::TLM_COMMAND_ERROR_RESPONSE);
  bench.settle();
  CHECK(bus.read32(regs::ERROR_COUNT) == 0);
}

TEST_CASE("a PIM that is not enabled takes no commands") {
  PimBench bench(small_config());
  bench.bus.write32(regs::CONTROL, 0);
  CHECK(bench.send(gemv(kBase, 4, 8)) == tlm::TLM_GENERIC_ERROR_RESPONSE);
  bench.enable();
  CHECK(bench.send(gemv(kBase, 4, 8)) == kOk);
}

TEST_CASE("random commands never do more than fail") {
  PimBench bench(small_config());
  std::mt19937 random(5);
  for (unsigned i = 0; i < 6'000; ++i) {
    abi::PimCommand command = gemv(kBase, 16, 32, 2);
    const unsigned changes = 1 + random() % 4;
    for (unsigned j = 0; j < changes; ++j) {
      auto* bytes = reinterpret_cast<std::uint8_t*>(&command);
      const std::size_t at = random() % sizeof command;
      bytes[at] = static_cast<std::uint8_t>(random());
    }
    // A large result costs real time, not insight.
    if (std::uint64_t{command.rows} * command.columns > 1u << 20) continue;
    REQUIRE(bench.send(command) == kOk);
    if (i % 500 == 499) bench.settle();
  }
  bench.settle();
  CHECK(bench.bus.read32(regs::ERROR_COUNT) > 1000);
  CHECK(bench.bus.read32(regs::QUEUE_FREE) == bench.pim.config().queue_depth);
}
