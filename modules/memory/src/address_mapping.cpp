// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/address_mapping.h"

#include <string_view>

#include "tandem/memory/field_error.h"

namespace tandem::memory {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"Ro", "Ra", "Bg", "Ba", "Co", "Ch"};

unsigned log2_of(const char* field, unsigned value) {
  if (value == 0 || (value & (value - 1)) != 0) {
    throw FieldError(field, std::to_string(value) + " is not a power of two");
  }
  unsigned bits = 0;
  while ((1u << bits) < value) ++bits;
  return bits;
}

[[noreturn]] void malformed(const std::string& order, const std::string& reason) {
  throw FieldError("mapping",
                   "'" + order + "' " + reason +
                       ", so it is no bijection: it must hold each of Ro Ra Bg Ba Co Ch once, "
                       "such as RoRaBaCoBgCh");
}

std::size_t field_index(const std::string& order, std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return i;
  }
  malformed(order, "has an unknown field '" + std::string(name) + "'");
}

}  // namespace

AddressMapping::AddressMapping(const std::string& order, unsigned channels,
                               const DeviceGeometry& geometry, unsigned interleave_bytes,
                               const AddressHash& hash) {
  std::array<unsigned, kFields> bits{};
  bits[kRow] = log2_of("geometry.rows", geometry.rows);
  bits[kRank] = log2_of("geometry.ranks", geometry.ranks);
  bits[kBankGroup] = log2_of("geometry.bank_groups", geometry.bank_groups);
  bits[kBank] = log2_of("geometry.banks_per_group", geometry.banks_per_group);
  bits[kChannel] = log2_of("channels", channels);
  granule_bits_ = log2_of("interleave_bytes", interleave_bytes);
  if (interleave_bytes < geometry.burst_bytes() || interleave_bytes > geometry.row_bytes) {
    throw FieldError("interleave_bytes",
                     std::to_string(interleave_bytes) + " is not from one burst (" +
                         std::to_string(geometry.burst_bytes()) + ") to one row (" +
                         std::to_string(geometry.row_bytes) + ")");
  }
  bits[kColumn] = log2_of("geometry.row_bytes", geometry.row_bytes) - granule_bits_;
  place_fields(order, bits);
  set_hash(kChannel, hash.channel, "hash.Ch");
  set_hash(kRank, hash.rank, "hash.Ra");
  set_hash(kBankGroup, hash.bank_group, "hash.Bg");
  set_hash(kBank, hash.bank, "hash.Ba");
}

void AddressMapping::set_hash(Field field, unsigned row_bit, const char* name) {
  Place& place = fields_[field];
  if (row_bit == AddressHash::kNone || place.bits == 0) return;
  const unsigned row_bits = fields_[kRow].bits;
  if (row_bit >= row_bits || place.bits > row_bits - row_bit) {
    throw FieldError(name, "needs bits " + std::to_string(row_bit) + ".." +
                               std::to_string(std::uint64_t{row_bit} + place.bits - 1) +
                               " of the row, which has " + std::to_string(row_bits) + " bits");
  }
  place.hash_shift = row_bit;
  place.hash_mask = (1u << place.bits) - 1;
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

std::uint64_t AddressMapping::encode(const Location& location) const {
  const auto put = [this, &location](unsigned value, Field field) {
    return std::uint64_t{value ^ hash_of(location.row, field)} << fields_[field].shift;
  };
  return put(location.channel, kChannel) | put(location.rank, kRank) |
         put(location.bank_group, kBankGroup) | put(location.bank, kBank) |
         put(location.row, kRow) | put(location.column_byte >> granule_bits_, kColumn) |
         (location.column_byte & (interleave_bytes() - 1));
}

}  // namespace tandem::memory
