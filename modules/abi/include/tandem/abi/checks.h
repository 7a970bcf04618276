// SPDX-License-Identifier: Apache-2.0
// Checks that protect commands, tables, programs and completions on their way through memory, where
// a queue pair has QP_CONTROL.CHECKED.
#pragma once
#include "tandem/abi/batch.h"
#include "tandem/abi/command.h"
#include "tandem/abi/program.h"

namespace tandem::abi {

// CRC-7 (x^7 + x^3 + 1), as in the CSD register of SD cards: 15 bytes, 7 bits of CRC and a bit that
// it does not cover. Finds every change of 1 or 2 bits.
constexpr u8 crc7(const u8* bytes, std::size_t count, u8 crc = 0) {
  for (std::size_t i = 0; i < count; ++i) {
    u32 rest = static_cast<u32>(crc) << 1 ^ bytes[i];
    for (int bit = 0; bit < 8; ++bit) rest = (rest & 0x80u) != 0 ? (rest << 1 ^ 0x12u) : rest << 1;
    crc = static_cast<u8>(rest >> 1 & 0x7Fu);
  }
  return crc;
}

// CRC-16/IBM-3740 (x^16 + x^12 + x^5 + 1, initially all ones): finds every change of up to 3 bits.
constexpr u16 crc16(const u8* bytes, std::size_t count) {
  u32 crc = 0xFFFF;
  for (std::size_t i = 0; i < count; ++i) {
    crc ^= static_cast<u32>(bytes[i]) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000u) != 0 ? (crc << 1 ^ 0x1021u) & 0xFFFFu : crc << 1;
    }
  }
  return static_cast<u16>(crc);
}

// What a byte adds to a CRC-32.
struct Crc32Table {
  u32 of_byte[256];
};
constexpr Crc32Table make_crc32_table() {
  Crc32Table table{};
  for (u32 i = 0; i < 256; ++i) {
    u32 rest = i;
    for (int bit = 0; bit < 8; ++bit)
      rest = (rest & 1u) != 0 ? rest >> 1 ^ 0xEDB8'8320u : rest >> 1;
    table.of_byte[i] = rest;
  }
  return table;
}
inline constexpr Crc32Table kCrc32Table = make_crc32_table();

// CRC-32 of Ethernet. Begins with `crc`, the CRC-32 of what comes before; 0: of nothing.
constexpr u32 crc32(const u8* bytes, std::size_t count, u32 crc = 0) {
  crc = ~crc;
  for (std::size_t i = 0; i < count; ++i) {
    crc = crc >> 8 ^ kCrc32Table.of_byte[(crc ^ bytes[i]) & 0xFFu];
  }
  return ~crc;
}

template <typename T>
const u8* bytes_of(const T& structure) {
  return reinterpret_cast<const u8*>(&structure);
}

// `check` lies last in a command.
inline u16 command_check(const Command& command) {
  static_assert(offsetof(Command, check) == sizeof(Command) - sizeof(u16));
  return crc16(bytes_of(command), offsetof(Command, check));
}

inline u8 completion_check(const Completion& completion) {
  constexpr std::size_t kPhase = offsetof(Completion, phase);
  const u8* const bytes = bytes_of(completion);
  const u8 before = crc7(bytes, kPhase);
  return crc7(bytes + kPhase + 1, sizeof completion - kPhase - 1, before);
}

inline u32 primitive_check(const Primitive& primitive) {
  constexpr std::size_t kAfter = offsetof(Primitive, check) + sizeof(u32);
  const u8* const bytes = bytes_of(primitive);
  const u32 before = crc32(bytes, offsetof(Primitive, check));
  return crc32(bytes + kAfter, sizeof primitive - kAfter, before);
}

// Of the header, the slots that count, and the batch table.
inline u32 tables_check(const ParameterBlock& block, const BatchEntry* entries, u32 count) {
  constexpr std::size_t kAfter = offsetof(ParameterBlock, check) + sizeof(u32);
  const u32 slots = block.slot_count < kMaxSlots ? block.slot_count : kMaxSlots;
  const std::size_t end = kParameterHeaderBytes + slots * sizeof(Slot);
  const u8* const bytes = bytes_of(block);
  u32 crc = crc32(bytes, offsetof(ParameterBlock, check));
  crc = crc32(bytes + kAfter, end - kAfter, crc);
  return crc32(reinterpret_cast<const u8*>(entries), count * sizeof(BatchEntry), crc);
}

}  // namespace tandem::abi
