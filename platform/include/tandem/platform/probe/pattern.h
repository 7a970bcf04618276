// SPDX-License-Identifier: Apache-2.0
// Streams of addresses that characterise a memory.
#pragma once
#include <cstdint>
#include <random>
#include <string>

#include "tandem/memory/address_mapping.h"
#include "tandem/memory/device.h"

namespace tandem::platform {

struct AccessPattern {
  enum class Kind {
    kSequential,  // burst after burst
    kRandom,      // bursts drawn from the whole capacity
    kStride,      // every stride_bytes; each time round begins one burst later
    kPingPong,    // two rows of the first bank of every channel in turn
    kRowMisses,   // the first bank of every channel, another row each time
  };
  Kind kind = Kind::kSequential;
  std::uint64_t stride_bytes = 0;
  unsigned write_percent = 0;  // of the requests, drawn at random; 0 and 100 draw nothing
  std::string name = "sequential";
};

// "sequential", "sequential-write", "sequential-mixed:PERCENT", "random", "random-write",
// "mixed:PERCENT" (random), "stride:BYTES", "pingpong", "row-misses". Throws UserError.
AccessPattern parse_pattern(const std::string& text);

// Requests of one burst each.
class AddressStream {
 public:
  struct Access {
    std::uint64_t address;
    bool is_write;
  };

  // `mapping` outlives the stream. Throws UserError for a stride that is not a multiple of the
  // burst or not less than the capacity.
  AddressStream(const AccessPattern& pattern, const memory::AddressMapping& mapping,
                const memory::DeviceGeometry& geometry, std::uint64_t seed);
  Access next();

 private:
  std::uint64_t next_address();
  std::uint64_t in_first_bank(unsigned row, unsigned column) const;

  AccessPattern pattern_;
  const memory::AddressMapping& mapping_;
  memory::DeviceGeometry geometry_;
  std::uint64_t burst_bytes_;
  std::mt19937_64 engine_;
  std::uint64_t index_ = 0;
  std::uint64_t address_ = 0;  // of the next stride
};

}  // namespace tandem::platform
