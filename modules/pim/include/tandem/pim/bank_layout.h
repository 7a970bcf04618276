// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "tandem/memory/address_mapping.h"
#include "tandem/memory/device.h"

namespace tandem::pim {

// Whether software can address the rows of every bank and channel by strides, as the banked KV
// layouts of abi/batch.h do: a row is contiguous, and each bit of bank, row and channel is one bit
// of the address, those of a kind side by side, the rows above banks and columns. RoRaBgBaChCo
// interleaved by whole rows is such a mapping; one that hashes bits together is not.
struct BankLayout {
  std::uint32_t banks_word = 0;     // value of BANK_LAYOUT; 0: not possible
  std::uint32_t channels_word = 0;  // value of CHANNEL_LAYOUT
  std::string why_not;              // when it is not possible: the rule that the mapping breaks

  bool possible() const { return banks_word != 0; }
};

BankLayout bank_layout(const memory::AddressMapping& mapping,
                       const memory::DeviceGeometry& geometry);

}  // namespace tandem::pim
