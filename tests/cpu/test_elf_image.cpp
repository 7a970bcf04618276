// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "tandem/cpu/elf_image.h"

using tandem::cpu::ElfError;
using tandem::cpu::ElfImage;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kHeader = 64;
constexpr std::size_t kProgramHeader = 56;

// An executable of two segments, code at 0x1000 and data at 0x3000, with two symbols.
class ElfFile {
 public:
  ElfFile() : bytes(0x400) {
    const std::uint8_t magic[] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
    std::memcpy(bytes.data(), magic, sizeof magic);
    put(16, 2, 2);     // executable
    put(18, 243, 2);   // RISC-V
    put(24, 0x1004);   // entry
    put(32, kHeader);  // program headers
    put(40, 0x200);    // section headers
    put(54, kProgramHeader, 2);
    put(56, 2, 2);
    put(58, 64, 2);
    put(60, 3, 2);
    segment(0, 5, 0x100, 0x1000, 16, 16);
    segment(1, 6, 0x110, 0x3000, 8, 0x100);
    for (std::size_t i = 0; i < 24; ++i) bytes[0x100 + i] = static_cast<std::uint8_t>(i + 1);
    // Sections: none, symbols (0x140, two of 24 bytes), strings (0x180).
    section(1, 2, 0x140, 48, 2);
    section(2, 3, 0x180, 32, 0);
    std::memcpy(bytes.data() + 0x181, "main\0table", 11);
    symbol(0, 1, 2, 0x1000, 8);
    symbol(1, 6, 1, 0x3010, 0);
  }

  void put(std::size_t offset, std::uint64_t value, std::size_t count = 8) {
    std::memcpy(bytes.data() + offset, &value, count);
  }
  void segment(std::size_t index, std::uint32_t flags, std::uint64_t offset, std::uint64_t address,
               std::uint64_t file_bytes, std::uint64_t memory_bytes) {
    const std::size_t at = kHeader + index * kProgramHeader;
    put(at, 1, 4);
    put(at + 4, flags, 4);
    put(at + 8, offset);
    put(at + 16, address);
    put(at + 24, address);
    put(at + 32, file_bytes);
    put(at + 40, memory_bytes);
  }

  Bytes bytes;

 private:
  void section(std::size_t index, std::uint32_t type, std::uint64_t offset, std::uint64_t size,
               std::uint32_t link) {
    const std::size_t at = 0x200 + index * 64;
    put(at + 4, type, 4);
    put(at + 24, offset);
    put(at + 32, size);
    put(at + 40, link, 4);
  }
  void symbol(std::size_t index, std::uint32_t name, std::uint8_t type, std::uint64_t value,
              std::uint64_t size) {
    const std::size_t at = 0x140 + index * 24;
    put(at, name, 4);
    bytes[at + 4] = type;
    put(at + 6, 1, 2);
    put(at + 8, value);
    put(at + 16, size);
  }
};

std::string error_of(const Bytes& bytes) {
  try {
    ElfImage::parse(bytes);
  } catch (const ElfError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("elf: segments, entry and symbols") {
  const ElfImage image = ElfImage::parse(ElfFile().bytes);
  CHECK(image.entry() == 0x1004);
  REQUIRE(image.segments().size() == 2);
  CHECK(image.segments()[0].bytes.size() == 16);
  CHECK(image.segments()[0].executable);
  CHECK(image.segments()[1].address == 0x3000);
  CHECK(image.segments()[1].memory_bytes == 0x100);
  CHECK(image.segments()[1].bytes[0] == 17);
  CHECK(image.describe(0x1000) == "main");
  CHECK(image.describe(0x1006) == "main+0x6");
  CHECK(image.describe(0x1008).empty());  // beyond its size
  CHECK(image.describe(0x30ff) == "table+0xef");
  CHECK(image.describe(0x5000).empty());
  CHECK(image.address_of("table") == 0x3010u);
  CHECK_FALSE(image.address_of("nobody"));
}

TEST_CASE("elf: what is wrong is said, with what was expected") {
  ElfFile file;
  SECTION("no ELF") {
    file.bytes[0] = 'x';
    CHECK(error_of(file.bytes) == "it is no ELF file: it does not begin with 0x7F 'ELF'");
    CHECK(error_of({}) == "it is no ELF file: it does not begin with 0x7F 'ELF'");
  }
  SECTION("truncated header") {
    file.bytes.resize(40);
    CHECK(error_of(file.bytes) ==
          "it is truncated: the ELF header needs 64 bytes from offset 0, but the file has 40");
  }
  SECTION("truncated segment") {
    file.bytes.resize(0x114);
    CHECK(error_of(file.bytes) ==
          "it is truncated: the segment of program header 1 needs 8 bytes from offset 272, but the "
          "file has 276");
  }
  SECTION("32 bits") {
    file.bytes[4] = 1;
    CHECK(error_of(file.bytes) == "it is a 32-bit ELF file, must be 64-bit (RV64)");
  }
  SECTION("big-endian") {
    file.bytes[5] = 2;
    CHECK(error_of(file.bytes) == "it is big-endian, must be little-endian");
  }
  SECTION("another machine") {
    file.put(18, 62, 2);
    CHECK(error_of(file.bytes) == "it is for machine 62, must be for RISC-V (243)");
  }
  SECTION("position-independent") {
    file.put(16, 3, 2);
    CHECK(error_of(file.bytes) ==
          "it is position-independent, must be linked to fixed addresses (-no-pie)");
  }
  SECTION("an object file") {
    file.put(16, 1, 2);
    CHECK(error_of(file.bytes) ==
          "it is of ELF type 1, must be an executable (2); has it been linked?");
  }
  SECTION("dynamic") {
    file.put(kHeader, 3, 4);
    CHECK(error_of(file.bytes) ==
          "it wants a dynamic linker (program header 0), must be linked with -static");
  }
  SECTION("overlap") {
    file.segment(1, 6, 0x110, 0x100f, 8, 8);
    CHECK(error_of(file.bytes) == "its segments 0x1000..0x100f and 0x100f..0x1016 overlap");
  }
  SECTION("nothing to load") {
    file.put(56, 0, 2);
    CHECK(error_of(file.bytes) == "it has nothing to load: no LOAD program header");
  }
  SECTION("entry outside") {
    file.put(24, 0x1010);
    CHECK(error_of(file.bytes) == "its entry 0x1010 lies in no executable segment");
  }
  SECTION("entry between instructions") {
    file.put(24, 0x1005);
    CHECK(error_of(file.bytes) ==
          "its entry 0x1005 is odd, must be even: instructions lie at multiples of 2");
  }
  SECTION("entry in data") {
    file.put(24, 0x3000);
    CHECK(error_of(file.bytes) == "its entry 0x3000 lies in no executable segment");
  }
  SECTION("more bytes in the file than in memory") {
    file.segment(1, 6, 0x110, 0x3000, 8, 4);
    CHECK(error_of(file.bytes) ==
          "program header 1 has 8 bytes in the file, more than 4 in memory");
  }
  SECTION("around the end of the address space") {
    file.segment(1, 6, 0x110, ~std::uint64_t{0} - 3, 8, 8);
    CHECK_THAT(error_of(file.bytes), Catch::Contains("beyond any memory"));
  }
}

TEST_CASE("elf: a damaged symbol table costs the symbols, not the program") {
  ElfFile file;
  const std::uint64_t damage = GENERATE(0u, 0x400u, 0xFFFF'FFFFu);
  file.put(0x200 + 64 + 24, 0x390 + damage);
  const ElfImage image = ElfImage::parse(file.bytes);
  CHECK(image.segments().size() == 2);
  CHECK(image.describe(0x1000).empty());
}

TEST_CASE("elf: no byte makes the reader fall over") {
  const Bytes good = ElfFile().bytes;
  for (std::size_t at = 0; at < 0x200 + 3 * 64; ++at) {
    for (const unsigned value : {0x00u, 0x01u, 0x7Fu, 0x80u, 0xFFu}) {
      Bytes bytes = good;
      bytes[at] = static_cast<std::uint8_t>(value);
      try {
        ElfImage::parse(bytes);
      } catch (const ElfError&) {
      }
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    try {
      ElfImage::parse(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)));
    } catch (const ElfError&) {
    }
  }
  SUCCEED("survived");
}
