// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "tandem/memory/device.h"

namespace tandem::memory {

// Where a byte lies.
struct Location {
  unsigned channel = 0;
  unsigned rank = 0;
  unsigned bank_group = 0;
  unsigned bank = 0;  // within its bank group
  unsigned row = 0;
  unsigned column_byte = 0;  // within the row
};

// Bytes of one row that one transaction touches. With interleaving below the column they are
// pieces of `interleave_bytes`, not contiguous in the address space.
struct Run {
  unsigned channel;
  unsigned bank;  // within the channel, see AddressMapping::flat_bank
  unsigned row;
  unsigned column_byte;  // of its first byte
  std::uint64_t bytes;
};

// Bits of the row number that are XORed into other fields, so that strides of whole rows spread
// over banks and channels. A bijection whatever is chosen: the row itself stays as it is.
struct AddressHash {
  static constexpr unsigned kNone = ~0u;
  // Lowest bit of the row that goes into the lowest bit of the field; kNone: the field stays.
  unsigned channel = kNone;
  unsigned rank = kNone;
  unsigned bank_group = kNone;
  unsigned bank = kNone;
};

// A bijection between addresses and locations, from the order of the fields, most significant
// first: two letters each, all of Ro (row), Ra (rank), Bg (bank group), Ba (bank), Co (column) and
// Ch (channel) exactly once, for example "RoRaBaCoBgCh". The lowest interleave_bytes of an address
// are always column bytes; the rest of the column lies where Co stands.
class AddressMapping {
 public:
  // Throws FieldError of "mapping" when the order is malformed, of "channels" and "geometry..." for
  // what is no power of two, of "interleave_bytes" when that does not lie between a burst and a
  // row, of "hash..." for bits that the row does not have.
  AddressMapping(const std::string& order, unsigned channels, const DeviceGeometry& geometry,
                 unsigned interleave_bytes, const AddressHash& hash = {});

  std::uint64_t size_bytes() const { return std::uint64_t{1} << address_bits_; }
  unsigned channels() const { return 1u << fields_[kChannel].bits; }
  unsigned interleave_bytes() const { return 1u << granule_bits_; }

  Location decode(std::uint64_t address) const;
  std::uint64_t encode(const Location& location) const;
  // (rank, bank group, bank) as one number, bank lowest.
  unsigned flat_bank(const Location& location) const {
    return (((location.rank << fields_[kBankGroup].bits) | location.bank_group)
            << fields_[kBank].bits) |
           location.bank;
  }

  // Calls visit(first, last, bytes) for neighbouring channels [first, last) that hold the same
  // number of bytes of [address, address + length), from the first channel on. Exact but for ranges
  // that end within a block of hashed channels, whose rest is shared out evenly.
  template <typename Visit>
  void for_each_share(std::uint64_t address, std::uint64_t length, Visit&& visit) const {
    const Place& place = fields_[kChannel];
    const unsigned count = channels();
    if (place.hash_mask != 0) {
      for (unsigned i = 0; i < count; ++i) {
        visit(i, i + 1, length * (i + 1) / count - length * i / count);
      }
      return;
    }
    const std::uint64_t stripe = std::uint64_t{1} << place.shift;
    const std::uint64_t mask = (stripe << place.bits) - 1;
    const auto whole = [&](std::uint64_t end) {
      return end >> (place.shift + place.bits) << place.shift;
    };
    // What a channel holds of the last period that begins below `end`.
    const auto rest = [&](std::uint64_t end, std::uint64_t channel) {
      const std::uint64_t begin = channel << place.shift;
      return (end & mask) <= begin ? 0 : std::min((end & mask) - begin, stripe);
    };
    const std::uint64_t end = address + length;
    // Channels differ where one of the two ends lies in them, or before them.
    const auto low = static_cast<unsigned>((address & mask) >> place.shift);
    const auto high = static_cast<unsigned>((end & mask) >> place.shift);
    const std::array<unsigned, 5> bounds = {std::min(low, high), std::min(low, high) + 1,
                                            std::max(low, high), std::max(low, high) + 1, count};
    unsigned first = 0;
    for (const unsigned last : bounds) {
      if (last <= first) continue;
      visit(first, last, whole(end) - whole(address) + rest(end, first) - rest(address, first));
      first = last;
    }
  }

  // Calls visit(const Run&) for every row that [address, address + length) touches, at most twice
  // for one row within a block of rows that interleave. Cost follows rows, not bytes.
  template <typename Visit>
  void for_each_run(std::uint64_t address, std::uint64_t length, Visit&& visit) const {
    while (length > 0) {
      const std::uint64_t block = std::uint64_t{1} << block_bits_;
      const std::uint64_t offset = address & (block - 1);
      const std::uint64_t piece = std::min(length, block - offset);
      visit_block(address - offset, offset, piece, visit);
      address += piece;
      length -= piece;
    }
  }

 private:
  enum Field { kRow, kRank, kBankGroup, kBank, kColumn, kChannel, kFields };
  struct Place {
    unsigned shift = 0;  // of its lowest bit in the address (of Co: above the granule)
    unsigned bits = 0;
    unsigned hash_shift = 0;  // of the row bits that are XORed into it
    unsigned hash_mask = 0;   // 0: none
  };
  unsigned extract(std::uint64_t address, Field field) const {
    return static_cast<unsigned>(address >> fields_[field].shift) &
           ((1u << fields_[field].bits) - 1);
  }
  unsigned hash_of(unsigned row, Field field) const {
    return (row >> fields_[field].hash_shift) & fields_[field].hash_mask;
  }
  void set_hash(Field field, unsigned row_bit, const char* name);
  void place_fields(const std::string& order, const std::array<unsigned, kFields>& bits);

  template <typename Visit>
  void emit(std::uint64_t address, std::uint64_t bytes, Visit& visit) const {
    const Location location = decode(address);
    visit(Run{location.channel, flat_bank(location), location.row, location.column_byte, bytes});
  }

  // One block: the addresses below and including Co, that is, 2^lower_bits_ whole rows whose
  // granules alternate.
  template <typename Visit>
  void visit_block(std::uint64_t base, std::uint64_t offset, std::uint64_t length,
                   Visit& visit) const {
    const std::uint64_t granule = std::uint64_t{1} << granule_bits_;
    const std::uint64_t stripe = granule << lower_bits_;
    if (lower_bits_ == 0) {
      emit(base + offset, length, visit);
    } else if (length <= stripe) {
      for (std::uint64_t at = offset; at < offset + length;) {
        const std::uint64_t end = std::min((at / granule + 1) * granule, offset + length);
        emit(base + at, end - at, visit);
        at = end;
      }
    } else {
      for (std::uint64_t lane = 0; lane < stripe; lane += granule) {
        const std::uint64_t before = bytes_of_lane(offset, lane);
        const std::uint64_t bytes = bytes_of_lane(offset + length, lane) - before;
        emit(base + address_in_lane(before, lane), bytes, visit);
      }
    }
  }
  // How many of the first `end` bytes of a block belong to the row whose granules start at `lane`.
  std::uint64_t bytes_of_lane(std::uint64_t end, std::uint64_t lane) const {
    const std::uint64_t granule = std::uint64_t{1} << granule_bits_;
    const std::uint64_t rest = end & ((granule << lower_bits_) - 1);
    const std::uint64_t whole = end >> (granule_bits_ + lower_bits_) << granule_bits_;
    return whole + (rest <= lane ? 0 : std::min(rest - lane, granule));
  }
  // The offset within the block of byte `n` of that row.
  std::uint64_t address_in_lane(std::uint64_t n, std::uint64_t lane) const {
    const std::uint64_t granule = std::uint64_t{1} << granule_bits_;
    return ((n >> granule_bits_) << (granule_bits_ + lower_bits_)) + lane + (n & (granule - 1));
  }

  std::array<Place, kFields> fields_{};
  unsigned granule_bits_ = 0;
  unsigned lower_bits_ = 0;  // of the fields between the granule and the rest of the column
  unsigned block_bits_ = 0;
  unsigned address_bits_ = 0;
};

inline Location AddressMapping::decode(std::uint64_t address) const {
  Location location;
  const unsigned row = extract(address, kRow);
  location.channel = extract(address, kChannel) ^ hash_of(row, kChannel);
  location.rank = extract(address, kRank) ^ hash_of(row, kRank);
  location.bank_group = extract(address, kBankGroup) ^ hash_of(row, kBankGroup);
  location.bank = extract(address, kBank) ^ hash_of(row, kBank);
  location.row = row;
  location.column_byte = (extract(address, kColumn) << granule_bits_) |
                         (static_cast<unsigned>(address) & ((1u << granule_bits_) - 1));
  return location;
}

}  // namespace tandem::memory
