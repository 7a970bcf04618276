// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace tandem::platform::debug {

// The registers of the hart, as gdb wants them described (target.xml).
const std::string& target_description();
// Whether the description has a register of this number.
bool is_described(unsigned register_number);

}  // namespace tandem::platform::debug
