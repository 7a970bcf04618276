// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <set>
#include <utility>

#include "debug/hart.h"

namespace tandem::test {

// 256 bytes at 0x1000, and registers that hold what is written.
class FakeHart : public platform::debug::Hart {
 public:
  static constexpr std::uint64_t kBase = 0x1000;

  std::uint64_t read_register(unsigned number) const override {
    const auto found = registers.find(number);
    return found == registers.end() ? 0 : found->second;
  }
  bool write_register(unsigned number, std::uint64_t value) override {
    if (number == read_only) return false;
    registers[number] = value;
    return true;
  }
  std::string read_memory(std::uint64_t address, unsigned count) override {
    if (address < kBase || address - kBase >= memory.size()) return {};
    return memory.substr(static_cast<std::size_t>(address - kBase), count);
  }
  bool write_memory(std::uint64_t address, const std::string& bytes) override {
    if (read_memory(address, static_cast<unsigned>(bytes.size())).size() < bytes.size()) {
      return false;
    }
    memory.replace(static_cast<std::size_t>(address - kBase), bytes.size(), bytes);
    return true;
  }
  void add_breakpoint(std::uint64_t address) override { breakpoints.insert(address); }
  void remove_breakpoint(std::uint64_t address) override { breakpoints.erase(address); }
  void add_watchpoint(std::uint64_t address, unsigned bytes) override {
    watchpoints.insert({address, bytes});
  }
  void remove_watchpoint(std::uint64_t address, unsigned bytes) override {
    watchpoints.erase({address, bytes});
  }
  std::uint64_t simulated_time_ps() const override { return 1'500'000; }

  std::map<unsigned, std::uint64_t> registers;
  unsigned read_only = 65 + 0xF14;
  std::string memory = std::string(256, '\0');
  std::set<std::uint64_t> breakpoints;
  std::set<std::pair<std::uint64_t, unsigned>> watchpoints;
};

}  // namespace tandem::test
