// SPDX-License-Identifier: Apache-2.0
// What a target checks before it touches anything. Each function returns TLM_OK_RESPONSE or the
// response that the transaction deserves.
#pragma once
#include <cstdint>

#include "tandem/common/systemc.h"

namespace tandem::common {

// True when [address, address + length) lies within [0, size_bytes); safe against overflow.
inline bool in_range(std::uint64_t address, std::uint64_t length, std::uint64_t size_bytes) {
  return length <= size_bytes && address <= size_bytes - length;
}

// Attributes that no target of this project supports: byte enables, streaming, no data.
inline tlm::tlm_response_status check_attributes(const Payload& payload) {
  if (payload.get_byte_enable_ptr() != nullptr) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  const unsigned length = payload.get_data_length();
  if (length == 0 || payload.get_streaming_width() < length) return tlm::TLM_BURST_ERROR_RESPONSE;
  if (payload.get_data_ptr() == nullptr) return tlm::TLM_GENERIC_ERROR_RESPONSE;
  return tlm::TLM_OK_RESPONSE;
}

// RAM: any length, any alignment, within `size_bytes`.
inline tlm::tlm_response_status check_memory_access(const Payload& payload,
                                                    std::uint64_t size_bytes) {
  const tlm::tlm_response_status attributes = check_attributes(payload);
  if (attributes != tlm::TLM_OK_RESPONSE) return attributes;
  if (!in_range(payload.get_address(), payload.get_data_length(), size_bytes)) {
    return tlm::TLM_ADDRESS_ERROR_RESPONSE;
  }
  return tlm::TLM_OK_RESPONSE;
}

// Registers: one aligned word of 32 bits, a read or a write.
inline tlm::tlm_response_status check_register_access(const Payload& payload,
                                                      std::uint64_t size_bytes) {
  const tlm::tlm_response_status attributes = check_attributes(payload);
  if (attributes != tlm::TLM_OK_RESPONSE) return attributes;
  if (payload.get_address() >= size_bytes) return tlm::TLM_ADDRESS_ERROR_RESPONSE;
  if (payload.get_data_length() != 4 || payload.get_address() % 4 != 0) {
    return tlm::TLM_BURST_ERROR_RESPONSE;
  }
  if (!payload.is_read() && !payload.is_write()) return tlm::TLM_COMMAND_ERROR_RESPONSE;
  return tlm::TLM_OK_RESPONSE;
}

}  // namespace tandem::common
