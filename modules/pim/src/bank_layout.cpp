// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/bank_layout.h"

#include <algorithm>
#include <vector>

#include "tandem/abi/pim_registers.h"

namespace tandem::pim {
namespace {

using memory::Location;

constexpr unsigned kNoBit = 255;

// The address bit that alone differs between a location and location zero; kNoBit if several do.
unsigned address_bit(const memory::AddressMapping& mapping, const Location& location) {
  const std::uint64_t address = mapping.encode(location) ^ mapping.encode(Location{});
  if (address == 0 || (address & (address - 1)) != 0) return kNoBit;
  unsigned bit = 0;
  while (address >> bit != 1) ++bit;
  return bit;
}

// The address bits of a field of `values` values, low bit first.
std::vector<unsigned> field_bits(const memory::AddressMapping& mapping, unsigned Location::*field,
                                 unsigned values) {
  std::vector<unsigned> bits;
  for (unsigned value = 1; value < values; value <<= 1) {
    Location location;
    location.*field = value;
    bits.push_back(address_bit(mapping, location));
  }
  return bits;
}

bool known(const std::vector<unsigned>& bits) {
  return std::find(bits.begin(), bits.end(), kNoBit) == bits.end();
}

// Ascending by one from the first bit.
bool side_by_side(const std::vector<unsigned>& bits) {
  for (std::size_t i = 1; i < bits.size(); ++i) {
    if (bits[i] != bits[0] + i) return false;
  }
  return true;
}

std::uint32_t count(const std::vector<unsigned>& bits) {
  return static_cast<std::uint32_t>(bits.size());
}

BankLayout impossible(const char* reason) {
  return {0, 0, reason};
}

}  // namespace

BankLayout bank_layout(const memory::AddressMapping& mapping,
                       const memory::DeviceGeometry& geometry) {
  const std::vector<unsigned> column =
      field_bits(mapping, &Location::column_byte, geometry.row_bytes);
  const std::vector<unsigned> row = field_bits(mapping, &Location::row, geometry.rows);
  const std::vector<unsigned> channel = field_bits(mapping, &Location::channel, mapping.channels());
  // In which order ranks, groups and banks are numbered does not matter.
  std::vector<unsigned> bank = field_bits(mapping, &Location::bank, geometry.banks_per_group);
  for (const unsigned bit : field_bits(mapping, &Location::bank_group, geometry.bank_groups)) {
    bank.push_back(bit);
  }
  for (const unsigned bit : field_bits(mapping, &Location::rank, geometry.ranks)) {
    bank.push_back(bit);
  }
  std::sort(bank.begin(), bank.end());

  if (!known(column) || !known(row) || !known(channel) || !known(bank)) {
    return impossible("the mapping hashes address bits together");
  }
  if (column.empty() || column[0] != 0 || !side_by_side(column)) {
    return impossible("a row of a bank is not contiguous: channels or banks interleave by less");
  }
  if (!side_by_side(bank)) return impossible("the banks of a channel are not at one stride");
  if (row.empty() || !side_by_side(row))
    return impossible("the rows of a bank are not at one stride");
  if (!side_by_side(channel)) return impossible("the channels are not at one stride");
  if (!bank.empty() && row[0] < bank.back()) {
    return impossible("the row is not above the bank in the address");
  }

  namespace regs = abi::pim;
  BankLayout layout;
  layout.banks_word = regs::BANK_LAYOUT_ROW.put(count(column)) |
                      regs::BANK_LAYOUT_BANKS.put(count(bank)) |
                      regs::BANK_LAYOUT_BANK_STRIDE.put(bank.empty() ? count(column) : bank[0]) |
                      regs::BANK_LAYOUT_ROW_STRIDE.put(row[0]);
  if (!channel.empty()) {
    layout.channels_word = regs::CHANNEL_LAYOUT_CHANNELS.put(count(channel)) |
                           regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.put(channel[0]);
  }
  return layout;
}

}  // namespace tandem::pim
