// SPDX-License-Identifier: Apache-2.0
// How register blocks are described. A block is one list of REG and FIELD lines; the constants that
// drivers and models use and the table that documents them both expand from it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tandem::abi {

enum class Access : std::uint8_t {
  kReadOnly,  // a write is answered with an error
  kInstance,  // read-only; the value after reset is known to the instance only,
              // so the table holds 0
  kReadWrite,
  kWriteOnly,  // reads as zero
  kWriteOneToClear,
};

constexpr bool is_read_only(Access access) {
  return access == Access::kReadOnly || access == Access::kInstance;
}

struct FieldInfo {
  const char* register_name;
  const char* name;
  std::uint8_t lsb;
  std::uint8_t width;
  const char* meaning;
};

// `count` registers, `stride` bytes apart.
struct RegisterInfo {
  const char* name;
  std::uint32_t offset;
  std::uint32_t reset;
  Access access;
  std::uint16_t count;
  std::uint16_t stride;
  const char* meaning;
};

struct RegisterBlock {
  const char* name;
  const char* meaning;
  std::uint32_t size_bytes;
  const RegisterInfo* registers;
  std::size_t register_count;
  const FieldInfo* fields;
  std::size_t field_count;
};

// A field of a 32-bit register.
struct Field {
  std::uint8_t lsb;
  std::uint8_t width;
  constexpr std::uint32_t mask() const {
    return (width >= 32 ? 0xFFFF'FFFFu : ((1u << width) - 1u)) << lsb;
  }
  constexpr std::uint32_t get(std::uint32_t word) const { return (word & mask()) >> lsb; }
  constexpr std::uint32_t put(std::uint32_t value) const { return (value << lsb) & mask(); }
};

constexpr bool same_text(const char* a, const char* b) {
  while (*a != 0 && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

constexpr bool overlap(const RegisterInfo& a, const RegisterInfo& b) {
  for (std::uint32_t i = 0; i < a.count; ++i) {
    for (std::uint32_t j = 0; j < b.count; ++j) {
      if (a.offset + i * a.stride == b.offset + j * b.stride) return true;
    }
  }
  return false;
}

constexpr bool overlap(const FieldInfo& a, const FieldInfo& b) {
  return same_text(a.register_name, b.register_name) && a.lsb < b.lsb + b.width &&
         b.lsb < a.lsb + a.width;
}

// Registers are 32 bits wide, naturally aligned, in ascending order and do not overlap. The table
// has no reset value for what only the instance knows.
constexpr bool registers_well_formed(const RegisterBlock& block) {
  for (std::size_t i = 0; i < block.register_count; ++i) {
    const RegisterInfo& info = block.registers[i];
    if (info.offset % 4 != 0 || info.count == 0) return false;
    if (info.access == Access::kInstance && info.reset != 0) return false;
    if (info.count > 1 && (info.stride < 4 || info.stride % 4 != 0)) return false;
    const std::uint32_t last = info.offset + (info.count - 1u) * info.stride;
    if (last + 4 > block.size_bytes) return false;
    if (i > 0 && info.offset <= block.registers[i - 1].offset) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (overlap(info, block.registers[j])) return false;
    }
  }
  return true;
}

// Fields lie in a register of the block and do not overlap.
constexpr bool fields_well_formed(const RegisterBlock& block) {
  for (std::size_t i = 0; i < block.field_count; ++i) {
    const FieldInfo& field = block.fields[i];
    if (field.width == 0 || field.lsb + field.width > 32) return false;
    bool found = false;
    for (std::size_t j = 0; j < block.register_count && !found; ++j) {
      found = same_text(field.register_name, block.registers[j].name);
    }
    if (!found) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (overlap(field, block.fields[j])) return false;
    }
  }
  return true;
}

constexpr bool well_formed(const RegisterBlock& block) {
  return registers_well_formed(block) && fields_well_formed(block);
}

#define TANDEM_REG_OFFSET(name, offset, reset, access, count, stride, meaning) \
  constexpr std::uint32_t name = offset;
#define TANDEM_REG_INFO(name, offset, reset, access, count, stride, meaning) \
  {#name, offset, reset, Access::access, count, stride, meaning},
#define TANDEM_REG_IGNORE(...)
#define TANDEM_FIELD_CONSTANT(reg, name, lsb, width, meaning) \
  constexpr Field reg##_##name{lsb, width};
#define TANDEM_FIELD_INFO(reg, name, lsb, width, meaning) {#reg, #name, lsb, width, meaning},

// Declares namespace `ns` with an offset constant per register, a Field constant per field, and
// `kBlock`, the table.
#define TANDEM_REGISTER_BLOCK(ns, title, size, LIST)                                \
  namespace ns {                                                                    \
  LIST(TANDEM_REG_OFFSET, TANDEM_FIELD_CONSTANT)                                    \
  constexpr RegisterInfo kRegisters[] = {LIST(TANDEM_REG_INFO, TANDEM_REG_IGNORE)}; \
  constexpr FieldInfo kFields[] = {LIST(TANDEM_REG_IGNORE, TANDEM_FIELD_INFO)};     \
  constexpr RegisterBlock kBlock{#ns,                                               \
                                 title,                                             \
                                 size,                                              \
                                 kRegisters,                                        \
                                 sizeof(kRegisters) / sizeof(kRegisters[0]),        \
                                 kFields,                                           \
                                 sizeof(kFields) / sizeof(kFields[0])};             \
  static_assert(well_formed(kBlock), "register block " #ns " is not well formed");  \
  }

// The first 0x40 bytes are the same for every device.
#define TANDEM_COMMON_REGISTERS(REG, FIELD, id)                                                  \
  REG(ID, 0x000, id, kReadOnly, 1, 0, "Device identification")                                   \
  REG(VERSION, 0x004, 0x0001'0000, kReadOnly, 1, 0, "Version of the register contract")          \
  FIELD(VERSION, MINOR, 0, 16, "Compatible additions")                                           \
  FIELD(VERSION, MAJOR, 16, 16, "Incompatible changes")                                          \
  REG(CAPABILITY, 0x008, 0, kInstance, 1, 0, "What this instance has, fixed at build time")      \
  REG(CONTROL, 0x010, 0, kReadWrite, 1, 0, "Device control")                                     \
  FIELD(CONTROL, ENABLE, 0, 1, "1: the device takes work")                                       \
  FIELD(CONTROL, SOFT_RESET, 1, 1, "Write 1: same path as the reset pin; reads as 0")            \
  REG(STATUS, 0x014, 0, kReadOnly, 1, 0, "Device status")                                        \
  FIELD(STATUS, BUSY, 0, 1, "Work is in flight")                                                 \
  FIELD(STATUS, ERROR, 1, 1, "ERROR_COUNT is not zero")                                          \
  REG(IRQ_RAW, 0x020, 0, kReadOnly, 1, 0, "Interrupt causes, before the mask")                   \
  REG(IRQ_MASK, 0x024, 0, kReadWrite, 1, 0, "1: the cause raises the interrupt line")            \
  REG(IRQ_STATUS, 0x028, 0, kWriteOneToClear, 1, 0, "RAW and MASK; write 1 to clear the cause")  \
  REG(ERROR_CAUSE, 0x030, 0, kReadOnly, 1, 0, "Status code of the oldest error not yet cleared") \
  REG(ERROR_ADDRESS_LO, 0x034, 0, kReadOnly, 1, 0, "Address of that error")                      \
  REG(ERROR_ADDRESS_HI, 0x038, 0, kReadOnly, 1, 0, "Address of that error")                      \
  REG(ERROR_COUNT, 0x03C, 0, kReadWrite, 1, 0, "Errors since cleared; write 0 to clear all four")

}  // namespace tandem::abi
