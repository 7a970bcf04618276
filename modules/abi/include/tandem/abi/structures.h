// SPDX-License-Identifier: Apache-2.0
// How structures in memory are described: one list of fields gives the C++ struct and the table
// that documents it. Little endian, naturally aligned, no implicit padding.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tandem::abi {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

struct MemberInfo {
  const char* type;
  const char* name;
  std::size_t offset;
  std::size_t element_bytes;
  std::size_t count;
  const char* meaning;
};

struct StructureInfo {
  const char* name;
  const char* meaning;
  std::size_t size_bytes;
  const MemberInfo* members;
  std::size_t member_count;
};

constexpr bool without_padding(const StructureInfo& info) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < info.member_count; ++i) {
    if (info.members[i].offset != end) return false;
    end += info.members[i].element_bytes * info.members[i].count;
  }
  return end == info.size_bytes;
}

template <typename T>
struct Describe;

#define TANDEM_MEMBER(type, name, meaning) type name;
#define TANDEM_MEMBERS(type, name, count, meaning) type name[count];
#define TANDEM_MEMBER_INFO(type, name, meaning) \
  {#type, #name, offsetof(Self, name), sizeof(Self::name), 1, meaning},
#define TANDEM_MEMBERS_INFO(type, name, count, meaning) \
  {#type, #name, offsetof(Self, name), sizeof(Self::name) / (count), count, meaning},

// Declares `struct Name` of `size` bytes and Describe<Name>::kInfo. LIST(ONE, MANY) names the
// fields: ONE(type, name, meaning) and MANY(type, name, count, meaning).
#define TANDEM_STRUCTURE(Name, size, title, LIST)                                             \
  struct Name {                                                                               \
    LIST(TANDEM_MEMBER, TANDEM_MEMBERS)                                                       \
  };                                                                                          \
  static_assert(sizeof(Name) == (size), #Name " has a size fixed by the contract");           \
  template <>                                                                                 \
  struct Describe<Name> {                                                                     \
    using Self = Name;                                                                        \
    static constexpr MemberInfo kMembers[] = {LIST(TANDEM_MEMBER_INFO, TANDEM_MEMBERS_INFO)}; \
    static constexpr StructureInfo kInfo{#Name, title, size, kMembers,                        \
                                         sizeof(kMembers) / sizeof(kMembers[0])};             \
    static_assert(without_padding(kInfo), #Name " must not have padding");                    \
  };

}  // namespace tandem::abi
