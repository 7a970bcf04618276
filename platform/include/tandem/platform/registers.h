// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>
#include <string>
#include <string_view>

namespace tandem::platform {

// The hardware-software contract as text, made from the tables of tandem/abi/tables.h. `format` is
// one of
//   markdown   the register chapter of the manual,
//   c-header   C99 and C++17: offsets, fields, enumerations, constants, structures with size
//   checks, svd        CMSIS-SVD 1.3 of the register blocks, json       all tables as they are.
// Throws std::invalid_argument for any other.
std::string render_registers(std::string_view format);

// The same to `out`; returns an exit code, which is 0.
int run_registers(const std::string& format, std::ostream& out);

}  // namespace tandem::platform
