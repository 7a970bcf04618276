// SPDX-License-Identifier: Apache-2.0
// Quantities as people write them ("1 GHz", "32 GB/s", "14 ns", "1 MiB") and as integers in base
// units. Conversion is exact: a quantity that is no whole number of base units is refused.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tandem::platform {

enum class Quantity {
  kTime,          // ps
  kFrequency,     // Hz
  kBytes,         // bytes
  kBandwidth,     // bytes/s
  kTransferRate,  // transfers/s
  kRate,          // per 10^6 s
  kEnergy,        // fJ
  kEnergyPerBit,  // fJ per bit
  kPower,         // uW
  kCurrent,       // uA
  kVoltage,       // uV
};

// The message continues a sentence that names the key: "expected a time such as '14 ns', got '5'".
class UnitError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// Decimal number, blanks if any, unit. Throws UnitError for a bare number, another quantity's
// unit, a sign, a fraction of the base unit, or more than 64 bits.
std::uint64_t parse_quantity(std::string_view text, Quantity quantity);

// The shortest exact text with at least 1 before the point; reading it back gives the same value.
std::string format_quantity(std::uint64_t value, Quantity quantity);

// "a time such as '14 ns'"
std::string describe(Quantity quantity);

}  // namespace tandem::platform
