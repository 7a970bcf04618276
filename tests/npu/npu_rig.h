// SPDX-License-Identifier: Apache-2.0
// An NPU alone with its memory: commands, programs and tensors are laid out in DRAM by hand.
#pragma once
#include <cstring>
#include <string>
#include <vector>

#include "tandem/abi/batch.h"
#include "tandem/abi/program.h"
#include "tandem/memory/stack.h"
#include "tandem/npu/npu.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"

namespace tandem::test {

constexpr std::uint64_t kRings = 0x1000, kParameters = 0x4000, kBatch = 0x5000, kProgram = 0x8000,
                        kTokens = 0x4'0000, kResults = 0x5'0000, kDraft = 0x6'0000,
                        kPageTable = 0x7'0000, kPages = 0x10'0000, kTensors = 0x100'0000;

inline npu::Config small_npu() {
  npu::Config config;
  config.array.rows = 32;
  config.array.columns = 32;
  return config;
}

inline abi::Operand in_memory(std::uint64_t address, abi::Format format = abi::Format::kFp16) {
  return {address, 0, 1, static_cast<std::uint8_t>(format), 0, abi::kNoSlot};
}
inline abi::Operand on_chip(std::uint64_t offset, std::uint32_t columns) {
  return {offset, columns * 2, 0, static_cast<std::uint8_t>(abi::Format::kFp16), 0, abi::kNoSlot};
}
inline abi::Operand absent() {
  return {0, 0, abi::kNoSlot, 0, 0, abi::kNoSlot};
}

inline abi::Primitive primitive(abi::PrimitiveOp op,
                                std::initializer_list<std::uint16_t> after = {}) {
  abi::Primitive p{};
  p.op = static_cast<std::uint8_t>(op);
  p.engine_mask = abi::kEngineNpu;
  p.predicate_slot = p.index_slot = abi::kNoSlot;
  for (const std::uint16_t index : after) p.predecessors[p.predecessor_count++] = index;
  p.input = p.input2 = p.weight = p.remainder = p.scales = p.tables = p.bias = p.output = absent();
  return p;
}

// The driver's side: rings, commands and completions, whatever lies between NPU and memory.
class RigDriver {
 public:
  RigDriver(npu::Npu& device, memory::Stack& stack, const char* name = "driver")
      : npu(device), memory(stack), driver(name) {
    driver.socket.bind(npu.registers());
  }

  void enable() {
    namespace reg = abi::npu;
    driver.write32(reg::CONTROL, 1);
    for (std::uint32_t queue = 0; queue < 2; ++queue) {
      const std::uint32_t at = queue * abi::kQueuePairStride;
      driver.write32(reg::SQ_BASE_LO + at, static_cast<std::uint32_t>(kRings + queue * 0x800));
      driver.write32(reg::SQ_SIZE + at, 16);
      driver.write32(reg::CQ_BASE_LO + at,
                     static_cast<std::uint32_t>(kRings + 0x1000 + queue * 0x800));
      driver.write32(reg::CQ_SIZE + at, 16);
      driver.write32(reg::QP_CONTROL + at, 1);
      tail[queue] = head[queue] = 0;
      phase[queue] = 1;
    }
  }

  template <typename T>
  void put(std::uint64_t address, const T& value) {
    memory.store().write(address, reinterpret_cast<const std::uint8_t*>(&value), sizeof value);
  }
  template <typename T>
  void put(std::uint64_t address, const std::vector<T>& values) {
    memory.store().write(address, reinterpret_cast<const std::uint8_t*>(values.data()),
                         values.size() * sizeof(T));
  }
  template <typename T>
  T get(std::uint64_t address) {
    T value;
    memory.store().read(address, reinterpret_cast<std::uint8_t*>(&value), sizeof value);
    return value;
  }

  static abi::Command command(abi::Opcode opcode) {
    abi::Command c{};
    c.opcode = static_cast<std::uint8_t>(opcode);
    c.abi_version = abi::kAbiVersion;
    c.tag = 0x1234;
    c.program = kProgram;
    c.batch_table = kBatch;
    c.parameter_block = kParameters;
    c.result_block = kResults;
    c.batch_count = 1;
    c.flags = abi::kCommandReloadProgram;
    return c;
  }

  // One sequence, one pending token, one KV page set of `pages` pages.
  abi::BatchEntry entry(std::uint32_t pending = 1) {
    abi::BatchEntry e{};
    e.pending_count = pending;
    e.pending_tokens = kTokens;
    e.remaining_tokens = 100;
    for (abi::KvSet& kv : e.kv) kv = {kPageTable, 4, 128, 0, 0, 0, 0};
    return e;
  }

  abi::ParameterBlock parameters() const {
    abi::ParameterBlock p{};
    p.slot_count = 2;
    p.max_draft = 1;
    p.slots[0] = {0, npu.config().activation_bytes, static_cast<std::uint32_t>(abi::Space::kLocal),
                  1};
    p.slots[1] = {0, memory.config().size_bytes(), static_cast<std::uint32_t>(abi::Space::kBus), 1};
    return p;
  }

  void submit(const abi::Command& c, unsigned queue = 0) {
    put(kRings + queue * 0x800 + tail[queue] * sizeof c, c);
    tail[queue] = (tail[queue] + 1) % 16;
    driver.write32(abi::npu::SQ_TAIL + queue * abi::kQueuePairStride, tail[queue]);
  }

  // Simulates until a completion is there; `status` 0xFF if none comes within `limit_us`.
  abi::Completion wait(unsigned queue = 0, std::uint64_t limit_us = 100'000) {
    const std::uint64_t address = kRings + 0x1000 + queue * 0x800 + head[queue] * 16;
    const std::uint64_t end_ps = common::now_ps() + limit_us * 1'000'000;
    while (common::now_ps() < end_ps) {
      const auto completion = get<abi::Completion>(address);
      if ((completion.phase & 1) == phase[queue]) {
        head[queue] = (head[queue] + 1) % 16;
        if (head[queue] == 0) phase[queue] ^= 1;
        driver.write32(abi::npu::CQ_HEAD + queue * abi::kQueuePairStride, head[queue]);
        return completion;
      }
      sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_US));
    }
    abi::Completion none{};
    none.status = 0xFF;
    return none;
  }

  abi::Completion run(const abi::Command& c, unsigned queue = 0) {
    submit(c, queue);
    return wait(queue);
  }

  // Lays out `program` for one pending token, and the command that runs it.
  abi::Command prepare(const std::vector<abi::Primitive>& program,
                       abi::Opcode opcode = abi::Opcode::kRun) {
    put(kProgram, program);
    put(kParameters, parameters());
    put(kBatch, entry());
    put(kTokens, std::uint32_t{3});
    abi::Command c = command(opcode);
    c.primitive_count = static_cast<std::uint16_t>(program.size());
    return c;
  }
  abi::Completion run_program(const std::vector<abi::Primitive>& program) {
    return run(prepare(program));
  }

  npu::Npu& npu;
  memory::Stack& memory;
  LtInitiator driver;
  std::uint32_t tail[2] = {}, head[2] = {};
  std::uint8_t phase[2] = {1, 1};
};

struct NpuAndMemory {
  npu::Npu device;
  memory::Stack stack;
};

class NpuRig : private NpuAndMemory, public RigDriver {
 public:
  explicit NpuRig(const npu::Config& config = small_npu(),
                  const memory::Stack::Config& memory_config = stack_config("lpddr5_6400"))
      : NpuAndMemory{{"npu", config}, {"memory", memory_config}}, RigDriver(device, stack) {
    device.memory.bind(stack.target());
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    enable();
  }
};

inline abi::Status status_of(const abi::Completion& completion) {
  return static_cast<abi::Status>(completion.status);
}

}  // namespace tandem::test
