// SPDX-License-Identifier: Apache-2.0
// How enumerations and constants are described: one list gives the C++ declarations and the table
// that documents them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tandem::abi {

struct EnumeratorInfo {
  const char* name;  // without the k
  std::uint64_t value;
  const char* meaning;
};

struct EnumerationInfo {
  const char* name;
  const char* meaning;
  std::size_t value_bytes;
  const EnumeratorInfo* enumerators;
  std::size_t enumerator_count;
};

struct ConstantInfo {
  const char* name;  // without the k
  std::uint64_t value;
  const char* meaning;
};

struct ConstantGroup {
  const char* name;
  const char* meaning;
  const ConstantInfo* constants;
  std::size_t constant_count;
};

// Two enumerators of one enumeration never share a value.
constexpr bool distinct(const EnumerationInfo& info) {
  for (std::size_t i = 0; i < info.enumerator_count; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (info.enumerators[i].value == info.enumerators[j].value) return false;
    }
  }
  return true;
}

template <typename T>
struct DescribeEnumeration;

// Name of the enumerator without its k; "?" for a value that is none of them.
template <typename T>
constexpr const char* name_of(T value) {
  const EnumerationInfo& info = DescribeEnumeration<T>::kInfo;
  for (std::size_t i = 0; i < info.enumerator_count; ++i) {
    if (info.enumerators[i].value == static_cast<std::uint64_t>(value)) {
      return info.enumerators[i].name;
    }
  }
  return "?";
}

#define TANDEM_ENUMERATOR(name, value, meaning) k##name = value,
#define TANDEM_ENUMERATOR_INFO(name, value, meaning) {#name, value, meaning},

// Declares `enum class Name : type` and DescribeEnumeration<Name>::kInfo. LIST(ITEM) names the
// enumerators: ITEM(name without k, value, meaning).
#define TANDEM_ENUM(Name, type, title, LIST)                                                \
  enum class Name : type { LIST(TANDEM_ENUMERATOR) };                                       \
  template <>                                                                               \
  struct DescribeEnumeration<Name> {                                                        \
    static constexpr EnumeratorInfo kEnumerators[] = {LIST(TANDEM_ENUMERATOR_INFO)};        \
    static constexpr EnumerationInfo kInfo{#Name, title, sizeof(Name), kEnumerators,        \
                                           sizeof(kEnumerators) / sizeof(kEnumerators[0])}; \
    static_assert(distinct(kInfo), #Name " has two enumerators of one value");              \
  };

#define TANDEM_CONSTANT(type, name, value, meaning) constexpr type k##name = value;
#define TANDEM_CONSTANT_INFO(type, name, value, meaning) {#name, value, meaning},

// Declares a constant per line of LIST(ITEM), ITEM(type, name without k, value, meaning), and
// k<Name>Group, the table.
#define TANDEM_CONSTANTS(Name, title, LIST)                                   \
  LIST(TANDEM_CONSTANT)                                                       \
  constexpr ConstantInfo k##Name##Constants[] = {LIST(TANDEM_CONSTANT_INFO)}; \
  constexpr ConstantGroup k##Name##Group{                                     \
      #Name, title, k##Name##Constants,                                       \
      sizeof(k##Name##Constants) / sizeof(k##Name##Constants[0])};

}  // namespace tandem::abi
