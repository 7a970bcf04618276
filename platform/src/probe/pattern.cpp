// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/probe/pattern.h"

#include <charconv>

#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Kind = AccessPattern::Kind;

constexpr const char* kPatterns =
    "sequential, sequential-write, sequential-mixed:PERCENT, random, random-write, mixed:PERCENT, "
    "stride:BYTES, pingpong or row-misses";

[[noreturn]] void refuse(const std::string& text, const std::string& expected) {
  throw UserError("--pattern " + printable(text) + ": expected " + expected);
}

std::uint64_t number_after(const std::string& text, std::size_t at, std::uint64_t most,
                           const std::string& expected) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + at, end, value);
  if (error != std::errc{} || stop != end || value > most) refuse(text, expected);
  return value;
}

}  // namespace

AccessPattern parse_pattern(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string word = text.substr(0, colon);
  const bool bare = colon == std::string::npos;
  AccessPattern pattern;
  pattern.name = text;
  const auto simple = [&](const char* name, Kind kind, unsigned write_percent) {
    if (!bare || word != name) return false;
    pattern.kind = kind;
    pattern.write_percent = write_percent;
    return true;
  };
  if (simple("sequential", Kind::kSequential, 0) ||
      simple("sequential-write", Kind::kSequential, 100) || simple("random", Kind::kRandom, 0) ||
      simple("random-write", Kind::kRandom, 100) || simple("pingpong", Kind::kPingPong, 0) ||
      simple("row-misses", Kind::kRowMisses, 0)) {
    return pattern;
  }
  if (word == "mixed" || word == "sequential-mixed") {
    const std::string expected = word + ":PERCENT with 0..100 percent of writes";
    if (bare) refuse(text, expected);
    pattern.kind = word == "mixed" ? Kind::kRandom : Kind::kSequential;
    pattern.write_percent = static_cast<unsigned>(number_after(text, colon + 1, 100, expected));
    return pattern;
  }
  if (word == "stride") {
    const std::string expected = "stride:BYTES, a whole number of bytes above 0";
    if (bare) refuse(text, expected);
    pattern.kind = Kind::kStride;
    pattern.stride_bytes = number_after(text, colon + 1, ~std::uint64_t{0}, expected);
    if (pattern.stride_bytes == 0) refuse(text, expected);
    return pattern;
  }
  refuse(text, kPatterns);
}

AddressStream::AddressStream(const AccessPattern& pattern, const memory::AddressMapping& mapping,
                             const memory::DeviceGeometry& geometry, std::uint64_t seed)
    : pattern_(pattern),
      mapping_(mapping),
      geometry_(geometry),
      burst_bytes_(geometry.burst_bytes()),
      engine_(seed) {
  if (pattern.kind != Kind::kStride) return;
  if (pattern.stride_bytes % burst_bytes_ != 0) {
    refuse(pattern.name,
           "a multiple of the device's burst, " + std::to_string(burst_bytes_) + " bytes");
  }
  if (pattern.stride_bytes >= mapping.size_bytes()) {
    refuse(pattern.name,
           "less than the capacity, " + std::to_string(mapping.size_bytes()) + " bytes");
  }
}

AddressStream::Access AddressStream::next() {
  Access access{next_address(), pattern_.write_percent == 100};
  if (pattern_.write_percent != 0 && pattern_.write_percent != 100) {
    access.is_write = engine_() % 100 < pattern_.write_percent;
  }
  ++index_;
  return access;
}

std::uint64_t AddressStream::next_address() {
  const std::uint64_t size = mapping_.size_bytes();  // a power of two
  const std::uint64_t turn = index_ / mapping_.channels();
  switch (pattern_.kind) {
    case Kind::kSequential:
      return index_ * burst_bytes_ & (size - 1);
    case Kind::kRandom:
      return engine_() & (size - 1) & ~(burst_bytes_ - 1);
    case Kind::kStride: {
      const std::uint64_t address = address_;
      address_ += pattern_.stride_bytes;
      if (address_ >= size) address_ += burst_bytes_ - size;
      return address;
    }
    case Kind::kPingPong:
      return in_first_bank(static_cast<unsigned>(turn % 2),
                           static_cast<unsigned>(turn / 2 % geometry_.columns()));
    case Kind::kRowMisses:
      return in_first_bank(static_cast<unsigned>(turn % geometry_.rows), 0);
  }
  return 0;
}

std::uint64_t AddressStream::in_first_bank(unsigned row, unsigned column) const {
  memory::Location location;
  location.channel = static_cast<unsigned>(index_ % mapping_.channels());
  location.row = row;
  location.column_byte = column * static_cast<unsigned>(burst_bytes_);
  return mapping_.encode(location);
}

}  // namespace tandem::platform
