// SPDX-License-Identifier: Apache-2.0
// Registers by name, as people write them: npu, npu.*, npu.CONTROL, npu.SQ_*, npu.SQ_TAIL[2].
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/abi/registers.h"

namespace tandem::platform {

struct NamedRegister {
  const abi::RegisterBlock* block;
  const abi::RegisterInfo* info;
  std::uint32_t offset;  // in the block
  std::string name;      // "npu.SQ_TAIL[2]"
};

// Those that a pattern means, in the order of the tables; an array without an index means all of
// it. Case does not matter. Throws UserError, with the nearest name, if there is none.
std::vector<NamedRegister> find_registers(const std::string& pattern);

// What find_registers(pattern) are, for people: access, reset value, fields.
std::string describe_registers(const std::string& pattern);

// What is read of registers, and when.
struct RegisterView {
  std::uint64_t at_ps = 0;
  std::vector<NamedRegister> registers;
};

// "npu.STATUS,npu.SQ_TAIL[0]@10us; pim@1 ms", in the order of their times. Throws UserError.
std::vector<RegisterView> parse_register_views(const std::string& text);

}  // namespace tandem::platform
