// SPDX-License-Identifier: Apache-2.0
#include <tlm_utils/simple_target_socket.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "registers_fixture.h"
#include "tandem/common/tlm_checks.h"
#include "tandem/peripherals/mailbox.h"

using namespace tandem;
namespace regs = abi::mailbox;

namespace {

constexpr std::uint32_t kRequests = 0x1000;
constexpr std::uint32_t kRecords = 0x4000;
constexpr std::uint32_t kPrompts = 0x8000;
constexpr std::uint32_t kMemoryBytes = 0x1'0000;
constexpr std::uint32_t kEntries = 4;

// Memory that answers debug transport only: anything else would take simulated time.
struct DebugMemory : sc_core::sc_module {
  tlm_utils::simple_target_socket<DebugMemory> socket{"socket"};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kMemoryBytes);

  explicit DebugMemory(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_transport_dbg(this, &DebugMemory::transport_dbg);
  }
  unsigned transport_dbg(common::Payload& payload) {
    const std::uint64_t address = payload.get_address();
    const unsigned length = payload.get_data_length();
    if (!common::in_range(address, length, bytes.size())) return 0;
    std::uint8_t* cell = bytes.data() + address;
    if (payload.is_write()) std::memcpy(cell, payload.get_data_ptr(), length);
    if (payload.is_read()) std::memcpy(payload.get_data_ptr(), cell, length);
    return length;
  }
};

peripherals::Mailbox::Config config() {
  peripherals::Mailbox::Config config;
  config.prompt_base = kPrompts;
  config.prompt_bytes = 1024;
  return config;
}

struct Bench {
  Bench() {
    bench.connect(mailbox.registers);
    mailbox.memory.bind(memory.socket);
    mailbox.irq.bind(line);
    mailbox.reset.bind(reset);
    mailbox.on_record([this](const abi::Record& record) { records.push_back(record); });
    test::settle();
  }
  std::uint32_t read(std::uint32_t offset) { return bench.bus.read32(offset); }
  void write(std::uint32_t offset, std::uint32_t value) {
    REQUIRE(bench.bus.write32(offset, value) == tlm::TLM_OK_RESPONSE);
  }
  void enable() {
    write(regs::REQUEST_BASE_LO, kRequests);
    write(regs::REQUEST_SIZE, kEntries);
    write(regs::RECORD_BASE_LO, kRecords);
    write(regs::RECORD_SIZE, kEntries);
    write(regs::CONTROL, 3);
  }
  void post(std::uint32_t id, std::vector<std::uint32_t> prompt = {1, 2, 3},
            std::uint64_t arrival_ns = 0) {
    abi::Request request{};
    request.request_id = id;
    request.prompt_count = static_cast<std::uint32_t>(prompt.size());
    request.max_tokens = 8;
    request.arrival_ns = arrival_ns;
    mailbox.host_post(request, prompt.data());
  }
  abi::Request request_at(std::uint32_t slot) const {
    abi::Request request;
    std::memcpy(&request, memory.bytes.data() + kRequests + slot * sizeof request, sizeof request);
    return request;
  }
  std::vector<std::uint32_t> prompt_of(const abi::Request& request) const {
    std::vector<std::uint32_t> prompt(request.prompt_count);
    std::memcpy(prompt.data(), memory.bytes.data() + request.prompt, prompt.size() * 4);
    return prompt;
  }
  void put_record(std::uint32_t slot, std::uint32_t request_id, abi::RecordKind kind) {
    abi::Record record{};
    record.kind = static_cast<std::uint32_t>(kind);
    record.request_id = request_id;
    record.count = kind == abi::RecordKind::kTokens ? 2 : 0;
    std::memcpy(memory.bytes.data() + kRecords + slot * sizeof record, &record, sizeof record);
  }
  bool line_level() {
    test::settle();
    return line.read();
  }

  sc_core::sc_signal<bool> line{"line"}, reset{"reset"};
  DebugMemory memory{"memory"};
  peripherals::Mailbox mailbox{"mailbox", config()};
  test::RegisterBus bench;
  std::vector<abi::Record> records;
};

}  // namespace

TEST_CASE("a request posted before the mailbox is enabled waits, then arrives with its prompt") {
  Bench bench;
  bench.post(7, {10, 20, 30});
  CHECK(bench.read(regs::REQUEST_TAIL) == 0);
  CHECK_FALSE(bench.line_level());
  bench.enable();
  CHECK(bench.read(regs::REQUEST_TAIL) == 1);
  CHECK(bench.line_level());
  const abi::Request request = bench.request_at(0);
  CHECK(request.request_id == 7);
  CHECK(request.max_tokens == 8);
  CHECK(bench.prompt_of(request) == std::vector<std::uint32_t>{10, 20, 30});
  bench.write(regs::REQUEST_HEAD, 1);
  CHECK_FALSE(bench.line_level());
  CHECK(bench.mailbox.host_waiting() == 0);
}

TEST_CASE("a full ring holds requests back, in order, over its wrap") {
  Bench bench;
  bench.enable();
  for (std::uint32_t id = 0; id < 7; ++id) bench.post(id, {id, id + 100});
  CHECK(bench.read(regs::REQUEST_TAIL) == kEntries - 1);
  for (std::uint32_t id = 0; id < 7; ++id) {
    REQUIRE(bench.read(regs::REQUEST_TAIL) != id % kEntries);
    const abi::Request request = bench.request_at(id % kEntries);
    CHECK(request.request_id == id);
    CHECK(bench.prompt_of(request) == std::vector<std::uint32_t>{id, id + 100});
    bench.write(regs::REQUEST_HEAD, (id + 1) % kEntries);
  }
  CHECK(bench.read(regs::REQUEST_TAIL) == 7 % kEntries);
  CHECK_FALSE(bench.line_level());
}

TEST_CASE("prompt memory is free again when the firmware has taken the request") {
  Bench bench;
  bench.enable();
  const std::vector<std::uint32_t> large(150, 5);  // 600 of 1,024 bytes
  bench.post(1, large);
  bench.post(2, large);
  CHECK(bench.read(regs::REQUEST_TAIL) == 1);
  CHECK(bench.prompt_of(bench.request_at(0)) == large);
  bench.write(regs::REQUEST_HEAD, 1);
  CHECK(bench.read(regs::REQUEST_TAIL) == 2);
}

TEST_CASE("records reach the host in order, over the wrap of the ring") {
  Bench bench;
  bench.enable();
  for (std::uint32_t i = 0; i < 10; ++i) {
    bench.put_record(i % kEntries, i, abi::RecordKind::kTokens);
    if (i % 3 == 2) {
      bench.write(regs::RECORD_TAIL, (i + 1) % kEntries);
      CHECK(bench.read(regs::RECORD_HEAD) == (i + 1) % kEntries);
    }
  }
  REQUIRE(bench.records.size() == 9);
  for (std::uint32_t i = 0; i < 9; ++i) CHECK(bench.records[i].request_id == i);
  observe::StatisticsTable table;
  bench.mailbox.collect(table);
  CHECK(table.find("records_received")->integer == 9);
  CHECK(table.find("tokens_received")->integer == 18);
  CHECK(table.find("errors")->integer == 0);
}

TEST_CASE("the host may post from within a record") {
  Bench bench;
  bench.enable();
  bench.mailbox.on_record([&](const abi::Record& record) { bench.post(record.request_id + 1); });
  bench.put_record(0, 41, abi::RecordKind::kFinished);
  bench.write(regs::RECORD_TAIL, 1);
  CHECK(bench.request_at(0).request_id == 42);
  CHECK(bench.line_level());
}

TEST_CASE("a request is not given to the firmware before its arrival") {
  Bench bench;
  bench.enable();
  bench.post(1, {1}, 5'000);
  bench.post(2, {1}, 0);  // stays behind the first
  CHECK(bench.read(regs::REQUEST_TAIL) == 0);
  test::run_for_ps(4'999'999);
  CHECK(bench.read(regs::REQUEST_TAIL) == 0);
  test::run_for_ps(1);
  CHECK(bench.line_level());
  CHECK(bench.read(regs::REQUEST_TAIL) == 2);
}

TEST_CASE("closing shows once the last request is in the ring, and interrupts") {
  Bench bench;
  bench.post(1);
  bench.mailbox.host_close();
  CHECK(bench.read(regs::STATUS) == 0);
  bench.enable();
  CHECK(bench.read(regs::STATUS) == regs::STATUS_CLOSED.mask());
  bench.write(regs::REQUEST_HEAD, 1);
  CHECK(bench.line_level());
  bench.write(regs::CONTROL, 1);
  CHECK_FALSE(bench.line_level());
}

TEST_CASE("requests that the firmware has not ended survive a reset, and are posted again") {
  Bench bench;
  bench.enable();
  for (std::uint32_t id = 1; id <= 4; ++id) bench.post(id, {id});
  bench.write(regs::REQUEST_HEAD, 3);
  bench.put_record(0, 2, abi::RecordKind::kFinished);
  bench.write(regs::RECORD_TAIL, 1);
  bench.reset.write(true);
  test::settle();
  bench.reset.write(false);
  CHECK_FALSE(bench.line_level());
  CHECK(bench.read(regs::REQUEST_SIZE) == 0);
  CHECK(bench.mailbox.host_waiting() == 3);
  bench.enable();
  CHECK(bench.read(regs::REQUEST_TAIL) == 3);
  CHECK(bench.request_at(0).request_id == 1);
  CHECK(bench.request_at(1).request_id == 3);
  CHECK(bench.request_at(2).request_id == 4);
  CHECK(bench.prompt_of(bench.request_at(1)) == std::vector<std::uint32_t>{3});
}

TEST_CASE("impossible indices and sizes are refused, and counted") {
  Bench bench;
  bench.write(regs::REQUEST_SIZE, 3);
  bench.write(regs::RECORD_SIZE, 2048);
  bench.write(regs::CONTROL, 1);
  bench.post(1);
  CHECK(bench.read(regs::REQUEST_TAIL) == 0);
  bench.write(regs::RECORD_TAIL, 1);
  CHECK(bench.read(regs::RECORD_TAIL) == 0);
  bench.write(regs::CONTROL, 0);
  bench.enable();
  CHECK(bench.read(regs::REQUEST_TAIL) == 1);
  bench.write(regs::REQUEST_HEAD, 2);  // beyond the tail
  CHECK(bench.read(regs::REQUEST_HEAD) == 0);
  bench.write(regs::REQUEST_HEAD, 77);
  CHECK(bench.read(regs::REQUEST_HEAD) == 0);
  bench.write(regs::RECORD_TAIL, kEntries);
  CHECK(bench.read(regs::RECORD_TAIL) == 0);
  CHECK(bench.records.empty());
  observe::StatisticsTable table;
  bench.mailbox.collect(table);
  CHECK(table.find("errors")->integer == 4);
}

TEST_CASE("rings where there is no memory do no harm") {
  Bench bench;
  bench.post(1);
  bench.write(regs::REQUEST_BASE_HI, 0xFFFF'FFFF);
  bench.write(regs::RECORD_BASE_HI, 0xFFFF'FFFF);
  bench.enable();
  CHECK(bench.read(regs::REQUEST_TAIL) == 0);
  CHECK(bench.mailbox.host_waiting() == 1);
  bench.write(regs::RECORD_TAIL, 2);
  CHECK(bench.records.empty());
  CHECK(bench.read(regs::RECORD_HEAD) == 2);
}

TEST_CASE("the host is told what it may not post") {
  Bench bench;
  CHECK_THROWS_WITH(bench.post(1, {}), "request 1 has an empty prompt");
  CHECK_THROWS_WITH(bench.post(1, std::vector<std::uint32_t>(257)),
                    "request 1 has a prompt of 257 tokens, prompt_bytes is 1024");
  bench.post(1);
  CHECK_THROWS_WITH(bench.post(1), "request 1 has an id that is in use");
  bench.enable();
  bench.write(regs::REQUEST_HEAD, 1);
  CHECK_THROWS_WITH(bench.post(1), "request 1 has an id that is in use");
}

TEST_CASE("prompts lie apart from each other and reuse what is free") {
  peripherals::PromptStore store(256);
  CHECK(store.allocate(1, 60) == 0u);
  CHECK(store.allocate(2, 64) == 64u);
  CHECK(store.allocate(3, 128) == 128u);
  CHECK_FALSE(store.allocate(4, 1));
  store.release(2);
  CHECK_FALSE(store.allocate(4, 65));
  CHECK(store.allocate(4, 64) == 64u);
  store.release(1);
  store.release(4);
  CHECK(store.allocate(5, 128) == 0u);
  CHECK_FALSE(store.allocate(6, 257));
  CHECK(store.holds(5));
  CHECK_FALSE(store.holds(1));
}
