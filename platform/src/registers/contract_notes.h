// SPDX-License-Identifier: Apache-2.0
// What a driver has to know beside the tables: orders of accesses, shapes of operands, formulas.
#pragma once
#include <vector>

namespace tandem::platform {

struct ContractNote {
  const char* title;
  const char* text;  // lines that need no further breaking
};

const std::vector<ContractNote>& contract_notes();

}  // namespace tandem::platform
