// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tandem/common/systemc.h"

namespace tandem::common {

// Payloads for an initiator. Every attribute is set each time one is handed out, because
// tlm_generic_payload::reset() leaves them as they were. Must outlive its payloads.
class PayloadPool : public tlm::tlm_mm_interface {
 public:
  PayloadPool() = default;
  PayloadPool(const PayloadPool&) = delete;
  PayloadPool& operator=(const PayloadPool&) = delete;

  // A payload with one reference, the caller's, and `data` of at least `length` bytes.
  Payload& acquire(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data,
                   unsigned length);
  // The same with a buffer of the pool's own, which lives as long as the payload is held. Its
  // contents are whatever was there.
  Payload& acquire(tlm::tlm_command command, std::uint64_t address, unsigned length);

  // Called by the last release().
  void free(Payload* payload) override;

  std::size_t in_use() const { return storage_.size() - free_.size(); }

 private:
  struct Entry : Payload {
    using Payload::Payload;
    std::vector<std::uint8_t> buffer;
  };
  Entry& take();

  std::vector<std::unique_ptr<Entry>> storage_;
  std::vector<Entry*> free_;
};

// Sets every attribute of a payload, new or used.
void set_attributes(Payload& payload, tlm::tlm_command command, std::uint64_t address,
                    std::uint8_t* data, unsigned length);

}  // namespace tandem::common
