// SPDX-License-Identifier: Apache-2.0
#include "bus_tap.h"

namespace tandem::platform {

BusTap::BusTap(const sc_core::sc_module_name& name, const char* initiator, AccessLog& log)
    : sc_module(name),
      from_initiator("from_initiator"),
      to_bus("to_bus"),
      initiator_(initiator),
      log_(log) {
  from_initiator.bind(*static_cast<tlm::tlm_fw_transport_if<>*>(this));
  to_bus.bind(*static_cast<tlm::tlm_bw_transport_if<>*>(this));
}

void BusTap::b_transport(common::Payload& payload, sc_core::sc_time& delay) {
  const std::uint64_t address = payload.get_address();  // the bus may change it
  const std::uint64_t begin_ps = common::local_time_ps(delay);
  to_bus->b_transport(payload, delay);
  log_.access(begin_ps, initiator_, address, payload);
}

tlm::tlm_sync_enum BusTap::nb_transport_fw(common::Payload& payload, tlm::tlm_phase& phase,
                                           sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_REQ) addresses_[&payload] = payload.get_address();
  const tlm::tlm_sync_enum result = to_bus->nb_transport_fw(payload, phase, delay);
  const bool responded = result == tlm::TLM_UPDATED && phase == tlm::BEGIN_RESP;
  if (result == tlm::TLM_COMPLETED || responded) end(payload, delay);
  return result;
}

tlm::tlm_sync_enum BusTap::nb_transport_bw(common::Payload& payload, tlm::tlm_phase& phase,
                                           sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_RESP) end(payload, delay);
  return from_initiator->nb_transport_bw(payload, phase, delay);
}

void BusTap::end(const common::Payload& payload, const sc_core::sc_time& delay) {
  const auto found = addresses_.find(&payload);
  if (found == addresses_.end()) return;  // it has ended already
  log_.access(common::local_time_ps(delay), initiator_, found->second, payload);
  addresses_.erase(found);
}

bool BusTap::get_direct_mem_ptr(common::Payload& payload, tlm::tlm_dmi& dmi) {
  return to_bus->get_direct_mem_ptr(payload, dmi);
}

unsigned BusTap::transport_dbg(common::Payload& payload) {
  return to_bus->transport_dbg(payload);
}

void BusTap::invalidate_direct_mem_ptr(sc_dt::uint64 first, sc_dt::uint64 last) {
  from_initiator->invalidate_direct_mem_ptr(first, last);
}

}  // namespace tandem::platform
