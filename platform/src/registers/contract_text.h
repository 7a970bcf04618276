// SPDX-License-Identifier: Apache-2.0
// Spelling that the printers of the contract share.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tandem/abi/registers.h"

namespace tandem::platform {

// "0x1c", at least `digits` digits.
std::string hex(std::uint64_t value, unsigned digits = 1);
// "BsfpEDraft" -> "BSFP_E_DRAFT".
std::string upper_snake(std::string_view camel);
std::string lower_snake(std::string_view camel);
std::string upper(std::string_view text);
// "RO", "RW", "WO" or "W1C".
const char* short_name(abi::Access access);
// Calls visit(field) for each field of the register, in the order of the table.
template <typename Visit>
void for_each_field(const abi::RegisterBlock& block, const abi::RegisterInfo& info, Visit visit) {
  for (std::size_t i = 0; i < block.field_count; ++i) {
    if (std::string_view(block.fields[i].register_name) == info.name) visit(block.fields[i]);
  }
}

std::string render_markdown();
std::string render_c_header();
std::string render_svd();
std::string render_json();

}  // namespace tandem::platform
