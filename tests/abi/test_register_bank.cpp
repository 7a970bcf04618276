// SPDX-License-Identifier: Apache-2.0
// Every register of every block, against the access rules that its line of the table states.
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "tandem/abi/tables.h"
#include "tandem/common/payload_pool.h"
#include "tandem/common/register_bank.h"

using namespace tandem;
using common::RegisterBank;

namespace {

constexpr std::uint32_t kPattern = 0xA5C3'0F69;

// An access to a bank without a bus in between.
struct Access {
  explicit Access(RegisterBank& accessed) : bank(accessed) {}

  tlm::tlm_response_status run(tlm::tlm_command command, std::uint64_t address, void* data,
                               unsigned length) {
    common::set_attributes(payload, command, address, static_cast<std::uint8_t*>(data), length);
    bank.access(payload);
    return payload.get_response_status();
  }
  tlm::tlm_response_status read(std::uint64_t address, std::uint32_t& value) {
    return run(tlm::TLM_READ_COMMAND, address, &value, 4);
  }
  tlm::tlm_response_status write(std::uint64_t address, std::uint32_t value) {
    return run(tlm::TLM_WRITE_COMMAND, address, &value, 4);
  }
  std::uint32_t value(std::uint64_t address) {
    std::uint32_t result = ~kPattern;
    REQUIRE(read(address, result) == tlm::TLM_OK_RESPONSE);
    return result;
  }

  RegisterBank& bank;
  common::Payload payload;
};

template <typename Function>
void for_each_register(Function function) {
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) {
    for (std::size_t i = 0; i < block->register_count; ++i) {
      const abi::RegisterInfo& info = block->registers[i];
      for (std::uint32_t index = 0; index < info.count; ++index) {
        INFO(block->name << "." << info.name << "[" << index << "]");
        RegisterBank bank(*block);
        Access bus(bank);
        function(bus, info, info.offset + index * info.stride);
      }
    }
  }
}

}  // namespace

TEST_CASE("every register has its reset value, before and after it was changed") {
  for_each_register([](Access& bus, const abi::RegisterInfo& info, std::uint32_t offset) {
    const std::uint32_t expected = info.access == abi::Access::kWriteOnly ? 0 : info.reset;
    CHECK(bus.value(offset) == expected);
    bus.bank.set(offset, ~info.reset);
    bus.bank.reset();
    CHECK(bus.value(offset) == expected);
  });
}

TEST_CASE("every register keeps its access rule") {
  for_each_register([](Access& bus, const abi::RegisterInfo& info, std::uint32_t offset) {
    switch (info.access) {
      case abi::Access::kReadOnly:
      case abi::Access::kInstance:
        CHECK(bus.write(offset, kPattern) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        CHECK(bus.value(offset) == info.reset);
        break;
      case abi::Access::kReadWrite:
        CHECK(bus.write(offset, kPattern) == tlm::TLM_OK_RESPONSE);
        CHECK(bus.value(offset) == kPattern);
        break;
      case abi::Access::kWriteOnly:
        CHECK(bus.write(offset, kPattern) == tlm::TLM_OK_RESPONSE);
        CHECK(bus.value(offset) == 0);
        break;
      case abi::Access::kWriteOneToClear:
        bus.bank.set(offset, 0xFFFF'0000);
        CHECK(bus.write(offset, 0x0F0F'0F0F) == tlm::TLM_OK_RESPONSE);
        CHECK(bus.value(offset) == 0xF0F0'0000);
        break;
    }
  });
}

TEST_CASE("a write to one register leaves all others alone") {
  for_each_register([](Access& bus, const abi::RegisterInfo& info, std::uint32_t offset) {
    if (info.access != abi::Access::kReadWrite) return;
    std::vector<std::string> changed;
    bus.write(offset, ~info.reset);
    const abi::RegisterBlock& block = bus.bank.block();
    for (std::size_t i = 0; i < block.register_count; ++i) {
      const abi::RegisterInfo& other = block.registers[i];
      for (std::uint32_t index = 0; index < other.count; ++index) {
        if (other.offset + index * other.stride == offset) continue;
        if (bus.bank.get(other.offset, index) != other.reset) changed.push_back(other.name);
      }
    }
    CHECK(changed == std::vector<std::string>{});
  });
}

TEST_CASE("every register refuses accesses of another size or alignment") {
  for_each_register([](Access& bus, const abi::RegisterInfo&, std::uint32_t offset) {
    std::uint8_t data[16] = {0x5A};
    const std::uint32_t before = bus.bank.get(offset & ~3u);
    for (const tlm::tlm_command command : {tlm::TLM_READ_COMMAND, tlm::TLM_WRITE_COMMAND}) {
      for (const unsigned length : {1u, 2u, 3u, 5u, 8u, 16u}) {
        CHECK(bus.run(command, offset, data, length) == tlm::TLM_BURST_ERROR_RESPONSE);
      }
      for (const std::uint32_t shift : {1u, 2u, 3u}) {
        CHECK(bus.run(command, offset + shift, data, 4) == tlm::TLM_BURST_ERROR_RESPONSE);
      }
    }
    CHECK(bus.bank.get(offset) == before);
  });
}

TEST_CASE("every register refuses byte enables and streaming") {
  for_each_register([](Access& bus, const abi::RegisterInfo& info, std::uint32_t offset) {
    std::uint32_t value = ~info.reset;
    std::uint8_t enables[4] = {0xFF, 0xFF, 0xFF, 0xFF};
    common::set_attributes(bus.payload, tlm::TLM_WRITE_COMMAND, offset,
                           reinterpret_cast<std::uint8_t*>(&value), 4);
    bus.payload.set_byte_enable_ptr(enables);
    bus.payload.set_byte_enable_length(4);
    bus.bank.access(bus.payload);
    CHECK(bus.payload.get_response_status() == tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    common::set_attributes(bus.payload, tlm::TLM_WRITE_COMMAND, offset,
                           reinterpret_cast<std::uint8_t*>(&value), 4);
    bus.payload.set_streaming_width(2);
    bus.bank.access(bus.payload);
    CHECK(bus.payload.get_response_status() == tlm::TLM_BURST_ERROR_RESPONSE);
    CHECK(bus.bank.get(offset) == info.reset);
  });
}

TEST_CASE("every hole, and everything beyond the block, is an address error") {
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) {
    std::vector<bool> used(block->size_bytes / 4, false);
    for (std::size_t i = 0; i < block->register_count; ++i) {
      const abi::RegisterInfo& info = block->registers[i];
      for (std::uint32_t index = 0; index < info.count; ++index) {
        used[(info.offset + index * info.stride) / 4] = true;
      }
    }
    RegisterBank bank(*block);
    Access bus(bank);
    std::uint32_t value = 0;
    for (std::uint32_t word = 0; word < used.size(); ++word) {
      if (used[word]) continue;
      INFO(block->name << " offset " << word * 4);
      CHECK(bus.read(word * 4, value) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
      CHECK(bus.write(word * 4, value) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
    for (const std::uint64_t address : {std::uint64_t{block->size_bytes}, std::uint64_t{1} << 32,
                                        ~std::uint64_t{0} - 3, ~std::uint64_t{0}}) {
      CHECK(bus.read(address, value) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
  }
}

TEST_CASE("a command that neither reads nor writes is refused") {
  RegisterBank bank(abi::uart::kBlock);
  Access bus(bank);
  std::uint32_t value = 0;
  CHECK(bus.run(tlm::TLM_IGNORE_COMMAND, abi::uart::OVERRUNS, &value, 4) ==
        tlm::TLM_COMMAND_ERROR_RESPONSE);
}

TEST_CASE("hooks see what they should") {
  RegisterBank bank(abi::npu::kBlock);
  Access bus(bank);
  std::vector<std::uint32_t> seen;
  unsigned reads = 0;
  bank.on_write(abi::npu::SQ_TAIL, [&](std::uint32_t index, std::uint32_t value) {
    seen = {index, value, bank.get(abi::npu::SQ_TAIL, index)};
  });
  bank.on_read(abi::npu::SQ_HEAD, [](std::uint32_t index) { return 100 + index; });
  bank.after_read(abi::npu::SQ_HEAD, [&](std::uint32_t index) { reads += index; });
  bank.on_write(abi::npu::IRQ_STATUS, [&](std::uint32_t, std::uint32_t value) { seen = {value}; });

  bus.write(abi::npu::SQ_TAIL + 3 * abi::kQueuePairStride, 7);
  CHECK(seen == std::vector<std::uint32_t>{3, 7, 7});
  CHECK(bus.value(abi::npu::SQ_HEAD + 2 * abi::kQueuePairStride) == 102);
  CHECK(reads == 2);
  bank.set(abi::npu::IRQ_STATUS, 0xFF);
  bus.write(abi::npu::IRQ_STATUS, 0x0F);
  CHECK(seen == std::vector<std::uint32_t>{0x0F});
  CHECK(bank.get(abi::npu::IRQ_STATUS) == 0xFF);  // the hook decides

  seen.clear();
  bank.reset();
  CHECK(seen.empty());
}

TEST_CASE("debug reads run over neighbouring registers without side effects") {
  RegisterBank bank(abi::uart::kBlock);
  unsigned after = 0;
  bank.after_read(abi::uart::STATUS, [&](std::uint32_t) { ++after; });
  std::uint32_t words[4] = {1, 2, 3, 4};
  common::Payload payload;
  common::set_attributes(payload, tlm::TLM_READ_COMMAND, abi::uart::TX,
                         reinterpret_cast<std::uint8_t*>(words), sizeof words);
  CHECK(bank.debug(payload) == 12);  // TX, STATUS, OVERRUNS, then a hole
  CHECK(words[0] == 0);
  CHECK(words[3] == 4);
  CHECK(after == 0);
  common::set_attributes(payload, tlm::TLM_WRITE_COMMAND, abi::uart::OVERRUNS,
                         reinterpret_cast<std::uint8_t*>(words), 4);
  CHECK(bank.debug(payload) == 0);
  common::set_attributes(payload, tlm::TLM_READ_COMMAND, ~std::uint64_t{3},
                         reinterpret_cast<std::uint8_t*>(words), 16);
  CHECK(bank.debug(payload) == 0);
}

TEST_CASE("an offset that is no register is a programming error") {
  RegisterBank bank(abi::uart::kBlock);
  CHECK_THROWS_AS(bank.get(0x008), std::out_of_range);
  CHECK_THROWS_AS(bank.get(0x012), std::out_of_range);
  CHECK_THROWS_AS(bank.get(0x1000), std::out_of_range);
  CHECK_THROWS_AS(bank.set(abi::uart::TX, 0, 1), std::out_of_range);
}

TEST_CASE("accesses are described in words") {
  using common::describe_access;
  const abi::RegisterBlock& npu = abi::npu::kBlock;
  CHECK(describe_access(npu, abi::npu::CONTROL, 1, true) == "NPU.CONTROL.ENABLE=1");
  CHECK(describe_access(npu, abi::npu::CONTROL, 3, true) == "NPU.CONTROL.ENABLE=1, SOFT_RESET=1");
  CHECK(describe_access(npu, abi::npu::CONTROL, 0, true) == "NPU.CONTROL=0x0");
  CHECK(describe_access(npu, abi::npu::CONTROL, 5, true) == "NPU.CONTROL=0x5");
  CHECK(describe_access(npu, abi::npu::STATUS, 1, false) == "NPU.STATUS.BUSY -> 1");
  CHECK(describe_access(npu, abi::npu::SQ_TAIL + 2 * abi::kQueuePairStride, 18, true) ==
        "NPU.SQ_TAIL[2]=0x12");
  CHECK(describe_access(npu, 0x00C, 0, false) == "NPU+0xc (hole) -> 0x0");
  std::vector<std::string> log;
  RegisterBank bank(abi::npu::kBlock);
  bank.observe([&](std::uint32_t offset, std::uint32_t value, bool is_write) {
    log.push_back(describe_access(bank.block(), offset, value, is_write));
  });
  Access bus(bank);
  bus.write(abi::npu::CONTROL, 1);
  bus.write(abi::npu::STATUS, 1);  // refused, hence not in the log
  bus.value(abi::npu::VERSION);
  CHECK(log == std::vector<std::string>{"NPU.CONTROL.ENABLE=1", "NPU.VERSION.MAJOR -> 1"});
}
