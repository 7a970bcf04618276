// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace tandem::cpu {

// What is wrong with an ELF file, and what was expected; names no file.
class ElfError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An executable for RV64, as its program headers describe it.
class ElfImage {
 public:
  struct Segment {
    std::uint64_t address;            // physical
    std::uint64_t memory_bytes;       // > 0; zeros follow the bytes
    std::vector<std::uint8_t> bytes;  // at most memory_bytes
    bool executable;

    std::uint64_t last() const { return address + (memory_bytes - 1); }
    bool contains(std::uint64_t a) const { return a >= address && a <= last(); }
  };

  // Throws ElfError unless `file` is a complete, little-endian, statically linked RV64 executable
  // whose segments do not overlap and whose entry lies in one of them.
  static ElfImage parse(const std::vector<std::uint8_t>& file);

  std::uint64_t entry() const { return entry_; }
  const std::vector<Segment>& segments() const { return segments_; }
  // "function" or "function+0x1c" for an address within a segment that has a symbol at or before
  // it; else empty.
  std::string describe(std::uint64_t address) const;
  // Nothing if there is no such symbol.
  std::optional<std::uint64_t> address_of(const std::string& symbol) const;

 private:
  struct Symbol {
    std::string name;
    std::uint64_t bytes;
  };
  class Reader;

  std::uint64_t entry_ = 0;
  std::vector<Segment> segments_;            // in ascending order of address
  std::map<std::uint64_t, Symbol> symbols_;  // functions and objects, by address
};

}  // namespace tandem::cpu
