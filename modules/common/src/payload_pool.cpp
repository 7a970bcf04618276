// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/payload_pool.h"

namespace tandem::common {

void set_attributes(Payload& payload, tlm::tlm_command command, std::uint64_t address,
                    std::uint8_t* data, unsigned length) {
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(data);
  payload.set_data_length(length);
  payload.set_streaming_width(length);
  payload.set_byte_enable_ptr(nullptr);
  payload.set_byte_enable_length(0);
  payload.set_dmi_allowed(false);
  payload.set_gp_option(tlm::TLM_MIN_PAYLOAD);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
}

PayloadPool::Entry& PayloadPool::take() {
  if (free_.empty()) {
    storage_.push_back(std::make_unique<Entry>(this));
    free_.reserve(storage_.size());
    free_.push_back(storage_.back().get());
  }
  Entry& entry = *free_.back();
  free_.pop_back();
  entry.acquire();
  return entry;
}

Payload& PayloadPool::acquire(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data,
                              unsigned length) {
  Entry& entry = take();
  set_attributes(entry, command, address, data, length);
  return entry;
}

Payload& PayloadPool::acquire(tlm::tlm_command command, std::uint64_t address, unsigned length) {
  Entry& entry = take();
  if (entry.buffer.size() < length) entry.buffer.resize(length);
  set_attributes(entry, command, address, entry.buffer.data(), length);
  return entry;
}

void PayloadPool::free(Payload* payload) {
  payload->reset();
  free_.push_back(static_cast<Entry*>(payload));
}

}  // namespace tandem::common
