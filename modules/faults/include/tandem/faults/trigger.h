// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>

namespace tandem::faults {

struct AddressRange {
  std::uint64_t first;
  std::uint64_t last;  // included
  bool overlaps(std::uint64_t address, std::uint64_t bytes) const {
    return address <= last && (address >= first || first - address < bytes);
  }
};

// When something goes wrong: at which of the opportunities that come by. An opportunity is what the
// fault is about: an access, an edge of an interrupt, a completion, a byte.
struct When {
  std::uint64_t from_ps = 0;          // earlier opportunities do not count
  std::optional<AddressRange> range;  // nor do those that touch none of these bytes
  std::uint64_t nth = 1;              // the first time, counted from 1
  std::uint64_t every = 1;            // then at every so many-th
  std::uint64_t count = 1;            // so often in all
  std::uint32_t id = 0;               // the caller's; told in the log
};

// Counts opportunities. Whoever is asked in the same order gives the same answers.
class Trigger {
 public:
  explicit Trigger(const When& when) : when_(when) {}

  // Whether it happens at this opportunity.
  bool fires(std::uint64_t now_ps, std::uint64_t address = 0, std::uint64_t bytes = 0);
  // It has happened as often as it shall.
  bool spent() const { return fired_ == when_.count; }
  std::uint64_t fired() const { return fired_; }
  std::uint32_t id() const { return when_.id; }
  const std::optional<AddressRange>& range() const { return when_.range; }

 private:
  When when_;
  std::uint64_t seen_ = 0;
  std::uint64_t fired_ = 0;
};

}  // namespace tandem::faults
