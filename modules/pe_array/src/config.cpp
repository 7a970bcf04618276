// SPDX-License-Identifier: Apache-2.0
#include "tandem/pe_array/config.h"

#include <cmath>
#include <stdexcept>

namespace tandem::pe_array {
namespace {

[[noreturn]] void refuse(const std::string& field, const std::string& value, const char* rule) {
  throw std::invalid_argument("pe_array." + field + " = " + value + ": " + rule);
}

void require_range(const char* field, std::uint64_t value, std::uint64_t low, std::uint64_t high,
                   const char* rule) {
  if (value < low || value > high) refuse(field, std::to_string(value), rule);
}

void require_factor(const char* field, std::uint32_t value) {
  if (value != 1 && value != 2 && value != 4) {
    refuse(field, std::to_string(value), "must be 1, 2 or 4");
  }
}

// Significand bits of the weight that the multiplier sees; 0: not a weight format.
constexpr unsigned significand_bits(abi::Format format) {
  switch (format) {
    case abi::Format::kFp16:
    case abi::Format::kBsfpEFull:
    case abi::Format::kBsfpIFull:
      return 11;
    case abi::Format::kBf16:
    case abi::Format::kInt8:
      return 8;
    case abi::Format::kInt4:
      return 4;
    case abi::Format::kE2m1:
    case abi::Format::kBsfpIDraft:  // levels of two powers of two
      return 2;
    case abi::Format::kE3m0:
    case abi::Format::kBsfpEDraft:
      return 1;
    case abi::Format::kFp32:
    case abi::Format::kU32:
      break;
  }
  return 0;
}

}  // namespace

std::array<double, abi::kFormatCount> EnergyPerMac::horowitz_45nm() {
  constexpr double kMultiplyFp16 = 1100;
  constexpr double kAddFp32 = 900;
  std::array<double, abi::kFormatCount> energy{};
  for (std::size_t i = 0; i < energy.size(); ++i) {
    const unsigned bits = significand_bits(static_cast<abi::Format>(i));
    if (bits > 0) energy[i] = kMultiplyFp16 * bits / 11 + kAddFp32;
  }
  return energy;
}

void Config::validate() const {
  constexpr std::uint32_t kMaxEdge = 4096;
  require_range("rows", rows, 1, kMaxEdge, "must be 1..4096");
  require_range("columns", columns, 1, kMaxEdge, "must be 1..4096");
  require_range("arrays", arrays, 1, 1024, "must be 1..1024");
  require_range("clock_period_ps", clock_period_ps, 1, 1'000'000'000, "must be 1..1e9");
  require_range("reconfigure_cycles", reconfigure_cycles, 0, 1'000'000, "must be at most 1e6");
  require_range("min_stream_rows", min_stream_rows, 1, 1024, "must be 1..1024");
  require_range("dataflow", static_cast<std::uint64_t>(dataflow), 0, 1,
                "must be 0 (weight-stationary) or 1 (output-stationary)");
  require_factor("draft_columns_factor", draft_columns_factor);
  require_factor("int8_factor", int8_factor);
  for (const double femtojoules : energy.femtojoules) {
    if (!std::isfinite(femtojoules) || femtojoules < 0) {
      refuse("energy.femtojoules", std::to_string(femtojoules), "must be finite, not negative");
    }
  }
  if (energy.source.empty()) refuse("energy.source", "\"\"", "must say where the figures are from");
}

}  // namespace tandem::pe_array
