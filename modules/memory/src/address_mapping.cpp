// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/address_mapping.h"

#include <stdexcept>
#include <string_view>

namespace tandem::memory {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"Ro", "Ra", "Bg", "Ba", "Co", "Ch"};

unsigned log2_of(const char* what, unsigned value) {
  if (value == 0 || (value & (value - 1)) != 0) {
    throw std::invalid_argument(std::string("address mapping: ") + what + " is " +
                                std::to_string(value) + ", must be a power of two");
  }
  unsigned bits = 0;
  while ((1u << bits) < value) ++bits;
  return bits;
}

[[noreturn]] void malformed(const std::string& order, const std::string& reason) {
  throw std::invalid_argument(
      "address mapping: order '" + order + "' " + reason +
      "; it must hold each of Ro Ra Bg Ba Co Ch once, such as RoRaBaCoBgCh");
}

std::size_t field_index(const std::string& order, std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return i;
  }
  malformed(order, "has an unknown field '" + std::string(name) + "'");
}

}  // namespace

AddressMapping::AddressMapping(const std::string& order, unsigned channels,
                               const DeviceGeometry& geometry, unsigned interleave_bytes) {
  std::array<unsigned, kFields> bits{};
  bits[kRow] = log2_of("rows", geometry.rows);
  bits[kRank] = log2_of("ranks", geometry.ranks);
  bits[kBankGroup] = log2_of("bank_groups", geometry.bank_groups);
  bits[kBank] = log2_of("banks_per_group", geometry.banks_per_group);
  bits[kChannel] = log2_of("channels", channels);
  granule_bits_ = log2_of("interleave_bytes", interleave_bytes);
  if (interleave_bytes < geometry.burst_bytes() || interleave_bytes > geometry.row_bytes) {
    throw std::invalid_argument("address mapping: interleave_bytes is " +
                                std::to_string(interleave_bytes) + ", must be from one burst (" +
                                std::to_string(geometry.burst_bytes()) + ") to one row (" +
                                std::to_string(geometry.row_bytes) + ")");
  }
  bits[kColumn] = log2_of("row_bytes", geometry.row_bytes) - granule_bits_;
  place_fields(order, bits);
}

void AddressMapping::place_fields(const std::string& order,
                                  const std::array<unsigned, kFields>& bits) {
  if (order.size() != std::size_t{2} * kFields) malformed(order, "has not six fields");
  std::array<bool, kFields> seen{};
  unsigned shift = granule_bits_;
  for (std::size_t i = order.size(); i >= 2; i -= 2) {
    const std::size_t field = field_index(order, std::string_view(order).substr(i - 2, 2));
    if (seen[field]) malformed(order, "has '" + std::string(kNames[field]) + "' twice");
    seen[field] = true;
    fields_[field] = {shift, bits[field]};
    shift += bits[field];
  }
  address_bits_ = shift;
  lower_bits_ = fields_[kColumn].shift - granule_bits_;
  block_bits_ = fields_[kColumn].shift + fields_[kColumn].bits;
}

Location AddressMapping::decode(std::uint64_t address) const {
  Location location;
  location.channel = extract(address, kChannel);
  location.rank = extract(address, kRank);
  location.bank_group = extract(address, kBankGroup);
  location.bank = extract(address, kBank);
  location.row = extract(address, kRow);
  location.column_byte = (extract(address, kColumn) << granule_bits_) |
                         (static_cast<unsigned>(address) & ((1u << granule_bits_) - 1));
  return location;
}

std::uint64_t AddressMapping::encode(const Location& location) const {
  const auto put = [this](unsigned value, Field field) {
    return std::uint64_t{value} << fields_[field].shift;
  };
  return put(location.channel, kChannel) | put(location.rank, kRank) |
         put(location.bank_group, kBankGroup) | put(location.bank, kBank) |
         put(location.row, kRow) | put(location.column_byte >> granule_bits_, kColumn) |
         (location.column_byte & (interleave_bytes() - 1));
}

}  // namespace tandem::memory
