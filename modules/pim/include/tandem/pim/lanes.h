// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/abi/formats.h"

namespace tandem::pim {

constexpr std::uint32_t format_bit(abi::Format format) {
  return 1u << static_cast<unsigned>(format);
}
// Every format whose weights fit one stream of a PimCommand.
constexpr std::uint32_t kAllFormats =
    format_bit(abi::Format::kFp16) | format_bit(abi::Format::kBf16) |
    format_bit(abi::Format::kInt8) | format_bit(abi::Format::kInt4) |
    format_bit(abi::Format::kE2m1) | format_bit(abi::Format::kE3m0) |
    format_bit(abi::Format::kBsfpEDraft) | format_bit(abi::Format::kBsfpIDraft);

// Multiply-accumulates that one bank completes per clock, by format of the weights. 16 for every
// format, as Newton, AiM and HBM-PIM have for FP16: narrow weights then save rows, not multiplying
// time. More is a design point that a configuration has to ask for.
struct Lanes {
  std::uint32_t fp16 = 16;
  std::uint32_t bf16 = 16;
  std::uint32_t int8 = 16;
  std::uint32_t int4 = 16;
  std::uint32_t e2m1 = 16;
  std::uint32_t e3m0 = 16;
  std::uint32_t bsfp_draft = 16;

  // 0 for a format that a bank cannot multiply.
  std::uint32_t of(abi::Format format) const;
};

}  // namespace tandem::pim
