// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "tandem/abi/checks.h"

using namespace tandem::abi;

namespace {

const char* const kDigits = "123456789";

template <typename T>
void flip(T& structure, std::size_t bit) {
  reinterpret_cast<u8*>(&structure)[bit / 8] ^= static_cast<u8>(1u << bit % 8);
}

template <typename T>
T random_structure(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  T structure{};
  for (std::size_t i = 0; i < sizeof structure; ++i) {
    reinterpret_cast<u8*>(&structure)[i] = static_cast<u8>(random());
  }
  return structure;
}

bool holds(const Command& command) {
  return command.check == command_check(command);
}

bool holds(const Completion& completion) {
  return completion.phase >> 1 == completion_check(completion);
}

}  // namespace

TEST_CASE("the CRCs are those of the catalogues") {
  const auto* digits = reinterpret_cast<const u8*>(kDigits);
  CHECK(crc7(digits, 9) == 0x75);
  CHECK(crc16(digits, 9) == 0x29B1);
  CHECK(crc32(digits, 9) == 0xCBF4'3926);
  CHECK(crc32(digits + 4, 5, crc32(digits, 4)) == 0xCBF4'3926);
}

TEST_CASE("one or two wrong bits of a completion are always found") {
  auto completion = random_structure<Completion>(1);
  completion.phase = static_cast<u8>(1 | completion_check(completion) << 1);
  REQUIRE(holds(completion));
  constexpr std::size_t kPhaseBit = 8 * offsetof(Completion, phase);  // has no check
  constexpr std::size_t kBits = 8 * sizeof(Completion);
  for (std::size_t one = 0; one < kBits; ++one) {
    for (std::size_t two = one; two < kBits; ++two) {
      if (one == kPhaseBit || two == kPhaseBit) continue;
      Completion wrong = completion;
      flip(wrong, one);
      if (two != one) flip(wrong, two);
      if (holds(wrong)) FAIL("bits " << one << " and " << two);
    }
  }
}

TEST_CASE("up to three wrong bits of a command are found") {
  auto command = random_structure<Command>(2);
  command.check = command_check(command);
  REQUIRE(holds(command));
  constexpr std::size_t kBits = 8 * sizeof(Command);
  for (std::size_t one = 0; one < kBits; ++one) {
    for (std::size_t two = one; two < kBits; ++two) {
      Command wrong = command;
      flip(wrong, one);
      if (two != one) flip(wrong, two);
      if (holds(wrong)) FAIL("bits " << one << " and " << two);
      flip(wrong, (one * 7 + two * 13 + 1) % kBits);
      const bool as_before = std::memcmp(&wrong, &command, sizeof wrong) == 0;
      if (holds(wrong) && !as_before) FAIL("a third beside " << one << " and " << two);
    }
  }
}

TEST_CASE("a wrong bit of a primitive or of the tables is found, what does not count is ignored") {
  auto primitive = random_structure<Primitive>(3);
  primitive.check = primitive_check(primitive);
  for (std::size_t bit = 0; bit < 8 * sizeof primitive; ++bit) {
    Primitive wrong = primitive;
    flip(wrong, bit);
    if (wrong.check == primitive_check(wrong)) FAIL("bit " << bit);
  }

  auto block = random_structure<ParameterBlock>(4);
  block.slot_count = 2;
  BatchEntry entries[2] = {random_structure<BatchEntry>(5), random_structure<BatchEntry>(6)};
  const u32 check = tables_check(block, entries, 2);
  block.check = ~block.check;
  block.slots[2].base = ~block.slots[2].base;
  CHECK(tables_check(block, entries, 2) == check);
  block.slots[1].writable ^= 4;
  CHECK(tables_check(block, entries, 2) != check);
  block.slots[1].writable ^= 4;
  entries[1].kv[1].channels ^= 1;
  CHECK(tables_check(block, entries, 2) != check);
  block.slot_count = 0xFFFF'FFFF;  // wrong itself: no more is read than there is
  CHECK(tables_check(block, entries, 2) != check);
}
