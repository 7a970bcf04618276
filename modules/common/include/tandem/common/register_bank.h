// SPDX-License-Identifier: Apache-2.0
// The register file of a device, made from its table in the contract: reset values, access rules,
// TLM responses. A device adds hooks only where reading or writing does something.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tandem/abi/registers.h"
#include "tandem/common/systemc.h"

namespace tandem::common {

class RegisterBank {
 public:
  // Called for element `index` of a register array (0 for a single register).
  using ReadHook = std::function<std::uint32_t(std::uint32_t index)>;
  using AfterReadHook = std::function<void(std::uint32_t index)>;
  using WriteHook = std::function<void(std::uint32_t index, std::uint32_t value)>;
  // Sees every successful access on the bus, for a log: see describe_access().
  using Observer = std::function<void(std::uint32_t offset, std::uint32_t value, bool is_write)>;

  // `block` must outlive the bank; the blocks of the contract live for ever.
  explicit RegisterBank(const abi::RegisterBlock& block);
  RegisterBank(const RegisterBank&) = delete;
  RegisterBank& operator=(const RegisterBank&) = delete;

  // Stored value, without hooks or access rules. `offset` is a constant of the contract; another
  // one throws std::out_of_range.
  std::uint32_t get(std::uint32_t offset, std::uint32_t index = 0) const;
  void set(std::uint32_t offset, std::uint32_t value, std::uint32_t index = 0);

  // The hook gives the value instead of the stored one. It must have no side effect: debug reads
  // call it too.
  void on_read(std::uint32_t offset, ReadHook hook);
  // Called after a read on the bus; never for a debug read.
  void after_read(std::uint32_t offset, AfterReadHook hook);
  // Called after the value was stored (write-one-to-clear: with the written value, nothing is
  // stored unless there is no hook; write-only: nothing is stored).
  void on_write(std::uint32_t offset, WriteHook hook);
  void observe(Observer observer) { observer_ = std::move(observer); }

  // Back to reset values; hooks are not called.
  void reset();
  // Stored values; hooks are not called.
  template <typename Archive>
  void archive(Archive& archive) {
    for (Cell& cell : cells_) archive(cell.value);
  }

  // Serves one access of exactly one aligned 32-bit register and sets the payload's response:
  // address error on a hole, command error on a write to a read-only register, burst error on any
  // other size or alignment, byte-enable error. `payload.get_address()` is relative to the block.
  void access(Payload& payload);
  // Reads whole aligned registers up to the first hole; writes nothing. Returns the bytes served;
  // no side effects.
  unsigned debug(Payload& payload) const;

  const abi::RegisterBlock& block() const { return block_; }

 private:
  struct Cell {
    const abi::RegisterInfo* info = nullptr;  // nullptr: hole
    std::uint32_t index = 0;                  // in the register array
    std::uint32_t value = 0;
  };
  struct Hooks {
    ReadHook read;
    AfterReadHook after_read;
    WriteHook write;
  };

  const Cell& cell(std::uint32_t offset, std::uint32_t index) const;
  Hooks& hooks(const abi::RegisterInfo& info) { return hooks_[&info - block_.registers]; }
  const Hooks& hooks(const abi::RegisterInfo& info) const {
    return hooks_[&info - block_.registers];
  }
  Hooks& hooks_at(std::uint32_t offset) { return hooks(*cell(offset, 0).info); }
  std::uint32_t visible_value(const Cell& cell) const;
  void write(Cell& cell, std::uint32_t value);

  const abi::RegisterBlock& block_;
  std::vector<Cell> cells_;   // one per word of the block
  std::vector<Hooks> hooks_;  // one per line of the table
  Observer observer_;
};

// "NPU.CONTROL", "NPU.SQ_TAIL[2]", "NPU+0x18 (hole)".
std::string describe_register(const abi::RegisterBlock& block, std::uint32_t offset);

// An access in words, for logs: "NPU.CONTROL.ENABLE=1", "NPU.SQ_TAIL[2]=5", reads with "->". Of a
// register with fields, those that are not zero are named; without any, the whole value is given.
std::string describe_access(const abi::RegisterBlock& block, std::uint32_t offset,
                            std::uint32_t value, bool is_write);

}  // namespace tandem::common
