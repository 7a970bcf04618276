// SPDX-License-Identifier: Apache-2.0
// The register file of a device, made from its table in the contract: reset values, access rules,
// TLM responses. A device adds hooks only where reading or writing does something.
#pragma once
#include <cstdint>
#include <functional>
#include <tlm>
#include <vector>

#include "tandem/abi/registers.h"

namespace tandem::common {

class RegisterBank {
 public:
  // Called for element `index` of a register array (0 for a single register).
  using ReadHook = std::function<std::uint32_t(std::uint32_t index)>;
  using WriteHook = std::function<void(std::uint32_t index, std::uint32_t value)>;

  explicit RegisterBank(const abi::RegisterBlock& block);

  // Stored value, without hooks or access rules; `offset` is a constant of the contract.
  std::uint32_t get(std::uint32_t offset, std::uint32_t index = 0) const;
  void set(std::uint32_t offset, std::uint32_t value, std::uint32_t index = 0);

  // The hook gives the value instead of the stored one. It must have no side effect: debug reads
  // call it too.
  void on_read(std::uint32_t offset, ReadHook hook);
  // Called after a read on the bus; never for a debug read.
  void after_read(std::uint32_t offset, std::function<void(std::uint32_t index)> hook);
  // Called after the value was stored (write-one-to-clear: with the written value, nothing is
  // stored; write-only: nothing is stored).
  void on_write(std::uint32_t offset, WriteHook hook);

  // Back to reset values; hooks are not called.
  void reset();

  // Serves one access of exactly one aligned 32-bit register and sets the payload's response:
  // address error on a hole, command error on a write to a read-only register, burst error on any
  // other size or alignment, byte-enable error. `payload.get_address()` is relative to the block.
  void access(tlm::tlm_generic_payload& payload);
  // Bytes served; no side effects.
  unsigned int debug(tlm::tlm_generic_payload& payload);

  const abi::RegisterBlock& block() const { return block_; }

 private:
  struct Cell {
    const abi::RegisterInfo* info = nullptr;  // nullptr: hole
    std::uint32_t index = 0;
    std::uint32_t value = 0;
  };
  struct Hooks;

  const abi::RegisterBlock& block_;
  std::vector<Cell> cells_;
  std::vector<ReadHook> reads_;
  std::vector<std::function<void(std::uint32_t)>> after_reads_;
  std::vector<WriteHook> writes_;
};

}  // namespace tandem::common
