// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "tandem/common/payload_pool.h"
#include "tandem/common/systemc.h"

namespace tandem::test {

// Issues blocking transactions from anywhere after elaboration, because the modules never wait in
// b_transport. Keeps its own local time.
class LtInitiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<LtInitiator> socket;

  explicit LtInitiator(const sc_core::sc_module_name& name) : sc_module(name), socket("socket") {
    socket.register_invalidate_direct_mem_ptr(this, &LtInitiator::invalidate);
  }

  tlm::tlm_response_status transport(tlm::tlm_command command, std::uint64_t address, void* data,
                                     unsigned length) {
    common::set_attributes(payload, command, address, static_cast<std::uint8_t*>(data), length);
    return send();
  }
  // Sends `payload` as it stands.
  tlm::tlm_response_status send() {
    socket->b_transport(payload, delay);
    return payload.get_response_status();
  }
  tlm::tlm_response_status read(std::uint64_t address, void* data, unsigned length) {
    return transport(tlm::TLM_READ_COMMAND, address, data, length);
  }
  tlm::tlm_response_status write(std::uint64_t address, const void* data, unsigned length) {
    return transport(tlm::TLM_WRITE_COMMAND, address, const_cast<void*>(data), length);
  }
  std::uint32_t read32(std::uint64_t address) {
    std::uint32_t value = 0xDEADBEEF;
    read(address, &value, 4);
    return value;
  }
  tlm::tlm_response_status write32(std::uint64_t address, std::uint32_t value) {
    return write(address, &value, 4);
  }
  unsigned debug(tlm::tlm_command command, std::uint64_t address, void* data, unsigned length) {
    common::set_attributes(payload, command, address, static_cast<std::uint8_t*>(data), length);
    return socket->transport_dbg(payload);
  }
  bool direct(std::uint64_t address, tlm::tlm_dmi& dmi) {
    common::set_attributes(payload, tlm::TLM_READ_COMMAND, address, nullptr, 0);
    return socket->get_direct_mem_ptr(payload, dmi);
  }

  std::uint64_t time_ps() const { return common::local_time_ps(delay); }

  common::Payload payload;
  sc_core::sc_time delay;
  struct Invalidation {
    std::uint64_t start, end;
  };
  std::vector<Invalidation> invalidations;

 private:
  void invalidate(sc_dt::uint64 start, sc_dt::uint64 end) { invalidations.push_back({start, end}); }
};

}  // namespace tandem::test
