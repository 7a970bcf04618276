// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace tandem::platform::debug {

// What gdb looks at: a halted hart and the memory that it sees.
class Hart {
 public:
  // As gdb numbers them: 0..31 x, 32 pc, 33..64 f, 65 + n the CSR n.
  static constexpr unsigned kPc = 32;
  static constexpr unsigned kFirstFloat = 33;
  static constexpr unsigned kFirstCsr = 65;

  virtual ~Hart() = default;
  virtual std::uint64_t read_register(unsigned number) const = 0;
  virtual bool write_register(unsigned number, std::uint64_t value) = 0;
  // Bytes up to the first that cannot be accessed; nothing is triggered.
  virtual std::string read_memory(std::uint64_t address, unsigned count) = 0;
  virtual bool write_memory(std::uint64_t address, const std::string& bytes) = 0;
  virtual void add_breakpoint(std::uint64_t address) = 0;
  virtual void remove_breakpoint(std::uint64_t address) = 0;
  // Of changes.
  virtual void add_watchpoint(std::uint64_t address, unsigned bytes) = 0;
  virtual void remove_watchpoint(std::uint64_t address, unsigned bytes) = 0;
  virtual std::uint64_t simulated_time_ps() const = 0;
};

}  // namespace tandem::platform::debug
