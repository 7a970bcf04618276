// SPDX-License-Identifier: Apache-2.0
// Layouts and numbers are those of the System V ABI's ELF-64 object file format.
#include "tandem/cpu/elf_image.h"

#include <algorithm>
#include <cstdio>

namespace tandem::cpu {
namespace {

constexpr std::uint64_t kHeaderBytes = 64;
constexpr std::uint64_t kProgramHeaderBytes = 56;
constexpr std::uint64_t kSectionHeaderBytes = 64;
constexpr std::uint64_t kSymbolBytes = 24;
constexpr std::uint32_t kClass64 = 2;
constexpr std::uint32_t kLittleEndian = 1;
constexpr std::uint32_t kExecutable = 2;
constexpr std::uint32_t kShared = 3;
constexpr std::uint32_t kRiscv = 243;
constexpr std::uint32_t kLoad = 1;
constexpr std::uint32_t kInterpreter = 3;
constexpr std::uint32_t kFlagExecute = 1;
constexpr std::uint32_t kSymbolTable = 2;
constexpr std::uint32_t kNoBits = 8;
constexpr std::uint64_t kMostMemoryBytes = std::uint64_t{1} << 40;

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string range(const ElfImage::Segment& segment) {
  return hex(segment.address) + ".." + hex(segment.last());
}

}  // namespace

class ElfImage::Reader {
 public:
  explicit Reader(const std::vector<std::uint8_t>& file) : file_(file) {}

  ElfImage read() {
    check_identification();
    read_segments();
    check_segments();
    read_symbols();
    return std::move(image_);
  }

 private:
  std::uint64_t number(std::uint64_t offset, unsigned bytes) const {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{file_[offset + i]} << (8 * i);
    return value;
  }
  std::uint32_t half(std::uint64_t offset) const {
    return static_cast<std::uint32_t>(number(offset, 2));
  }
  std::uint32_t word(std::uint64_t offset) const {
    return static_cast<std::uint32_t>(number(offset, 4));
  }
  std::uint64_t quad(std::uint64_t offset) const { return number(offset, 8); }
  bool in_file(std::uint64_t offset, std::uint64_t bytes) const {
    return bytes <= file_.size() && offset <= file_.size() - bytes;
  }
  void require_in_file(std::uint64_t offset, std::uint64_t bytes, const std::string& what) const {
    if (in_file(offset, bytes)) return;
    throw ElfError("it is truncated: " + what + " needs " + std::to_string(bytes) +
                   " bytes from offset " + std::to_string(offset) + ", but the file has " +
                   std::to_string(file_.size()));
  }

  void check_identification() const {
    static constexpr std::uint8_t kMagic[] = {0x7F, 'E', 'L', 'F'};
    if (file_.size() < sizeof kMagic ||
        !std::equal(kMagic, kMagic + sizeof kMagic, file_.begin())) {
      throw ElfError("it is no ELF file: it does not begin with 0x7F 'ELF'");
    }
    require_in_file(0, kHeaderBytes, "the ELF header");
    if (file_[4] != kClass64) throw ElfError("it is a 32-bit ELF file, must be 64-bit (RV64)");
    if (file_[5] != kLittleEndian) throw ElfError("it is big-endian, must be little-endian");
    if (half(18) != kRiscv) {
      throw ElfError("it is for machine " + std::to_string(half(18)) +
                     ", must be for RISC-V (243)");
    }
    if (half(16) == kShared) {
      throw ElfError("it is position-independent, must be linked to fixed addresses (-no-pie)");
    }
    if (half(16) != kExecutable) {
      throw ElfError("it is of ELF type " + std::to_string(half(16)) +
                     ", must be an executable (2); has it been linked?");
    }
  }

  void read_segments() {
    image_.entry_ = quad(24);
    const std::uint64_t table = quad(32);
    const std::uint32_t count = half(56);
    if (count > 0 && half(54) != kProgramHeaderBytes) {
      throw ElfError("its program headers have " + std::to_string(half(54)) + " bytes, must have " +
                     std::to_string(kProgramHeaderBytes));
    }
    require_in_file(table, count * kProgramHeaderBytes, "the table of program headers");
    for (std::uint32_t i = 0; i < count; ++i) {
      read_segment(i, table + i * kProgramHeaderBytes);
    }
  }

  void read_segment(std::uint32_t index, std::uint64_t header) {
    const std::uint32_t type = word(header);
    const std::string name = "program header " + std::to_string(index);
    if (type == kInterpreter) {
      throw ElfError("it wants a dynamic linker (" + name + "), must be linked with -static");
    }
    const std::uint64_t offset = quad(header + 8);
    const std::uint64_t address = quad(header + 24);
    const std::uint64_t file_bytes = quad(header + 32);
    const std::uint64_t memory_bytes = quad(header + 40);
    if (type != kLoad || memory_bytes == 0) return;
    require_in_file(offset, file_bytes, "the segment of " + name);
    if (file_bytes > memory_bytes) {
      throw ElfError(name + " has " + std::to_string(file_bytes) +
                     " bytes in the file, more than " + std::to_string(memory_bytes) +
                     " in memory");
    }
    if (memory_bytes > kMostMemoryBytes || address + (memory_bytes - 1) < address) {
      throw ElfError(name + " has " + hex(memory_bytes) + " bytes at " + hex(address) +
                     ", beyond any memory");
    }
    const auto begin = file_.begin() + static_cast<std::ptrdiff_t>(offset);
    image_.segments_.push_back({address,
                                memory_bytes,
                                {begin, begin + static_cast<std::ptrdiff_t>(file_bytes)},
                                (word(header + 4) & kFlagExecute) != 0});
  }

  void check_segments() {
    std::vector<Segment>& segments = image_.segments_;
    if (segments.empty()) throw ElfError("it has nothing to load: no LOAD program header");
    std::sort(segments.begin(), segments.end(),
              [](const Segment& a, const Segment& b) { return a.address < b.address; });
    for (std::size_t i = 1; i < segments.size(); ++i) {
      if (segments[i].address > segments[i - 1].last()) continue;
      throw ElfError("its segments " + range(segments[i - 1]) + " and " + range(segments[i]) +
                     " overlap");
    }
    if (image_.entry_ % 2 != 0) {
      throw ElfError("its entry " + hex(image_.entry_) +
                     " is odd, must be even: instructions lie at multiples of 2");
    }
    const bool has_entry = std::any_of(segments.begin(), segments.end(), [this](const Segment& s) {
      return s.executable && s.contains(image_.entry_);
    });
    if (!has_entry) {
      throw ElfError("its entry " + hex(image_.entry_) + " lies in no executable segment");
    }
  }

  // Symbols only help people: a table that is not sound is left out.
  void read_symbols() {
    const std::uint64_t table = quad(40);
    const std::uint32_t count = half(60);
    if (half(58) != kSectionHeaderBytes || !in_file(table, count * kSectionHeaderBytes)) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t header = table + i * kSectionHeaderBytes;
      const std::uint32_t strings = word(header + 40);
      if (word(header + 4) != kSymbolTable || strings >= count) continue;
      read_symbol_table(header, table + strings * kSectionHeaderBytes);
    }
  }

  void read_symbol_table(std::uint64_t header, std::uint64_t strings_header) {
    const std::uint64_t offset = quad(header + 24);
    const std::uint64_t bytes = quad(header + 32);
    const std::uint64_t strings = quad(strings_header + 24);
    const std::uint64_t strings_bytes = quad(strings_header + 32);
    if (word(strings_header + 4) == kNoBits) return;
    if (!in_file(offset, bytes) || !in_file(strings, strings_bytes)) return;
    for (std::uint64_t at = offset; at + kSymbolBytes <= offset + bytes; at += kSymbolBytes) {
      const unsigned type = file_[at + 4] & 0xFu;
      constexpr unsigned kFunction = 2;
      if (type > kFunction || half(at + 6) == 0) continue;  // sections, files; undefined ones
      const std::string name = text(strings, strings_bytes, word(at));
      // Names such as $x and .L3 mark places for tools.
      if (name.empty() || name[0] == '$' || name[0] == '.') continue;
      image_.symbols_.insert({quad(at + 8), {name, quad(at + 16)}});
    }
  }

  std::string text(std::uint64_t strings, std::uint64_t bytes, std::uint64_t offset) const {
    std::string result;
    for (; offset < bytes && file_[strings + offset] != 0; ++offset) {
      result.push_back(static_cast<char>(file_[strings + offset]));
    }
    return result;
  }

  const std::vector<std::uint8_t>& file_;
  ElfImage image_;
};

ElfImage ElfImage::parse(const std::vector<std::uint8_t>& file) {
  return Reader(file).read();
}

std::string ElfImage::describe(std::uint64_t address) const {
  const bool loaded =
      std::any_of(segments_.begin(), segments_.end(),
                  [address](const Segment& segment) { return segment.contains(address); });
  auto next = symbols_.upper_bound(address);
  if (!loaded || next == symbols_.begin()) return {};
  const auto& [begin, symbol] = *std::prev(next);
  if (symbol.bytes > 0 && address - begin >= symbol.bytes) return {};
  return address == begin ? symbol.name : symbol.name + "+" + hex(address - begin);
}

std::optional<std::uint64_t> ElfImage::address_of(const std::string& symbol) const {
  for (const auto& [address, known] : symbols_) {
    if (known.name == symbol) return address;
  }
  return {};
}

}  // namespace tandem::cpu
